"""Requests to a server by plain HTTP, in a coroutine or blocking, and the answers. One connection each."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import io
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from feed.errors import (
    ConnectError,
    FeedError,
    MarketExistsError,
    NotAllowedError,
    NotPossibleError,
    NotReachedError,
    RefusedError,
    UnknownMarketError,
    UsageError,
)

__all__ = ["Reply", "ServerAddress", "key_texts"]

DEFAULT_PORTS = {"ws": 80, "http": 80, "wss": 443, "https": 443}

REFUSALS: dict[str, type[RefusedError]] = {
    "UNKNOWN_MARKET": UnknownMarketError,
    "MARKET_EXISTS": MarketExistsError,
    "NOT_POSSIBLE": NotPossibleError,
    "NOT_REACHED": NotReachedError,
    "NOT_ALLOWED": NotAllowedError,
    "UNAUTHORIZED": NotAllowedError,
}
"""Errors by the code of a refusal; all others are a plain `RefusedError`."""


@dataclass(frozen=True, slots=True)
class Reply:
    """Answer to a request that the server has carried out."""

    status: int
    body: bytes

    @property
    def document(self) -> dict[str, Any]:
        """The answer as a JSON object."""
        found = json.loads(self.body)
        assert isinstance(found, dict)
        return found

    @property
    def text(self) -> str:
        """The answer as text."""
        return self.body.decode()


def key_texts(keys: Mapping[str, object]) -> dict[str, str]:
    """Return keys as the text of a URL, without those that are None. `for_` becomes `for`: Python has the word."""
    return {name.removesuffix("_"): _text(value) for name, value in keys.items() if value is not None}


def _text(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case timedelta():
            return f"{value.total_seconds():f}s"
        case datetime():
            return value.isoformat()
        case Mapping() | list() | tuple():
            return json.dumps(value)
        case _:
            return str(value)


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """Address of a server, with what is needed to ask it.

    Attributes:
        url: as it was given, for messages.
        host: the name or the address.
        port: the port.
        is_secure: whether the connection is encrypted.
        token: sent as `Authorization: Bearer`, or None.
        patience: seconds for an answer; None: for ever.
    """

    url: str
    host: str
    port: int
    is_secure: bool = False
    token: str | None = None
    patience: float | None = 60.0

    @classmethod
    def of(cls, url: str, *, token: str | None = None, patience: float | None = 60.0) -> ServerAddress:
        """Return the address in a URL. Raises UsageError if it is none."""
        try:
            parts = urlsplit(url if "://" in url else f"ws://{url}")
            host, port = parts.hostname, parts.port
        except ValueError:
            host, port = None, None
        if not host or parts.scheme not in DEFAULT_PORTS:
            raise UsageError(f"{url!r} is no address of a server; write it like ws://127.0.0.1:8765")
        return cls(
            url,
            host,
            port or DEFAULT_PORTS[parts.scheme],
            parts.scheme in ("wss", "https"),
            token=token,
            patience=patience,
        )

    @property
    def socket(self) -> str:
        """The address for WebSocket clients, without a path."""
        return f"{'wss' if self.is_secure else 'ws'}://{self._place}"

    @property
    def page(self) -> str:
        """The address for browsers, without a path."""
        return f"{'https' if self.is_secure else 'http'}://{self._place}"

    @property
    def _place(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    async def ask(self, method: str, path: str, keys: Mapping[str, object] | None = None) -> Reply:
        """Send a request, and return the answer.

        Raises:
            RefusedError: the server refuses; there is one kind for each frequent reason.
            ConnectError: no server answers.
        """
        try:
            async with asyncio.timeout(self.patience):
                raw = await self._read(method, _target(path, keys))
        except TimeoutError:
            raise self._silent() from None
        except OSError as error:
            raise self._lost(error) from error
        try:
            with http.client.HTTPResponse(_Held(raw), method=method) as response:  # type: ignore[arg-type]
                response.begin()
                return self._checked(response.status, response.read())
        except http.client.HTTPException as error:
            raise self._lost(error) from error

    def ask_blocking(self, method: str, path: str, keys: Mapping[str, object] | None = None) -> Reply:
        """Do the same as `ask` without an event loop."""
        connect = http.client.HTTPSConnection if self.is_secure else http.client.HTTPConnection
        with contextlib.closing(connect(self.host, self.port, timeout=self.patience)) as connection:
            try:
                connection.request(method, _target(path, keys), headers=self._headers)
                response = connection.getresponse()
                return self._checked(response.status, response.read())
            except TimeoutError:
                raise self._silent() from None
            except (OSError, http.client.HTTPException) as error:
                raise self._lost(error) from error

    async def _read(self, method: str, target: str) -> bytes:
        context = ssl.create_default_context() if self.is_secure else None
        reader, writer = await asyncio.open_connection(self.host, self.port, ssl=context)
        try:
            lines = [f"{method} {target} HTTP/1.1", f"Host: {self._place}", "Content-Length: 0"]
            lines += [f"{name}: {value}" for name, value in self._headers.items()]
            writer.write("\r\n".join([*lines, "", ""]).encode())
            return await reader.read()
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    @property
    def _headers(self) -> dict[str, str]:
        shown = {} if self.token is None else {"Authorization": f"Bearer {self.token}"}
        return {"Connection": "close", **shown}

    def _checked(self, status: int, body: bytes) -> Reply:
        if 200 <= status < 300:
            return Reply(status, body)
        try:
            told = json.loads(body)
        except ValueError:
            told = None
        if not isinstance(told, dict):
            raise ConnectError(f"{self.url} answers with HTTP {status}, and is no feed server")
        code, message = str(told.get("code", "")), str(told.get("message", f"HTTP {status}"))
        raise REFUSALS.get(code, RefusedError)(
            message, code, field=told.get("field"), hint=told.get("hint"), status=status
        )

    def _silent(self) -> FeedError:
        return ConnectError(f"{self.url} does not answer within {self.patience:g} s")

    def _lost(self, error: Exception) -> FeedError:
        if isinstance(error, ConnectionRefusedError) or "Connect call failed" in str(error):
            return ConnectError(f"{self.url}: nobody listens there; feed serve starts a server")
        return ConnectError(f"{self.url}: {str(error) or type(error).__name__}")


def _target(path: str, keys: Mapping[str, object] | None) -> str:
    query = urlencode(key_texts(keys or {}), quote_via=quote)
    return f"{path}?{query}" if query else path


class _Held:
    """Bytes that are read as if they came from a socket."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw

    def makefile(self, mode: str) -> io.BytesIO:
        return io.BytesIO(self._raw)
