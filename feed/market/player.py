"""Moves a market through time: the only place where market time waits for real time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from feed.clock import Clock
from feed.delivery.subscriber import Subscriber
from feed.market.alarm import Alarm
from feed.market.lateness import Behind
from feed.market.market import SLICE, Market
from feed.protocol.events import MarketPhase
from feed.units import MILLISECOND, SECOND

__all__ = ["PaceCounters", "Player"]

BUSY_FROM = 8
"""Messages in a write from which on it is worth waiting for as long as the bound allows."""

LATE_AFTER = 50 * MILLISECOND
"""A message that is published so long after it was due counts as late."""

CATCH_UP_WAIT = 20 * MILLISECOND
"""So long a market that is behind waits for its readers after each slice: a rush must not look like slowness."""

TAP_WAIT = 2 * MILLISECOND
"""So often it is looked whether a recorder has caught up."""

EVER = 2**62
"""Market time by which everything is due."""

log = structlog.get_logger("feed")


@dataclass(slots=True)
class PaceCounters:
    """How well the schedule is kept. Times in nanoseconds."""

    lag: int = 0
    worst_lag: int = 0
    late: int = 0


class Player:
    """Publishes what a market has when it is due, stops where its state says, and goes on when that changes.

    The schedule is absolute: each message is due at a time that follows from the market's state alone, so a late loop
    publishes everything that it missed, in order, and is on time again. A market that stands costs nothing.

    Args:
        market: the market.
        clock: real time.
        wait_for: market time stands still until so many subscribers have joined, where the state says that it waits.
        gather: the shortest time between two writes, ns; what is due within it goes out in one write. With 0 each
            message has its own write, however late; only messages of one market time share it.
        patience: at full speed, so long one slow reader may hold up the market, ns.

    Attributes:
        is_over: whether it has been stopped, or its source has failed: then nothing comes any more.
    """

    def __init__(self, market: Market, clock: Clock, *, wait_for: int, gather: int, patience: int) -> None:
        self.counters = PaceCounters()
        self.is_over = False
        # Called once, when so many have joined as a market waits for; without it the market runs on by itself.
        self.on_awaited: Callable[[], None] | None = None
        self._market = market
        self._clock = clock
        self._wait_for = wait_for
        self._gather = gather
        self._patience = patience
        self._wake: asyncio.Future[None] | None = None
        self._alarm = Alarm(clock, self._ring)
        self._cruising: asyncio.Future[int | None] | None = None
        # When the last write was to be made, and whether it had many messages.
        self._written = 0
        self._busy = False
        self._joined: set[Subscriber] = set()
        self._begun = False
        # A command has come since this was looked at.
        self._changed = False
        # Who waits until everything due at a market time or before it has been published.
        self._awaited: list[tuple[int, asyncio.Future[None]]] = []
        market.on_join = self._count_in
        # Who waits until nothing waits for any reader.
        self._until_empty: list[asyncio.Future[None]] = []
        market.hub.call_when_idle(self._empty)

    async def run(self) -> None:
        """Play the market for as long as it is there."""
        try:
            with self._alarm.opened():
                await self._play_on()
        finally:
            self.is_over = True
            self._release(None)

    async def play_out(self) -> None:
        """Play the market until its source has ended."""
        with self._alarm.opened():
            await self._play_to_the_end()

    def notice(self) -> None:
        """Look at the market's state again: a command has changed it."""
        self._changed = True
        self._interrupt()

    async def reach(self, time: int) -> None:
        """Wait as `come_to`, and then, for as long as patience lasts, until nothing waits for any reader."""
        await self.come_to(time)
        await self._wait_for_backlog(self._patience)

    async def come_to(self, time: int) -> None:
        """Wait until everything due at market time `time` or before it has been published, or the market stands."""
        if self.is_over:
            return
        reached: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._awaited.append((time, reached))
        self._interrupt()
        await reached

    def _interrupt(self) -> None:
        if self._cruising is not None and not self._cruising.done():
            self._cruising.set_result(0)
        self._rouse()

    async def _play_on(self) -> None:
        while True:
            await self._play()
            if not self._changed:
                await self._sleep(None)

    async def _play_to_the_end(self) -> None:
        while True:
            await self._play()
            if self._market.phase == "ended":
                return
            if not self._changed:
                await self._sleep(None)

    async def _play(self) -> None:
        """Play until the market stands, or a command comes."""
        self._changed = False
        market = self._market
        if market.state.waits and not self._begun and len(self._joined) >= self._wait_for:
            self._begin()
        state = market.state
        if state.moving:
            if market.phase != "running":
                market.announce("running")
            await (self._play_at_full_speed if state.is_max else self._play_on_schedule)()
            if not self._changed:
                self._arrive()
        else:
            await self._publish_until(state.at)
            if not self._changed:
                self._tell(self._phase())

    def _begin(self) -> None:
        self._begun = True
        log.info("market time begins", market=self._market.identity.name, subscribers=len(self._joined))
        self._joined.clear()
        if self.on_awaited is not None:
            self.on_awaited()
        else:
            self._market.obey(self._market.state.run(self._clock.now()))

    def _arrive(self) -> None:
        """The market has come to where it stops: from now on it stands there."""
        state = self._market.state
        limit = self._market.here if state.limit is None else state.limit
        self._market.obey(state.stand(limit))
        self._tell(self._phase())

    def _phase(self) -> MarketPhase:
        state = self._market.state
        ended = self._market.next_time() is None if state.end is None else state.at >= state.end
        return "ended" if ended else "paused"

    def _tell(self, phase: MarketPhase) -> None:
        """Say that the market stands, unless that is known, and let go whoever waits for it."""
        if self._market.phase != phase:
            self._market.announce(phase)
        self._release(None)

    def _release(self, upcoming: int | None) -> None:
        """Let go who waits for what has been published by now; all of them where nothing is coming."""
        if not self._awaited:
            return
        for entry in list(self._awaited):
            time, reached = entry
            if upcoming is None or upcoming > time:
                self._awaited.remove(entry)
                if not reached.done():
                    reached.set_result(None)

    async def _publish_until(self, time: int) -> None:
        """Publish what a market that stands has yet to publish."""
        market = self._market
        while not self._changed and (due := market.next_time()) is not None and due <= time:
            market.publish_due(time, SLICE)
            await self._wait_for_readers(CATCH_UP_WAIT)

    async def _play_on_schedule(self) -> None:
        wait = self._turn()
        while wait is not None and not self._changed:
            if self._awaited:
                self._release(self._market.next_time())
            if wait > 0:
                wait = await self._cruise(wait)
            else:
                await self._wait_for_readers(CATCH_UP_WAIT)
                wait = self._turn()
        await self._sleep_until_limit()

    async def _cruise(self, wait: int) -> int | None:
        """Turn after turn by the timer alone, which costs half of waking a task; returns when one needs no wait."""
        self._cruising = asyncio.get_running_loop().create_future()
        try:
            self._alarm.set(wait)
            return await self._cruising
        finally:
            self._cruising = None
            self._alarm.clear()

    def _turn(self) -> int | None:
        """Publish what is due; returns how long there is nothing to do, 0 where more is due, None where it stops."""
        state = self._market.state
        due = self._next_time()
        if due is None:
            return None
        now = self._clock.now()
        at = self._write_at(state.when(due))
        if at > now:
            return at - now
        count = self._publish(state.position(now))
        self._note(now, now - state.when(due), count, due)
        # What the loop is late does not add up; but what is far behind is not made up for in many small writes.
        self._written, self._busy = max(at, now - self._gather), count >= BUSY_FROM
        if count >= SLICE:
            return 0
        due = self._next_time()
        return None if due is None else max(self._write_at(state.when(due)) - self._clock.now(), 1)

    def _next_time(self) -> int | None:
        """Market time of the next message that comes before the market stops."""
        due, limit = self._market.next_time(), self._market.state.limit
        return None if due is None or (limit is not None and due > limit) else due

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
        limit = EVER if market.state.limit is None else market.state.limit
        while not self._changed and self._next_time() is not None:
            if not market.hub.subscriptions and self._wait_for:
                await self._sleep(None)
                continue
            if await self._wait_for_joining():
                return
            self._publish(limit)
            if self._awaited:
                self._release(market.next_time())
            await self._wait_for_readers(self._patience)
            await self._wait_for_tap()

    async def _sleep_until_limit(self) -> None:
        """The last message may come before the source's end, or before where the market stops."""
        state = self._market.state
        while not self._changed and state.limit is not None:
            wait = state.when(state.limit) - self._clock.now()
            if wait <= 0:
                return
            await self._sleep(wait)

    async def _wait_for_readers(self, patience: int) -> None:
        """Give the loop a turn, and then wait until nothing waits for any reader, or patience has run out."""
        await asyncio.sleep(0)
        hub = self._market.hub
        until = self._clock.now() + patience
        while hub.backlog and not self._changed and (left := until - self._clock.now()) > 0:
            await self._sleep(left)

    async def _wait_for_backlog(self, patience: int) -> None:
        """The same, for another task than the one that plays."""
        if not self._market.hub.backlog:
            return
        empty: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._until_empty.append(empty)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience / SECOND):
                await empty

    async def _wait_for_joining(self) -> bool:
        """Wait for those who wait for their first state: they are readers, too. Returns whether a command came."""
        until = self._clock.now() + self._patience
        while self._market.put_off and not self._changed and (left := until - self._clock.now()) > 0:
            await self._sleep(left)
        return self._changed

    async def _wait_for_tap(self) -> None:
        """A recording of a market at full speed is whole: it holds the market up as a slow reader does."""
        until = self._clock.now() + self._patience
        while (tap := self._market.tap) is not None and tap.is_busy and self._clock.now() < until:
            await self._sleep(TAP_WAIT)

    def _note(self, now: int, lag: int, count: int, market_time: int) -> None:
        counters, lateness = self.counters, self._market.lateness
        counters.lag = lag
        if lag > counters.worst_lag:
            counters.worst_lag = lag
        if lag > LATE_AFTER:
            counters.late += count
        if lateness.note(now, lag, market_time):
            self._say_lateness(lateness.behind, lag)

    def _say_lateness(self, behind: Behind | None, lag: int) -> None:
        """The speed is lost, or found again: both are said once."""
        market = self._market
        if behind is None:
            log.info("the market keeps its speed again", market=market.identity.name, speed=market.speed)
        else:
            log.warning(
                "! the market cannot keep its speed",
                market=market.identity.name,
                speed=market.speed,
                real_speed=behind.speed,
                behind=f"{lag / SECOND:.1f}s",
                hint="a lower --speed, fewer channels, or --speed max",
            )
        market.tell_all()

    async def _sleep(self, nanoseconds: int | None) -> None:
        """Sleep, but wake up when somebody joins or the last reader has caught up."""
        self._wake = asyncio.get_running_loop().create_future()
        if nanoseconds is not None:
            self._alarm.set(nanoseconds)
        try:
            await self._wake
        finally:
            self._wake = None
            self._alarm.clear()

    def _count_in(self, subscriber: Subscriber) -> None:
        if self._market.state.waits:
            self._joined.add(subscriber)
        if self._cruising is not None:
            # What it listens to may come before what is waited for; but who joins is not to be interrupted.
            asyncio.get_running_loop().call_soon(self._ring)
        self._rouse()

    def _ring(self) -> None:
        if self._cruising is None:
            self._alarm.clear()
            self._rouse()
        elif not self._cruising.done():
            self._advance(self._cruising)

    def _advance(self, cruising: asyncio.Future[int | None]) -> None:
        try:
            wait = self._turn()
        except Exception as error:  # It belongs to whoever plays the market, and not to the event loop.
            cruising.set_exception(error)
            return
        if wait is None or wait <= 0 or self._awaited:
            cruising.set_result(wait)
        else:
            self._alarm.set(wait)

    def _empty(self) -> None:
        """Nothing waits for any reader any more."""
        waiting, self._until_empty = self._until_empty, []
        for future in waiting:
            if not future.done():
                future.set_result(None)
        self._rouse()

    def _rouse(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)
