"""Farewell of one connection: its close frame, now or later, and the drop of a client that does not answer it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from feed.faults.link import LinkCut
from feed.log import get_logger
from feed.protocol.codes import CloseCode, clipped_reason
from feed.protocol.events import Closing
from feed.server.connection import FeedConnection
from feed.server.lines import say_closed
from feed.units import SECOND

__all__ = ["CLOSE_GRACE", "SLOW_GRACE", "Farewell", "closing_event"]

CLOSE_GRACE = 5 * SECOND
"""The time a client may take to answer a close frame before its TCP connection is dropped."""

SLOW_GRACE = 1 * SECOND
"""The same for a client that was too slow: its buffer is full, so it will hardly see the close frame."""

log = get_logger("feed")


class Farewell:
    """End of one connection, as this side brings it about.

    Args:
        name: the connection's name in the log.
        connection: the wire.

    Attributes:
        is_over: True once nothing may be sent any more.
    """

    __slots__ = ("_connection", "_loop", "_name", "_timer", "_why", "is_over")

    def __init__(self, name: str, connection: FeedConnection) -> None:
        self._name = name
        self._connection = connection
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        # The reason this side closed it, for the log.
        self._why = ""
        self.is_over = False

    def plan(self, after: int, close: Callable[[CloseCode, str], None], code: CloseCode, reason: str) -> None:
        """Call `close` in `after` nanoseconds."""
        self._timer = self._loop.call_later(after / SECOND, close, code, reason)

    def say(self, number: int, reason: str) -> None:
        """Send the close frame."""
        log.debug("> close", connection=self._name, code=number, reason=reason)
        self._why = reason
        self._connection.say_close(number, reason)

    def cut(self, cut: LinkCut) -> None:
        """End the connection as a fault wants it."""
        log.debug("x cut", connection=self._name, how=cut.how)
        self._why = self._why or f"a fault: {cut.how}"
        self._connection.cut(cut.how, cut.code, clipped_reason(cut.reason))

    def drop(self, reason: str) -> None:
        """End the TCP connection without a close frame."""
        self._why = self._why or reason
        self._connection.drop()

    def begin(self, grace: int) -> None:
        """Let nothing more be sent, and drop the connection after `grace` nanoseconds."""
        self.is_over = True
        self._cancel()
        self._timer = self._loop.call_later(grace / SECOND, self._connection.drop)

    def finish(self) -> None:
        """Log the end, because the TCP connection is gone."""
        say_closed(self._name, self._connection, self._why)
        self.is_over = True
        self._cancel()

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()


def closing_event(code: CloseCode, reason: str, in_ms: int) -> Closing:
    """Return the event that announces a close."""
    return Closing(code=code.number, reason=reason, in_ms=in_ms, reconnect=code.reconnect)
