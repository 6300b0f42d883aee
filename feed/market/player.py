"""Player of a market: the only place where market time waits for real time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from feed.clock import Clock
from feed.delivery.subscriber import Subscriber
from feed.log import get_logger
from feed.market.alarm import Alarm
from feed.market.lateness import PaceCounters, say_lateness
from feed.market.market import SLICE_MESSAGES, Market
from feed.market.pauses import Pauses
from feed.market.waiters import Waiters
from feed.protocol.events import MarketPhase
from feed.units import MILLISECOND

__all__ = ["Player"]

BUSY_FROM = 8
"""The number of messages in a write from which it is worth waiting for as long as the bound allows."""

LATE_AFTER = 50 * MILLISECOND
"""The delay (ns) above which a published message counts as late."""

CATCH_UP_WAIT = 20 * MILLISECOND
"""The longest wait (ns) for readers after each slice of a late market: a burst must not look like a slow reader."""

ALL_TIME = 2**62
"""The market time (ns) by which everything is due."""

log = get_logger("feed")


class Player:
    """Player that publishes a market's messages when due, stops as its state says, and goes on when that changes.

    The schedule is absolute: each message is due at a time that follows from the market's state alone, so a late loop
    publishes all missed messages, in order, and is on time again. A paused market costs nothing.

    Args:
        market: the market.
        clock: real time.
        wait_for: the number of subscribers for which market time waits, if the state says that it waits.
        gather: the shortest time between two writes, ns; messages due within it share one write. With 0 each message
            has its own write, however late; only messages of one market time share it.
        patience: at full speed, the longest time that one slow reader may hold up the market, ns.
        max_lag: how late a message may be, ns; then market time waits.

    Attributes:
        is_over: whether it has been stopped, or its source has failed: then nothing is published any more.
    """

    def __init__(
        self, market: Market, clock: Clock, *, wait_for: int, gather: int, patience: int, max_lag: int = ALL_TIME
    ) -> None:
        self.counters = PaceCounters()
        self.is_over = False
        # Called once, when `wait_for` subscribers have joined; without it the market starts by itself.
        self.on_awaited: Callable[[], None] | None = None
        self._market = market
        self._clock = clock
        self._wait_for = wait_for
        self._gather = gather
        self._max_lag = max_lag
        self._alarm = Alarm(clock, self._ring)
        self._pauses = Pauses(market, clock, self._alarm, patience)
        self._cruising: asyncio.Future[int | None] | None = None
        # The scheduled time of the last write, and whether it had many messages.
        self._written = 0
        self._busy = False
        self._joined: set[Subscriber] = set()
        self._begun = False
        self._awaited = Waiters()
        market.on_join = self._count_in

    async def run(self) -> None:
        """Play the market until the task is cancelled or the source fails."""
        try:
            with self._alarm.opened():
                await self._play_on()
        finally:
            self.is_over = True
            self._awaited.release(None)

    async def play_out(self) -> None:
        """Play the market until its source has ended."""
        with self._alarm.opened():
            await self._play_to_the_end()

    def notice(self) -> None:
        """Check the market's state again, because a command has changed it."""
        self._pauses.changed = True
        self._interrupt()

    async def reach(self, time: int) -> None:
        """Wait as `come_to`, and then until no reader has unsent data, at most for `patience`."""
        await self.come_to(time)
        await self._pauses.wait_for_backlog()

    async def come_to(self, time: int) -> None:
        """Wait until everything due at or before market time `time` has been published, or the market stands still."""
        if self.is_over:
            return
        reached = self._awaited.wait_for(time)
        self._interrupt()
        await reached

    def _interrupt(self) -> None:
        if self._cruising is not None and not self._cruising.done():
            self._cruising.set_result(0)
        self._pauses.end()

    async def _play_on(self) -> None:
        while True:
            await self._play()
            if not self._pauses.changed:
                await self._pauses.sleep(None)

    async def _play_to_the_end(self) -> None:
        while True:
            await self._play()
            if self._market.phase == "ended":
                return
            if not self._pauses.changed:
                await self._pauses.sleep(None)

    async def _play(self) -> None:
        """Play until the market stands still, or a command comes."""
        self._pauses.changed = False
        market = self._market
        if market.state.waits and not self._begun and len(self._joined) >= self._wait_for:
            self._begin()
        state = market.state
        if state.moving:
            if market.phase != "running":
                market.announce("running")
            await (self._play_at_full_speed if state.is_max else self._play_on_schedule)()
            if not self._pauses.changed:
                self._arrive()
        else:
            await self._publish_until(state.at)
            if not self._pauses.changed:
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
        """Stop the market at the market time where it has to stop."""
        state = self._market.state
        limit = self._market.here if state.limit is None else state.limit
        self._market.obey(state.stand(limit))
        self._tell(self._phase())

    def _phase(self) -> MarketPhase:
        state = self._market.state
        if state.end is not None:
            return "ended" if state.at >= state.end else "paused"
        # A market that has published nothing yet has not looked for its first message either.
        ended = self._market.run.segment is not None and self._market.next_time() is None
        return "ended" if ended else "paused"

    def _tell(self, phase: MarketPhase) -> None:
        """Announce that the market stands still, unless already announced, and release all waiting tasks."""
        if self._market.phase != phase:
            self._market.announce(phase)
        self._awaited.release(None)

    async def _publish_until(self, time: int) -> None:
        """Publish the remaining messages of a market that stands still, up to market time `time`."""
        market = self._market
        if time < market.state.begins:
            # It stands before its first message, which need not be made yet.
            return
        while not self._pauses.changed and (due := market.next_time()) is not None and due <= time:
            market.publish_due(time, SLICE_MESSAGES)
            # As at full speed: a long step or run is no reason to lose a slow reader.
            await self._pauses.wait_for_readers()

    async def _play_on_schedule(self) -> None:
        wait = self._turn()
        while wait is not None and not self._pauses.changed:
            if self._awaited:
                self._awaited.release(self._market.next_time())
            if wait > 0:
                wait = await self._cruise(wait)
            else:
                await self._pauses.wait_for_readers(CATCH_UP_WAIT)
                wait = self._turn()
        await self._sleep_until_limit()

    async def _cruise(self, wait: int) -> int | None:
        """Run turns by the timer alone, which costs half of waking a task; return when a turn needs no wait."""
        self._cruising = asyncio.get_running_loop().create_future()
        try:
            self._alarm.set(wait)
            return await self._cruising
        finally:
            self._cruising = None
            self._alarm.clear()

    def _turn(self) -> int | None:
        """Publish due messages; return the time (ns) to the next turn, 0 if more is due, None if the market stops."""
        state = self._market.state
        due = self._next_time()
        if due is None:
            return None
        now = self._clock.now()
        if self._market.is_unread and not self._awaited:
            return self._turn_unread(now)
        at = self._write_at(state.when(due))
        if at > now:
            return at - now
        count = self._publish(state.position(now))
        self._note(now, now - state.when(due), count, due)
        state = self._market.state
        # Delays of the loop do not add up; but a large lag is not made up for in many small writes.
        self._written, self._busy = max(at, now - self._gather), count >= BUSY_FROM
        if count >= SLICE_MESSAGES:
            return 0
        due = self._next_time()
        return None if due is None else max(self._write_at(state.when(due)) - self._clock.now(), 1)

    def _turn_unread(self, now: int) -> int:
        """Publish a batch at once when all of it is due, since nobody reads it; return the time to the next turn."""
        state, segment = self._market.state, self._market.run.segment
        assert segment is not None
        last = int(segment.times[-1]) if state.limit is None else min(int(segment.times[-1]), state.limit)
        if (at := state.when(last)) > now:
            self._market.dozes = True
            return at - now
        self._market.publish_due(last, SLICE_MESSAGES)
        return 0

    def _next_time(self) -> int | None:
        """Return the market time of the next message before the market stops; None if there is none."""
        due, limit = self._market.next_time(), self._market.state.limit
        return None if due is None or (limit is not None and due > limit) else due

    def _write_at(self, due: int) -> int:
        """Return the time at which a message due at `due` may be written, at the latest `gather` later."""
        if self._busy and due < self._written + self._gather:
            # With this many messages, waiting as long as the bound allows saves more than writing at once.
            return due + self._gather
        return max(due, self._written + self._gather)

    def _publish(self, until: int) -> int:
        """Publish a slice of the due messages; return their number."""
        if self._gather:
            return self._market.publish_due(until, SLICE_MESSAGES)
        count = 0
        while count < SLICE_MESSAGES and (published := self._market.publish_due(until, 1)):
            count += published
        return count

    async def _play_at_full_speed(self) -> None:
        market = self._market
        limit = ALL_TIME if market.state.limit is None else market.state.limit
        while not self._pauses.changed and self._next_time() is not None:
            if not market.hub.subscriptions and self._wait_for:
                await self._pauses.sleep(None)
                continue
            if await self._pauses.wait_for_joining():
                return
            self._publish(limit)
            if self._awaited:
                self._awaited.release(market.next_time())
            await self._pauses.wait_for_readers()
            await self._pauses.wait_for_tap()

    async def _sleep_until_limit(self) -> None:
        """Sleep until the source's end or the market's stop, which may come after the last message."""
        state = self._market.state
        while not self._pauses.changed and state.limit is not None:
            wait = state.when(state.limit) - self._clock.now()
            if wait <= 0:
                return
            await self._pauses.sleep(wait)

    def _note(self, now: int, lag: int, count: int, market_time: int) -> None:
        counters, lateness = self.counters, self._market.lateness
        counters.lag = lag
        if lag > counters.worst_lag:
            counters.worst_lag = lag
        if lag > LATE_AFTER:
            counters.late += count
        if lateness.note(now, lag, market_time):
            say_lateness(self._market.identity.name, self._market.speed, lateness.behind, lag)
            self._market.tell_all()
        if lag > self._max_lag:
            # Half of it stays, and so does the word that it is behind, until it has caught up with that.
            market = self._market
            market.obey(market.state.wait_up(market.run.published, now - self._max_lag // 2))

    def _count_in(self, subscriber: Subscriber) -> None:
        if self._market.state.waits:
            self._joined.add(subscriber)
        if self._cruising is not None:
            # Its stream may be due before the awaited message; but the join itself is not to be interrupted.
            asyncio.get_running_loop().call_soon(self._ring)
        self._pauses.end()

    def _ring(self) -> None:
        if self._cruising is None:
            self._alarm.clear()
            self._pauses.end()
        elif not self._cruising.done():
            self._advance(self._cruising)

    def _advance(self, cruising: asyncio.Future[int | None]) -> None:
        try:
            wait = self._turn()
        except Exception as error:  # It belongs to the task that plays the market, not to the event loop.
            cruising.set_exception(error)
            return
        if wait is None or wait <= 0 or self._awaited:
            cruising.set_result(wait)
        else:
            self._alarm.set(wait)
