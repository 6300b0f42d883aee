"""Connection with automatic reconnects: the server's frames, and every loss of the connection, as one stream of values.

A lost connection is not an exception: it is a `Disconnected`, followed by a `Connected` once the client is back and
has asked for the missed messages. Only an error that makes reconnecting pointless ends the stream.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from typing import Any

import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI

from feed.client.backoff import BackOff
from feed.client.draining import drained
from feed.client.happenings import Connected, Disconnected, Frame, Happening
from feed.client.progress import Progress
from feed.client.subscription import ManySubscriptions, Subscription
from feed.clock import Clock, SystemClock
from feed.errors import FeedError, UsageError
from feed.protocol.codes import reconnect_for
from feed.units import SECOND

__all__ = ["ClientLink"]

MAX_QUEUE = 1024
"""Maximum number of frames waiting for a reader before the connection is no longer read."""

CLOSE_TIMEOUT = 0.25
"""Seconds to wait for the answer to a close: frames in transit come before it, and are no longer read."""

MAX_SILENCE = 15 * SECOND
"""Silence, heartbeats included, after which the server is asked; after the same time again, it counts as lost."""


class ClientLink:
    """Connection that subscribes, resumes and reconnects.

    Args:
        url: such as `ws://127.0.0.1:8765`.
        subscriptions: sent after a connect until they are answered; from then on the streams that came of them ask
            to resume.
        token: sent as `auth` before them.
        back_off: waits between attempts.
        clock: for the time of arrival.
        silence: ns without a sign of life after which the server is asked for one.
    """

    def __init__(
        self,
        url: str,
        subscriptions: Iterable[Subscription | ManySubscriptions] = (),
        *,
        token: str | None = None,
        back_off: BackOff | None = None,
        clock: Clock | None = None,
        silence: int = MAX_SILENCE,
    ) -> None:
        self.url = url
        self.subscriptions = list(subscriptions)
        self.progress = Progress()
        self.attempts = 0
        self._token = token
        self._back_off = back_off or BackOff()
        self._clock = clock or SystemClock()
        self._silence = silence
        self._connection: ClientConnection | None = None
        self._watch: asyncio.Task[None] | None = None
        self._reading_since: int | None = None
        self._retry_in = 0
        self._over = False

    async def happenings(self) -> AsyncGenerator[Happening, None]:
        """Iterate until the server says that reconnecting is pointless. Closes the connection at its end.

        Raises:
            UsageError: for a URL that is none, or that the server refuses for good.
        """
        try:
            while (happening := await self.pull()) is not None:
                yield happening
        finally:
            await self.close()

    async def pull(self) -> Happening | None:
        """Return the next happening; None after the end. Cancelling it loses nothing."""
        if self._over:
            return None
        try:
            if self._connection is None:
                return await self._connect()
            return await self._receive(self._connection)
        except ConnectionClosed as error:
            return self._lost(*_told(error))
        except (OSError, InvalidHandshake, TimeoutError) as error:
            return self._lost(1006, _plain(error))

    async def rest(self) -> AsyncIterator[Frame]:
        """Yield the frames that have been sent to a connection that is no longer pulled."""
        if self._connection is not None:
            async for payload in drained(self._connection):
                yield self._frame(payload, self._clock.now())

    async def send(self, request: dict[str, Any]) -> bool:
        """Send a request if there is a connection; return whether there was one."""
        if self._connection is None:
            return False
        try:
            await self._connection.send(orjson.dumps(request).decode())
        except ConnectionClosed:
            return False
        return True

    async def close(self) -> None:
        """Close the connection. The server forgets the subscriptions."""
        self._over = True
        connection, self._connection = self._connection, None
        self._unwatch()
        if connection is not None:
            await connection.close()

    def drop(self) -> None:
        """End the TCP connection without a close, as a broken network does; `pull` reconnects."""
        if self._connection is not None:
            self._connection.transport.abort()

    async def _connect(self) -> Connected:
        await asyncio.sleep(self._retry_in / SECOND)
        connection = await self._opened()
        self.attempts += 1
        self._connection = connection
        self._watch = asyncio.create_task(self._watch_silence(connection))
        try:
            if self._token is not None:
                await self.send({"event": "auth", "token": self._token})
            for request in self._requests():
                await self.send(request)
        except asyncio.CancelledError:
            # A part of the requests is worse than none: the next pull begins anew.
            self._forsake(connection)
            raise
        return Connected(self.attempts)

    def _forsake(self, connection: ClientConnection) -> None:
        connection.transport.abort()
        self._connection = None
        self._unwatch()

    async def _opened(self) -> ClientConnection:
        try:
            # The library's keepalive takes a busy reader for a dead server; ours distinguishes them.
            return await connect(
                self.url,
                proxy=None,
                compression=None,
                max_size=None,
                max_queue=MAX_QUEUE,
                ping_interval=None,
                close_timeout=CLOSE_TIMEOUT,
            )
        except InvalidURI as error:
            raise UsageError(f"{self.url} is no WebSocket URL; write it like ws://127.0.0.1:8765") from error
        except InvalidStatus as error:
            if error.response.status_code in (429, 503):
                raise
            raise UsageError(f"{self.url} refuses: {_refusal(error)}") from error

    async def _receive(self, connection: ClientConnection) -> Frame:
        self._reading_since = self._clock.now()
        try:
            payload = await connection.recv(decode=False)
        finally:
            self._reading_since = None
        frame = self._frame(payload, self._clock.now())
        event, body = frame.event, frame.body
        if event in ("data", "heartbeat"):
            # A greeting alone is no success: a server that closes right after it would be called again without end.
            self._back_off.reset()
        elif event == "ping":
            # Under `?heartbeat=strict` the server closes with 4408 a client that does not answer.
            await self.send({"event": "pong", "timestamp": body.get("timestamp")})
        return frame

    def _frame(self, payload: bytes, received: int) -> Frame:
        body = _decoded(payload)
        return Frame(str(body.get("event")), body, received, tuple(self.progress.note(body)), payload)

    def _requests(self) -> list[dict[str, Any]]:
        """Return requests to resume each stream, and for each subscription without a stream so far."""
        progress = self.progress
        requests = []
        for stream in progress.standing:
            request = Subscription.to(stream).request()
            if stream in progress.seqs:
                request["resume"] = {"epoch": progress.epoch, "seq": progress.seqs[stream]}
            requests.append(request)
        left = [
            wish.without(progress.standing) if isinstance(wish, ManySubscriptions) else wish
            for wish in self.subscriptions
        ]
        return requests + [wish.request() for wish in left if wish is not None and not self.answered(wish)]

    def answered(self, wish: Subscription | ManySubscriptions) -> bool:
        """Tell whether a subscription has a stream already."""
        return any(wish.covers(stream) for stream in self.progress.standing)

    def _lost(self, code: int, reason: str) -> Disconnected:
        self._connection = None
        self._unwatch()
        advice = reconnect_for(code)
        if advice == "never":
            self._over = True
            return Disconnected(code, reason, None)
        at_once = advice == "now" and not self._back_off.failures
        wait = self._back_off.next()
        self._retry_in = 0 if at_once else wait
        return Disconnected(code, reason, self._retry_in)

    def _unwatch(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None

    async def _watch_silence(self, connection: ClientConnection) -> None:
        """Drop a silent connection whose server does not answer."""
        while True:
            await asyncio.sleep(self._silence / 4 / SECOND)
            since = self._reading_since
            if since is None or self._clock.now() - since < self._silence:
                continue
            try:
                async with asyncio.timeout(self._silence / SECOND):
                    await (await connection.ping())
            except TimeoutError:
                connection.transport.abort()
                return
            except ConnectionClosed:
                return


def _told(error: ConnectionClosed) -> tuple[int, str]:
    return (1006, "the connection broke") if error.rcvd is None else (error.rcvd.code, error.rcvd.reason)


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
        told = [body.get(key) for key in ("message", "hint")] if isinstance(body, dict) else []
    except orjson.JSONDecodeError:
        told = []
    return ", ".join([f"HTTP {status}", *(str(text) for text in told if text)])
