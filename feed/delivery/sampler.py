"""Subscription with a `max_rate`: at most that many messages a second, always the newest; skipped ones are counted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from feed.clock import Clock
from feed.delivery.hub import Hub
from feed.delivery.recall import Form
from feed.delivery.subscriber import Subscriber
from feed.protocol.effects import Stream
from feed.units import SECOND

__all__ = ["Sampler", "SamplerHandle", "Timers"]


class SamplerHandle(Protocol):
    """Scheduled callback."""

    def cancel(self) -> None:
        """Cancel the callback."""


class Timers(Protocol):
    """Scheduler of delayed callbacks: an event loop."""

    def call_later(self, delay: float, callback: Callable[[], None], /) -> SamplerHandle:
        """Call `callback` after `delay` seconds."""


class Sampler:
    """Rate-limited subscription of one subscriber to one stream. It stores no message: it sends the newest when due.

    Args:
        hub: the hub of the stream.
        stream: the stream.
        form: the form of its frames.
        subscriber: the receiver.
        max_rate: the maximum number of messages a second.
        clock: real time.
        timers: the scheduler of delayed sends.
    """

    __slots__ = (
        "_behind",
        "_clock",
        "_form",
        "_hub",
        "_interval",
        "_next",
        "_sent",
        "_started",
        "_stream",
        "_subscriber",
        "_timer",
        "_timers",
        "last_sent",
    )

    def __init__(
        self,
        hub: Hub,
        stream: Stream,
        form: Form,
        subscriber: Subscriber,
        max_rate: float,
        *,
        clock: Clock,
        timers: Timers,
    ) -> None:
        self._hub = hub
        self._stream = stream
        self._form = form
        self._subscriber = subscriber
        self._interval = round(SECOND / max_rate)
        self._clock = clock
        self._timers = timers
        self._sent = 0
        self._next = 0
        self._behind = False
        self._started = False
        self._timer: SamplerHandle | None = None
        self.last_sent = 0

    def start(self) -> None:
        """Begin to sample; everything published so far has been sent or is not wanted."""
        self._sent = self._hub.seq(self._stream)
        self._started = True
        self._hub.sample(self._stream, self.news)

    def stop(self) -> None:
        """Stop sampling."""
        if self._started:
            self._started = False
            self._hub.stop_sampling(self._stream, self.news)
        if self._timer is not None:
            self._timer.cancel()

    def news(self) -> None:
        """Handle a new message: send the newest one now, or as soon as the rate and the subscriber allow it."""
        if not self._started:
            return
        now = self._clock.now()
        if self._subscriber.is_behind(now):
            self._behind = True
        elif now < self._next:
            self._timer = self._timers.call_later((self._next - now) / SECOND, self.news)
        else:
            self._send(now)

    def resume(self) -> None:
        """Send the newest message if one was missed; called when the subscriber has no unsent bytes any more."""
        if self._behind:
            self._behind = False
            self.news()

    def _send(self, now: int) -> None:
        frame = self._hub.newest(self._stream, self._form, self._sent)
        self._sent = self._hub.seq(self._stream)
        self._next = now + self._interval
        self.last_sent = now
        # Before the write, since that may fill the socket: the sampler then already waits for news like any other.
        self._hub.await_news(self._stream, self.news)
        self._subscriber.show(self._stream, self._sent, (frame,))
        self._hub.ask(self._subscriber)
