"""A client that stays connected: what comes from the server, and every loss of it, as values of one stream.

A lost connection is not an exception: it is a `Disconnected` in the stream, followed by a `Connected` once the client
is back and has asked for what it missed. Only what makes coming back pointless ends the stream.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from dataclasses import dataclass, field
from typing import Any

import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI

from feed.clock import Clock, SystemClock
from feed.errors import FeedError, UsageError
from feed.protocol.codes import reconnect_for
from feed.units import MILLISECOND, SECOND

__all__ = ["BackOff", "Connected", "Disconnected", "FeedClient", "Happening", "Message", "Subscription"]


@dataclass(frozen=True, slots=True)
class Subscription:
    """What a client wants to hear; each part may be `*`."""

    channel: str = "trading"
    symbol: str = "*"


@dataclass(frozen=True, slots=True)
class Connected:
    """The connection is there, for the `attempt`-th time, and the subscriptions have been sent."""

    attempt: int


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The connection is gone. `retry_in` ns the client tries again; None: it gives up."""

    code: int
    reason: str
    retry_in: int | None


@dataclass(frozen=True, slots=True)
class Message:
    """One event of the server, and when it came (monotonic ns). `missed` counts `seq`s that were left out before it."""

    event: str
    body: dict[str, Any]
    received: int
    missed: int = 0


Happening = Connected | Disconnected | Message


@dataclass(slots=True)
class BackOff:
    """How long to wait before the next attempt: doubling from `first` to `longest` ns, until an attempt succeeds."""

    first: int = 250 * MILLISECOND
    longest: int = 15 * SECOND
    _failures: int = 0

    def next(self, spread: int = 0) -> int:
        """The next wait. `spread` is any number: it shortens the wait by up to a quarter, so that a crowd parts."""
        wait = min(self.longest, self.first << min(self._failures, 32))
        self._failures += 1
        return wait - wait // 4 * (spread % 1000) // 1000

    def reset(self) -> None:
        """An attempt succeeded."""
        self._failures = 0


@dataclass(slots=True)
class _Streams:
    """Where each stream stands: what is needed to find gaps and to resume."""

    epoch: Any = None
    seqs: dict[tuple[str, str], int] = field(default_factory=dict)

    def missed(self, body: dict[str, Any]) -> int:
        """Note a data event; how many of its stream were left out before it."""
        seq = body.get("seq")
        key = (str(body.get("channel")), str(body.get("symbol")))
        if not isinstance(seq, int):
            return 0
        last = self.seqs.get(key)
        self.seqs[key] = seq
        if last is None or body.get("type") == "snapshot":
            return 0
        return max(0, seq - last - 1 - int(body.get("skipped") or 0))

    def subscribed(self, body: dict[str, Any]) -> None:
        """Note where a stream stands that begins; one that was recovered goes on where it was."""
        if isinstance(body.get("seq"), int) and body.get("recovered") is not True:
            self.seqs[str(body.get("channel")), str(body.get("symbol"))] = body["seq"]

    def enter(self, epoch: Any) -> None:
        """The server is in this epoch: numbers of another one mean nothing."""
        if epoch != self.epoch:
            self.seqs.clear()
        self.epoch = epoch


class FeedClient:
    """Connects, subscribes, resumes and comes back.

    Args:
        url: such as `ws://127.0.0.1:8765`.
        subscriptions: sent after each connect; those of known streams ask to resume.
        token: sent as `auth` before them.
        back_off: how long to wait between attempts.
        clock: for the time of arrival.
    """

    def __init__(
        self,
        url: str,
        subscriptions: Iterable[Subscription] = (Subscription(),),
        *,
        token: str | None = None,
        back_off: BackOff | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.url = url
        self._subscriptions = tuple(subscriptions)
        self._token = token
        self._back_off = back_off or BackOff()
        self._clock = clock or SystemClock()
        self._streams = _Streams()
        self._attempt = 0

    async def happenings(self) -> AsyncGenerator[Happening, None]:
        """Everything, until the server says that coming back is pointless.

        Raises:
            UsageError: for a URL that is none, or that the server refuses for good.
        """
        while True:
            lost: Disconnected | None = None
            try:
                async with await self._connection() as connection:
                    async for happening in self._conversation(connection):
                        yield happening
            except ConnectionClosed as error:
                lost = self._lost(error)
            except (OSError, InvalidHandshake, TimeoutError) as error:
                lost = Disconnected(1006, _plain(error), self._wait())
            lost = lost or Disconnected(1006, "the connection ended", self._wait())
            yield lost
            if lost.retry_in is None:
                return
            await asyncio.sleep(lost.retry_in / SECOND)

    async def _connection(self) -> ClientConnection:
        try:
            return await connect(self.url, proxy=None, max_size=None, close_timeout=1)
        except InvalidURI as error:
            raise UsageError(f"{self.url} is no WebSocket URL; write it like ws://127.0.0.1:8765") from error
        except InvalidStatus as error:
            if error.response.status_code in (429, 503):
                raise
            raise UsageError(f"{self.url} refuses: {_refusal(error)}") from error

    async def _conversation(self, connection: ClientConnection) -> AsyncIterator[Happening]:
        self._attempt += 1
        if self._token is not None:
            await _send(connection, {"event": "auth", "token": self._token})
        for request in self._requests():
            await _send(connection, request)
        yield Connected(self._attempt)
        while True:
            body = _decoded(await connection.recv())
            self._back_off.reset()
            event = str(body.get("event"))
            if event in ("status", "market", "subscribed") and "epoch" in body:
                self._streams.enter(body["epoch"])
            if event == "subscribed":
                self._streams.subscribed(body)
            missed = self._streams.missed(body) if event == "data" else 0
            yield Message(event, body, self._clock.now(), missed)

    def _requests(self) -> list[dict[str, Any]]:
        """At first what is wanted; later the streams that came of it, each from where it stood."""
        streams = self._streams
        resumed = [
            {"event": "subscribe", "channel": channel, "symbol": symbol, "resume": {"epoch": streams.epoch, "seq": seq}}
            for (channel, symbol), seq in streams.seqs.items()
        ]
        if resumed:
            return resumed
        return [{"event": "subscribe", "channel": item.channel, "symbol": item.symbol} for item in self._subscriptions]

    def _lost(self, error: ConnectionClosed) -> Disconnected:
        code = error.rcvd.code if error.rcvd is not None else 1006
        reason = error.rcvd.reason if error.rcvd is not None else "the connection broke"
        advice = reconnect_for(code)
        wait = {"never": None, "now": 0}.get(advice, 1)
        return Disconnected(code, reason, self._wait() if wait == 1 else wait)

    def _wait(self) -> int:
        # The clock's fast digits part clients that lost their server together; nothing here is to be repeatable.
        return self._back_off.next(self._clock.now() // 1000)


async def _send(connection: ClientConnection, request: dict[str, Any]) -> None:
    await connection.send(orjson.dumps(request).decode())


def _decoded(frame: str | bytes) -> dict[str, Any]:
    try:
        body = orjson.loads(frame)
    except orjson.JSONDecodeError as error:
        raise FeedError(f"the server sends what is no JSON: {error}") from error
    if not isinstance(body, dict):
        raise FeedError("the server sends what is no event")
    return body


def _plain(error: Exception) -> str:
    if isinstance(error, ConnectionRefusedError) or "Connect call failed" in str(error):
        return "nobody listens there"
    return str(error) or type(error).__name__


def _refusal(error: InvalidStatus) -> str:
    status = error.response.status_code
    try:
        body = orjson.loads(error.response.body or b"{}")
        told = body.get("message") if isinstance(body, dict) else None
    except orjson.JSONDecodeError:
        told = None
    return f"HTTP {status}" + (f", {told}" if told else "")
