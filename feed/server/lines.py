"""Log lines about clients: one each for connecting, subscribing, refusal and leaving; the rest at `debug`."""

from __future__ import annotations

from collections.abc import Iterable

import orjson
from websockets.http11 import Request as HttpRequest
from websockets.http11 import Response

from feed.clock import Clock
from feed.log import get_logger
from feed.protocol.effects import Effect, Join, Stream
from feed.protocol.events import ErrorEvent
from feed.server.connection import FeedConnection
from feed.units import SECOND

__all__ = ["Refusals", "say_closed", "say_error", "say_heard", "say_opened", "say_sent", "say_streams"]

MAX_NAMED = 6
"""The number of streams of one request that are named; for more, their count is logged."""

MAX_TEXT = 200
"""The number of characters shown of a text sent by a client."""

MAX_NAME = 16
"""The number of characters shown of an HTTP method."""

REFUSAL_EVERY = 1 * SECOND
"""The minimum time between lines for refusals with one status: many clients must not flood the log."""

UNSAID = {1000: "it was done", 1001: "its page was left"}
"""Texts by close code for clients that give no reason."""

log = get_logger("feed")


def say_opened(name: str, connection: FeedConnection) -> None:
    """Log a new client with its address and its page or program. To be called while its request is known."""
    told = {}
    if connection.request is not None:
        # A client may send a header twice; the log must not fail on that.
        for key, header in (("origin", "Origin"), ("agent", "User-Agent")):
            if values := connection.request.headers.get_all(header):
                told[key] = values[0][:MAX_TEXT]
    log.info("= open", connection=name, address=_place(connection.remote_address), **told)


def say_streams(name: str, effects: Iterable[Effect]) -> None:
    """Log the new streams of a client, if a request has subscribed it to any."""
    joined = [effect.stream for effect in effects if isinstance(effect, Join)]
    if joined:
        log.info("= subscribed", connection=name, streams=_named(joined))


def say_error(name: str, event: ErrorEvent) -> None:
    """Log the refusal of a request."""
    told = {key: value for key in ("field", "hint") if (value := getattr(event, key)) is not None}
    log.info("> error", connection=name, code=event.code, message=event.message[:MAX_TEXT], **told)


def say_heard(name: str, payload: bytes) -> None:
    """Log an incoming message."""
    log.debug("< message", connection=name, bytes=len(payload), message=_Heard(payload))


def say_sent(name: str, payload: bytes) -> None:
    """Log an outgoing message other than data."""
    log.debug("> message", connection=name, bytes=len(payload), message=_Sent(payload))


def say_closed(name: str, connection: FeedConnection, why: str) -> None:
    """Log a closed connection: the side that ended it, code and reason. `why` is this side's reason, or empty."""
    by, code, reason = connection.goodbye
    if why and by == "network":
        by = "server"
    log.info(
        "x closed", connection=name, by=by, code=code, reason=why or reason or UNSAID.get(code, "it gave no reason")
    )


class Refusals:
    """Log of requests answered without a socket; each refused one has a line, unless there are many."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kinds: dict[int, tuple[int, int]] = {}

    def say_answer(self, request: HttpRequest, response: Response, address: object) -> None:
        """Log the answer to a request: a page, or the reason for its refusal."""
        asked, status = f"{request.method[:MAX_NAME]} {_secretless(request.path)}", response.status_code
        if status < 400:
            log.debug("= answered", address=_place(address), request=asked, status=status)
            return
        now = self._clock.now()
        said, unsaid = self._kinds.get(status, (now - REFUSAL_EVERY, 0))
        if now - said < REFUSAL_EVERY:
            self._kinds[status] = said, unsaid + 1
            return
        self._kinds[status] = now, 0
        more = {"others": unsaid} if unsaid else {}
        reason = _message(response.body)
        log.info("! refused", address=_place(address), request=asked, status=status, reason=reason, **more)


class _Sent:
    """Message as shown in the log, formatted only if the line is written."""

    __slots__ = ("_payload",)

    def __init__(self, payload: bytes) -> None:
        self._payload = payload

    def __repr__(self) -> str:
        return self._payload.decode(errors="replace")[:MAX_TEXT]


class _Heard(_Sent):
    """Client's message as shown in the log, with tokens hidden."""

    __slots__ = ()

    def __repr__(self) -> str:
        try:
            document = orjson.loads(self._payload)
            if isinstance(document, dict):
                for part in (document, document.get("params")):
                    if isinstance(part, dict):
                        part.pop("token", None)
            return _secretless(orjson.dumps(document).decode())
        except (orjson.JSONDecodeError, orjson.JSONEncodeError):
            # Too deeply nested JSON can be read, but not written.
            return _secretless(self._payload.decode(errors="replace"))


def _named(streams: list[Stream]) -> str:
    shown = ", ".join(stream.key for stream in streams[:MAX_NAMED])
    rest = len(streams) - MAX_NAMED
    return shown if rest <= 0 else f"{shown} and {rest} more"


def _place(address: object) -> str:
    """Return a socket's address as text."""
    return ":".join(map(str, address[:2])) if isinstance(address, tuple) else str(address or "")


def _secretless(text: str) -> str:
    """Return the beginning of a client's text, unless it may contain a token."""
    return "(with a token)" if "token" in text.lower() else text[:MAX_TEXT]


def _message(body: bytes | bytearray | None) -> str:
    """Return the message of a refusal to the client."""
    try:
        return str(orjson.loads(body or b"")["message"])
    except (orjson.JSONDecodeError, TypeError, KeyError):
        return ""
