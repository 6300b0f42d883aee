"""Questions of commands about messages to come: where a market is to stand is known before anything moves."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from concurrent.futures import Future
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from feed.data.ticks import TickBlock, batches_between
from feed.market.actions.base import Opening
from feed.market.catalog import Catalog
from feed.market.channels.base import Channel
from feed.market.chores import Chore
from feed.market.commands import CommandError
from feed.market.market import Market
from feed.market.moments import Moment, moments_of
from feed.market.plan import EpochPlan
from feed.protocol.codes import ErrorCode
from feed.protocol.effects import Stream
from feed.units import DAY, HOUR, MINUTE, SECOND

__all__ = ["Ahead", "Search"]

Ints = NDArray[np.int64]

LOOK_BACK = (15 * MINUTE, HOUR, DAY, 31 * DAY)
"""The growing lengths (ns) of the stretches that are searched for the price now."""


class Ahead:
    """Facts about a market for decisions of commands.

    Args:
        market: the market.
    """

    def __init__(self, market: Market) -> None:
        self._market = market

    @property
    def channels(self) -> tuple[str, ...]:
        """The channels of the market."""
        return self._market.channels

    @property
    def symbols(self) -> tuple[str, ...]:
        """The symbols of the market."""
        return self._market.symbols

    def opening(self, plan: EpochPlan, begins: int | None = None) -> Opening:
        """Return the epoch of a plan that begins at `begins`, or where its source does."""
        market, repertoire = self._market, self._market.repertoire
        if repertoire is None:
            raise CommandError(ErrorCode.NOT_POSSIBLE, "This market has nothing else to play")
        shared = repertoire.open(plan)
        if plan != market.state.plan and Catalog(shared, market.shift).native != market.streams:
            hint = "a market keeps its symbols and depths: make another market"
            message = f"The scenario {plan.scenario} has other symbols than this market"
            raise CommandError(ErrorCode.NOT_POSSIBLE, message, field="scenario", hint=hint)
        if shared.source.instruments != market.instruments:
            hint = "a market keeps its tick sizes and lot sizes: make another market"
            message = f"The scenario {plan.scenario} has other tick sizes or lot sizes than this market"
            raise CommandError(ErrorCode.NOT_POSSIBLE, message, field="scenario", hint=hint)
        at = shared.source.start if begins is None else begins
        return Opening(plan, at, shared.source.end, repertoire.digest(plan, at))

    def prepare(self, plan: EpochPlan, begins: int) -> Future[None] | None:
        """Make the first batch of an epoch in another thread; return None if there is nothing to wait for."""
        assert self._market.repertoire is not None
        return self._market.repertoire.open(plan).prepare(begins)

    def default_seed(self, scenario: str) -> int:
        """Return the seed that a scenario is played with if nobody names one."""
        if self._market.repertoire is None:
            return self._market.state.seed
        return self._market.repertoire.default_seed(scenario)

    def near(self, limit: int) -> Search:
        """Return a search of what has been made already, for the event loop; of all, if nothing is deferred."""
        segment, catalog = self._market.run.segment, self._market.catalog
        if catalog.shared.past is not None:
            made = self._market.state.begins if segment is None else segment.end
            limit = min(limit, made - 1)
        return Search(self._market, limit, apart=False)

    def far(self, limit: int) -> Search:
        """Return a search up to market time `limit`, for the thread of slow work."""
        return Search(self._market, limit, apart=True)


class Search:
    """Search of coming messages, up to and including market time `limit`, some milliseconds at a time.

    Args:
        market: the market.
        limit: market time in ns.
        apart: whether it runs in the thread of slow work, on the source's instance there.
        whole: whether it searches from the beginning of the epoch, and not from now.
    """

    def __init__(self, market: Market, limit: int, *, apart: bool, whole: bool = False) -> None:
        state, catalog = market.state, market.catalog
        self.limit = limit if state.end is None else min(limit, state.end - 1)
        self.moments: tuple[Moment, ...] = ()
        if market.repertoire is not None:
            self.moments = moments_of(market.repertoire.script(state.plan), market.source.script_start)
        self._catalog = catalog
        self._apart = apart and catalog.shared.past is not None
        self.source = catalog.shared.past if self._apart and catalog.shared.past is not None else catalog.source
        self.symbols = market.symbols
        self._begins = state.begins
        self.published = state.begins - 1 if whole else market.published
        known = {number: market.run.seq(number) for number in market.run.active}
        if whole:
            known = {number: catalog.first_seq(catalog.streams[number], state.begins) for number in known}
        self._seqs = known

    def stream(self, channel: str, symbol: str, part: str | None) -> Stream:
        """Return the stream with these names; raise `CommandError` if there is none."""
        if channel not in self._catalog.channels:
            hint = f"one of {', '.join(self._catalog.channels)}"
            raise CommandError(ErrorCode.UNKNOWN_CHANNEL, "Unknown channel", field="channel", hint=hint)
        self.index(symbol)
        parts = self._catalog.parts(channel)
        chosen = parts[0] if part is None else part
        if chosen not in parts:
            hint = f"one of {', '.join(parts)}" if parts != ("",) else f"{channel} has neither intervals nor depths"
            raise CommandError(ErrorCode.INVALID_REQUEST, "Unknown interval or depth", field="interval", hint=hint)
        return Stream(channel, symbol, chosen)

    def index(self, symbol: str) -> int:
        """Return the place of a symbol; raise `CommandError` if there is none."""
        if symbol not in self.symbols:
            hint = f"one of {', '.join(self.symbols)}"
            raise CommandError(ErrorCode.UNKNOWN_SYMBOL, "Unknown symbol", field="symbol", hint=hint)
        return self.symbols.index(symbol)

    def nth_trade(self, after: int, count: int, symbol: str | None) -> Chore[tuple[int, int] | None]:
        """Return the market time of the `count`-th trade after `after`, and the trades up to it; None if not found.

        Trades of one instant count together.
        """
        found = 0
        for times in self._trade_times(after, symbol):
            if found + len(times) >= count:
                at = int(times[count - found - 1])
                return at, found + int(np.searchsorted(times, at, side="right"))
            found += len(times)
            yield
        return None

    def trades_until(self, after: int, until: int, symbol: str | None) -> Chore[int | None]:
        """Return the number of trades after `after`, up to and including `until`; None if that is out of reach."""
        if until > self.limit and until > after:
            return None
        found = 0
        for times in self._trade_times(after, symbol):
            found += int(np.searchsorted(times, until, side="right"))
            if len(times) and times[-1] > until:
                break
            yield
        return found

    def crossing(self, after: int, symbol: str, price: Decimal) -> Chore[int | None]:
        """Return the market time of the first trade after `after` at a price, or through it."""
        index = self.index(symbol)
        ticks = Fraction(price) / Fraction(self.source.instruments[index].tick_size)
        before = yield from self.last_trades(index, after)
        side = 0 if before is None else _sign(int(before.price[-1]) * ticks.denominator - ticks.numerator)
        for block in self.source.ticks(index, after + 1, self.limit + 1):
            if not len(block):
                yield
                continue
            sides = np.sign(block.price * ticks.denominator - ticks.numerator)
            earlier = np.concatenate([[side], sides[:-1]])
            hits = np.flatnonzero((sides == 0) | (sides * earlier < 0))
            if len(hits):
                return int(block.time[hits[0]])
            side = int(sides[-1])
            yield
        return None

    def message(self, stream: Stream, seq: int) -> Chore[int | None]:
        """Return the market time of a message ahead; None if it is not found."""
        place = yield from self.place(stream, seq)
        return None if place is None else place[0]

    def place(self, stream: Stream, seq: int) -> Chore[tuple[int, int] | None]:
        """Return the market time of a message, and its place among those of that instant, from 1."""
        number = self._catalog.number(stream)
        if self._catalog.channel(stream).on_demand:
            at = yield from self._counted(stream, seq)
            return None if at is None else (at, seq - self._count(stream, at - 1))
        left = seq - self._seqs[number]
        for batch in batches_between(self.source, self.published + 1, self.limit + 1):
            times = self._catalog.track(number, batch).times
            if left <= len(times):
                at = int(times[left - 1])
                return at, left - int(np.searchsorted(times, at))
            left -= len(times)
            yield
        return None

    def seq(self, stream: Stream) -> Chore[int]:
        """Return the last published number of a stream."""
        number = self._catalog.number(stream)
        if number in self._seqs:
            return self._seqs[number]
        yield
        return self._count(stream, self.published)

    def channel(self, stream: Stream) -> Channel:
        """Return the channel of a stream, on the instance of the source that is searched."""
        return self._catalog.channel_apart(stream) if self._apart else self._catalog.channel(stream)

    def _count(self, stream: Stream, time: int) -> int:
        channel = self.channel(stream)
        base = self._catalog.first_seq(stream, self._begins)
        return base + channel.seq_at(time, self._begins, self.index(stream.symbol), stream.part)

    def _counted(self, stream: Stream, seq: int) -> Chore[int | None]:
        """Find a message by counting: twice as far until it is counted, then halving what is left."""
        low, step = self.published, SECOND
        high = min(low + step, self.limit)
        while self._count(stream, high) < seq:
            if high >= self.limit:
                return None
            low, step = high, step * 2
            high = min(high + step, self.limit)
            yield
        while high - low > SECOND:
            middle = (low + high) // 2
            low, high = (middle, high) if self._count(stream, middle) < seq else (low, middle)
            yield
        times = range(low + 1, high + 1)
        return times[bisect_left(times, seq, key=lambda time: self._count(stream, time))]

    def _trade_times(self, after: int, symbol: str | None) -> Iterator[Ints]:
        """Yield the times of coming trades, some at a time, in order."""
        if symbol is not None:
            blocks = self.source.ticks(self.index(symbol), after + 1, self.limit + 1)
            yield from (block.time for block in blocks)
            return
        for batch in batches_between(self.source, after + 1, self.limit + 1):
            yield np.sort(np.concatenate([block.time for block in batch.ticks]))

    def last_trades(self, index: int, at: int) -> Chore[TickBlock | None]:
        """Return the last trades up to and including `at`, at least those of one instant; None if there are none."""
        for near, far in pairwise((0, *LOOK_BACK)):
            last: TickBlock | None = None
            for block in self.source.ticks(index, at + 1 - far, at + 1 - near):
                last = block if len(block) else last
                yield
            if last is not None:
                return last
        return None


def _sign(value: int) -> int:
    return (value > 0) - (value < 0)
