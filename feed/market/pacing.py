"""Moves a market through time: the only place where market time waits for real time."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from feed.clock import Clock, SystemClock
from feed.delivery.subscriber import Subscriber
from feed.market.kerneltimer import KernelTimer, open_timer
from feed.market.market import Market
from feed.units import MILLISECOND, SECOND

__all__ = ["PaceCounters", "Pacemaker"]

SLICE = 512
"""Messages that are published before the event loop gets a turn."""

BUSY = 8
"""A write of so many messages is worth waiting for as long as the bound allows."""

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
            message has its own write, however late; only messages of one market time share it.
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
        self._alarm: asyncio.TimerHandle | None = None
        self._cruising: asyncio.Future[int | None] | None = None
        # When the last write was to be made, and whether it had many messages.
        self._written = 0
        self._busy = False
        self._joined: set[Subscriber] = set()
        market.on_join = self._count_in
        market.hub.call_when_idle(self._rouse)

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
        wait = self._turn()
        while wait is not None:
            if wait > 0:
                wait = await self._cruise(wait)
            else:
                await self._wait_for_readers(CATCH_UP_WAIT)
                wait = self._turn()
        await self._sleep_until_end()

    async def _cruise(self, wait: int) -> int | None:
        """Turn after turn by the timer alone, which costs half of waking a task; returns when one needs no wait."""
        self._cruising = asyncio.get_running_loop().create_future()
        try:
            self._set_alarm(wait)
            return await self._cruising
        finally:
            self._cruising = None
            self._cancel_alarm()

    def _turn(self) -> int | None:
        """Publish what is due; returns how long there is nothing to do, 0 where more is due, None at the end."""
        market, pace = self._market, self._market.pace
        due = market.next_time()
        if due is None:
            return None
        now = self._clock.now()
        at = self._write_at(pace.when(due))
        if at > now:
            return at - now
        count = self._publish(pace.at(now))
        self._note(now - pace.when(due), count)
        # What the loop is late does not add up; but what is far behind is not made up for in many small writes.
        self._written, self._busy = max(at, now - self._gather), count >= BUSY
        if count >= SLICE:
            return 0
        due = market.next_time()
        return None if due is None else max(self._write_at(pace.when(due)) - self._clock.now(), 1)

    def _write_at(self, due: int) -> int:
        """When a message that is due then may be written, at the latest `gather` later."""
        if self._busy and due < self._written + self._gather:
            # So much comes that the time since the last write saves less than waiting as long as the bound allows.
            return due + self._gather
        return max(due, self._written + self._gather)

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
        hub = self._market.hub
        until = self._clock.now() + patience
        while hub.backlog and (left := until - self._clock.now()) > 0:
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
        self._wake = asyncio.get_running_loop().create_future()
        if nanoseconds is not None:
            self._set_alarm(nanoseconds)
        try:
            await self._wake
        finally:
            self._wake = None
            self._cancel_alarm()

    def _set_alarm(self, nanoseconds: int) -> None:
        if self._timer is not None:
            self._timer.set(nanoseconds)
        else:
            # Whoever joins is looked at before the alarm rings; there must never be two of them.
            self._cancel_alarm()
            self._alarm = asyncio.get_running_loop().call_later(nanoseconds / SECOND, self._ring)

    def _cancel_alarm(self) -> None:
        if self._timer is not None:
            self._timer.clear()
        elif self._alarm is not None:
            self._alarm.cancel()

    def _count_in(self, subscriber: Subscriber) -> None:
        if self._market.state == "paused":
            self._joined.add(subscriber)
        if self._cruising is not None:
            # What it listens to may come before what is waited for; but who joins is not to be interrupted.
            asyncio.get_running_loop().call_soon(self._ring)
        self._rouse()

    def _ring(self) -> None:
        if self._cruising is None:
            self._cancel_alarm()
            self._rouse()
        elif not self._cruising.done():
            self._advance(self._cruising)

    def _advance(self, cruising: asyncio.Future[int | None]) -> None:
        try:
            wait = self._turn()
        except Exception as error:  # It belongs to whoever plays the market, and not to the event loop.
            cruising.set_exception(error)
            return
        if wait is None or wait <= 0:
            cruising.set_result(wait)
        else:
            self._set_alarm(wait)

    def _rouse(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)
