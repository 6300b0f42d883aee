"""Outlet of one connection: its subscriber, its outbox, and the watch over an outbox in which bytes wait."""

from __future__ import annotations

from collections.abc import Callable

from feed.clock import Clock
from feed.delivery.hub import Hub
from feed.delivery.outbox import Outbox, OutboxLimits
from feed.delivery.subscriber import Subscriber
from feed.dialects.base import Form
from feed.protocol.seat import Conversation
from feed.server.connection import FeedConnection
from feed.server.watchdog import Watchdog

__all__ = ["Outlet"]


class Outlet:
    """Everything between a peer and the bytes on its wire.

    Args:
        connection: the wire.
        hub: the fan-out of its market.
        form: the wire form that the client chose.
        conversation: stamps the frames of a dialect that has stamps.
        clock: real time.
        limits: the bounds of the outbox.
        on_too_slow: called once, with the reason, when one of them is exceeded.

    Attributes:
        subscriber: the client in the fan-out.
    """

    __slots__ = ("_hub", "_outbox", "_watchdog", "subscriber")

    def __init__(
        self,
        connection: FeedConnection,
        hub: Hub,
        form: Form,
        conversation: Conversation,
        clock: Clock,
        limits: OutboxLimits,
        on_too_slow: Callable[[str], None],
    ) -> None:
        self._hub = hub
        self._outbox = Outbox(connection, limits, on_too_slow)
        stamped = form.dialect.has_stamps
        self.subscriber = Subscriber(
            self._outbox,
            None if stamped else connection.descriptor,
            connection.round_trip,
            is_measurable=not form.dialect.is_foreign,
            stamp=conversation.stamp if stamped else None,
        )
        self._watchdog = Watchdog(self._outbox, clock)

    def release(self) -> None:
        """Send the messages published so far, so that nothing overtakes them."""
        self._hub.release(self.subscriber)

    def hear(self, number: int) -> None:
        """Process the client's answer to progress ping `number`."""
        self._hub.hear(self.subscriber, number)

    def pause(self) -> None:
        """Send through the outbox and watch it, since unsent bytes wait."""
        self._hub.queue(self.subscriber)
        self._watchdog.start()

    def resume(self) -> None:
        """Stop watching the outbox, since no unsent bytes wait any more."""
        self._watchdog.stop()

    def go_on(self) -> bool:
        """Send the waiting messages; return False if unsent bytes still wait."""
        if self._outbox.blocked:
            return False
        self._hub.resume(self.subscriber)
        return True

    def close(self) -> None:
        """Let nothing more go to the client."""
        self._outbox.closed = True
        self._watchdog.stop()
