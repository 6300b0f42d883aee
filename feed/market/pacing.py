"""Moves a market through time: the only place where market time waits for real time."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from feed.clock import Clock, SystemClock
from feed.fanout import Subscriber
from feed.market.kerneltimer import KernelTimer, open_timer
from feed.market.market import Market
from feed.units import MILLISECOND, SECOND

__all__ = ["PaceCounters", "Pacemaker"]

SLICE = 512
"""Messages that are published before the event loop gets a turn."""

LATE = 50 * MILLISECOND
"""A message that is published so long after it was due counts as late."""

CATCH_UP_WAIT = 20 * MILLISECOND
"""So long a market that is behind waits for its readers after each slice: a rush must not look like slowness."""

TAP_WAIT = 2 * MILLISECOND
"""So often it is looked whether a recorder has caught up."""

EVER = 2**62
"""Market time by which everything is due."""


@dataclass(slots=True)
class PaceCounters:
    """How well the schedule is kept. Times in nanoseconds."""

    lag: int = 0
    worst_lag: int = 0
    late: int = 0


class Pacemaker:
    """Publishes what a market has when it is due.

    The schedule is absolute: each message is due at a time that follows from the market's pace alone, so a late loop
    publishes everything that it missed, in order, and is on time again.

    Args:
        market: the market.
        clock: real time.
        wait_for: market time stands still until so many subscribers have joined.
        gather: the shortest time between two writes, ns; what is due within it goes out in one write. With 0 each
            message has its own write, however late; only messages of one stream and one market time share it.
        patience: at full speed, so long one slow reader may hold up the market, ns.
    """

    def __init__(self, market: Market, clock: Clock, *, wait_for: int, gather: int, patience: int) -> None:
        self.counters = PaceCounters()
        self._market = market
        self._clock = clock
        self._wait_for = wait_for
        self._gather = gather
        self._patience = patience
        self._wake: asyncio.Future[None] | None = None
        self._timer: KernelTimer | None = None
        self._joined: set[Subscriber] = set()
        market.on_join = self._count_in
        market.hub.backlog.on_empty = self._rouse

    async def run(self) -> None:
        """Play the market to its end."""
        # Only real time has a timer of the kernel's.
        timer = open_timer() if isinstance(self._clock, SystemClock) else None
        if timer is None:
            await self._run()
            return
        loop = asyncio.get_running_loop()
        try:
            loop.add_reader(timer.descriptor, self._ring)
            self._timer = timer
            await self._run()
        finally:
            self._timer = None
            loop.remove_reader(timer.descriptor)
            timer.close()

    async def _run(self) -> None:
        market = self._market
        while len(self._joined) < self._wait_for:
            await self._sleep(None)
        self._joined.clear()
        market.pace.run(self._clock.now())
        market.change_state("running")
        play = self._play_at_full_speed if market.pace.is_max else self._play_on_schedule
        await play()
        market.change_state("ended")

    async def _play_on_schedule(self) -> None:
        market, pace, clock = self._market, self._market.pace, self._clock
        written = 0
        while (due := market.next_time()) is not None:
            now = clock.now()
            wait = max(pace.when(due), written + self._gather) - now
            if wait > 0:
                await self._sleep(wait)
                continue
            count = self._publish(pace.at(now))
            self._note(now - pace.when(due), count)
            written = now
            if count >= SLICE:
                await self._wait_for_readers(CATCH_UP_WAIT)
        await self._sleep_until_end()

    def _publish(self, until: int) -> int:
        """Publish a slice of what is due; returns how many messages that was."""
        if self._gather:
            return self._market.publish_due(until, SLICE)
        count = 0
        while count < SLICE and (published := self._market.publish_due(until, 1)):
            count += published
        return count

    async def _play_at_full_speed(self) -> None:
        market = self._market
        while market.next_time() is not None:
            while not market.hub.subscriptions and self._wait_for:
                await self._sleep(None)
            self._publish(EVER)
            await self._wait_for_readers(self._patience)
            if market.tap is not None and market.tap.is_busy:
                await self._wait_for_tap()

    async def _sleep_until_end(self) -> None:
        """The source's last message may come before its end."""
        market = self._market
        end = market.source.end
        while end is not None and (wait := market.pace.when(end) - self._clock.now()) > 0:
            await self._sleep(wait)

    async def _wait_for_readers(self, patience: int) -> None:
        """Give the loop a turn, and then wait until nothing waits for any reader, or patience has run out."""
        await asyncio.sleep(0)
        backlog = self._market.hub.backlog
        until = self._clock.now() + patience
        while len(backlog) and (left := until - self._clock.now()) > 0:
            await self._sleep(left)

    async def _wait_for_tap(self) -> None:
        """A recording of a market at full speed is whole: it holds the market up as a slow reader does."""
        until = self._clock.now() + self._patience
        while (tap := self._market.tap) is not None and tap.is_busy and self._clock.now() < until:
            await self._sleep(TAP_WAIT)

    def _note(self, lag: int, count: int) -> None:
        counters = self.counters
        counters.lag = lag
        if lag > counters.worst_lag:
            counters.worst_lag = lag
        if lag > LATE:
            counters.late += count

    async def _sleep(self, nanoseconds: int | None) -> None:
        """Sleep, but wake up when somebody joins or the last reader has caught up."""
        loop = asyncio.get_running_loop()
        self._wake = loop.create_future()
        timer = None
        if nanoseconds is not None and self._timer is not None:
            # It is left to ring when somebody else wakes us first: whoever sleeps looks again why it was woken.
            self._timer.set(nanoseconds)
        elif nanoseconds is not None:
            timer = loop.call_later(nanoseconds / SECOND, self._rouse)
        try:
            await self._wake
        finally:
            self._wake = None
            if timer is not None:
                timer.cancel()

    def _count_in(self, subscriber: Subscriber) -> None:
        if self._market.state == "paused":
            self._joined.add(subscriber)
        self._rouse()

    def _ring(self) -> None:
        if self._timer is not None:
            self._timer.clear()
        self._rouse()

    def _rouse(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)
