"""Connection to a venue with automatic reconnects: its messages as they came, with their times of arrival."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import NamedTuple

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI

from feed.client.backoff import BackOff
from feed.client.draining import MAX_PONG_SECONDS, drained
from feed.client.happenings import Connected, Disconnected
from feed.clock import Clock
from feed.errors import UsageError
from feed.units import SECOND

__all__ = ["Message", "VenueLink"]

MAX_QUEUE = 1024
"""Maximum number of waiting messages before the connection is no longer read."""

STEADY_AFTER = 10 * SECOND
"""Duration (ns) after which a connection counts as successful."""

CLOSE_TIMEOUT = 0.25
"""Seconds to wait for the answer to a close."""


class Message(NamedTuple):
    """Message as it came, UTF-8, and its time of arrival: ns UTC, never falling."""

    data: bytes
    received: int


class VenueLink:
    """Connection that sends its requests, and reconnects whenever it is lost.

    Args:
        url: of the venue.
        requests: sent after each connect.
        clock: for the time of arrival.
        back_off: waits between attempts.
        patience: the most seconds that reading the rest takes once it is no longer iterated.
    """

    def __init__(
        self,
        url: str,
        requests: Sequence[str],
        clock: Clock,
        back_off: BackOff | None = None,
        *,
        patience: float = MAX_PONG_SECONDS,
    ) -> None:
        self.url = url
        self._requests = requests
        self._clock = clock
        self._back_off = back_off or BackOff()
        self._connection: ClientConnection | None = None
        self._received = 0
        self._patience = patience

    async def happenings(self) -> AsyncGenerator[Connected | Disconnected | Message, None]:
        """Iterate until cancelled. Raises UsageError for an invalid URL, or one that refuses for good."""
        attempts = 0
        while True:
            code, reason = None, ""
            try:
                self._connection = connection = await self._opened()
                attempts += 1
                yield Connected(attempts)
                for request in self._requests:
                    await connection.send(request)
                opened = self._clock.now()
                while True:
                    data = await connection.recv(decode=False)
                    yield self._message(data)
                    # A greeting alone is no success: a server that closes right after it would be called again without
                    # end.
                    if self._back_off.failures and self._clock.now() - opened > STEADY_AFTER:
                        self._back_off.reset()
            except ConnectionClosed as error:
                code, reason = (
                    (1006, "the connection broke") if error.rcvd is None else (error.rcvd.code, error.rcvd.reason)
                )
            except (OSError, InvalidHandshake, TimeoutError) as error:
                code, reason = 1006, str(error) or type(error).__name__
            self._connection = None
            wait = self._back_off.next()
            yield Disconnected(code or 1000, reason or "it was closed", wait)
            await asyncio.sleep(wait / SECOND)

    async def rest(self) -> AsyncIterator[Message]:
        """Yield what has been sent to a connection that is no longer iterated."""
        if self._connection is not None:
            async for data in drained(self._connection, self._patience):
                yield self._message(data)

    def _message(self, data: bytes) -> Message:
        # The machine's clock may be set back.
        self._received = max(self._received, self._clock.wall())
        return Message(data, self._received)

    async def close(self) -> None:
        """Close the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    async def send(self, request: str) -> bool:
        """Send a request if there is a connection; return whether there was one."""
        if self._connection is None:
            return False
        try:
            await self._connection.send(request)
        except ConnectionClosed:
            return False
        return True

    async def _opened(self) -> ClientConnection:
        try:
            return await connect(self.url, max_size=None, max_queue=MAX_QUEUE, close_timeout=CLOSE_TIMEOUT)
        except InvalidURI as error:
            raise UsageError(f"{self.url} is no WebSocket URL; write it like wss://ws.kraken.com/v2") from error
        except InvalidStatus as error:
            if error.response.status_code in (429, 503):
                raise
            raise UsageError(f"{self.url} refuses: HTTP {error.response.status_code}") from error
