"""A subscription with a `max_rate`: at most so many messages a second, always the newest, and the rest counted."""

from __future__ import annotations

import asyncio

from feed.clock import Clock
from feed.delivery.subscriber import Subscriber
from feed.dialects.base import Form
from feed.market.market import Market
from feed.protocol.effects import Stream
from feed.units import SECOND

__all__ = ["Sampler"]


class Sampler:
    """One subscriber's sight of one stream. It holds no message: it takes the newest when the time has come.

    Args:
        market: where the stream is.
        stream: the stream.
        form: the form of its frames.
        subscriber: who gets it.
        max_rate: messages a second.
        clock: real time.
    """

    __slots__ = (
        "_behind",
        "_clock",
        "_form",
        "_interval",
        "_loop",
        "_market",
        "_next",
        "_sent",
        "_started",
        "_stream",
        "_subscriber",
        "_timer",
        "last_sent",
    )

    def __init__(
        self, market: Market, stream: Stream, form: Form, subscriber: Subscriber, max_rate: float, clock: Clock
    ) -> None:
        self._market = market
        self._stream = stream
        self._form = form
        self._subscriber = subscriber
        self._interval = round(SECOND / max_rate)
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._sent = 0
        self._next = 0
        self._behind = False
        self._started = False
        self._timer: asyncio.TimerHandle | None = None
        self.last_sent = 0

    def start(self) -> None:
        """From now on: what has been published so far has been sent or is not wanted."""
        self._sent = self._market.seq(self._stream)
        self._started = True
        self._market.hub.sampled += 1
        self._market.hub.await_news(self._stream, self.news)

    def stop(self) -> None:
        """No more."""
        if self._started:
            self._started = False
            self._market.hub.sampled -= 1
            self._market.hub.forget_news(self._stream, self.news)
        if self._timer is not None:
            self._timer.cancel()

    def news(self) -> None:
        """There is something newer than what was sent last: send the newest, now or as soon as that may be."""
        if not self._started:
            return
        now = self._clock.now()
        if self._subscriber.is_behind:
            self._behind = True
        elif now < self._next:
            self._timer = self._loop.call_later((self._next - now) / SECOND, self.news)
        else:
            self._send(now)

    def drained(self) -> None:
        """Nothing waits for the subscriber any more."""
        if self._behind:
            self._behind = False
            self.news()

    def _send(self, now: int) -> None:
        frame = self._market.hub.newest(self._stream, self._form, self._sent)
        self._sent = self._market.seq(self._stream)
        self._next = now + self._interval
        self.last_sent = now
        # First, since the write may be what fills the socket, and then all is as it is for anybody who waits.
        self._market.hub.await_news(self._stream, self.news)
        self._subscriber.outbox.write(frame)
        self._subscriber.ask()
