"""Candles as exchanges send them: at each trade, or each second with what takers bought and the numbers of trades."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from feed.data.bars import Bars, each_of, joined, running_by
from feed.data.rows import CandleRow, CandleRows
from feed.data.spans import SPANS, CandleSpan
from feed.data.ticks import Batch, TickBlock
from feed.market.channels.exchange import ExchangeChannel, ExchangeGround, grid_ends
from feed.market.memory import BarMemory, bought
from feed.units import HOUR, MINUTE, SECOND

__all__ = [
    "SecondCandleChannel", "SecondCandleTrack", "TradeCandleChannel", "aligned", "bought_from", "candle_span",
    "spans_with_zones",
]  # fmt: skip

Ints = NDArray[np.int64]

ZONE = "+8"
"""Mark of a candle that begins by the clock of UTC+8, where that differs."""

KNOWN_BOUGHT = 6 * HOUR
"""The market time (ns) before an epoch in which it is counted what takers bought; further back it takes too long, and
half of the volume counts as bought."""

REFRESHED = {"1s": SECOND}
"""The market time (ns) over which an interval's candle counts as fresh; two seconds for all others."""


def candle_span(name: str) -> CandleSpan:
    """Return the candles of an interval's name, such as `1d` or `1d+8`."""
    return SPANS[name.removesuffix(ZONE)].shifted(8 * HOUR) if name.endswith(ZONE) else SPANS[name]


def shown_span(name: str, shift: int) -> CandleSpan:
    """Return the candles of a name, which begin at whole multiples of the time that clients see."""
    return aligned(candle_span(name), shift)


def aligned(span: CandleSpan, shift: int) -> CandleSpan:
    """Return candles that begin at whole multiples of shown time, as far as it is a whole number of minutes away."""
    return span.shifted(shift) if shift % MINUTE == 0 else span


def spans_with_zones() -> tuple[str, ...]:
    """Return all names of intervals, also of those that begin at other times in UTC+8."""
    moved = [name for name, span in SPANS.items() if span.is_month or (8 * HOUR) % span.length]
    return (*SPANS, *(name + ZONE for name in moved))


class _States:
    """Candle that each bar is in, as of that bar's end: bars before a block, and then one for each of its fills."""

    def __init__(self, before: Bars, block: TickBlock, span: CandleSpan) -> None:
        bars = joined([before, each_of(block)])
        self.times = bars.time
        self.first = len(bars) - len(block)
        self.bars: Bars = running_by(bars, span.begins(bars.time))

    def row(self, time: int) -> int:
        """Return the row of the last bar at or before a time."""
        return int(np.searchsorted(self.times, time, side="right")) - 1


class _Candles(ExchangeChannel):
    parts: ClassVar[tuple[str, ...]] = spans_with_zones()

    def snapshot(self, symbol: int, part: str, at: int, count: int) -> SecondCandleTrack | None:
        """Return the last `count` candles as of `at`, the last one open; None before the first trade."""
        ground, span = self._ground, shown_span(part, self._ground.shift)
        known_from = ground.source.first_trade(symbol)
        if at < known_from:
            return None
        last = span.begin(at)
        first = self._first(span, at, count)
        begins = np.arange(first, last + 1, span.length, dtype=np.int64) if not span.is_month else np.array([last])
        ends = np.minimum(np.append(begins[1:], last + span.length) - 1, at)
        return SecondCandleTrack(ground, symbol, part, TickBlock.empty(), ends, at + 1, bought_too=self.bought_too)

    bought_too: ClassVar[bool] = False

    def is_known(self, symbol: int, part: str, at: int, count: int) -> bool:
        """Return whether the state at `at` can be computed at once."""
        span = shown_span(part, self._ground.shift)
        begin, end = self._first(span, at, count), (at + 1) // MINUTE * MINUTE
        if span.length < MINUTE:
            return at - begin < 5 * MINUTE
        known = self._ground.memories[symbol].knows(begin, end)
        if not self.bought_too or not known:
            return known
        return self._ground.bought[symbol].knows(max(begin, bought_from(self._ground)), end)

    def making(self, symbol: int, part: str, at: int, count: int) -> Iterator[None]:
        """Compute the bars that the state at `at` needs, some milliseconds at a time."""
        span = shown_span(part, self._ground.shift)
        begin, end = self._first(span, at, count), (at + 1) // MINUTE * MINUTE
        if span.length < MINUTE:
            for memory in self._needed(symbol):
                yield from memory.making_seconds(begin, at + 1)
            return
        yield from self._ground.memories[symbol].making(begin, end)
        if self.bought_too:
            yield from self._ground.bought[symbol].making(max(begin, bought_from(self._ground)), end)

    def _needed(self, symbol: int) -> list[BarMemory]:
        ground = self._ground
        return [ground.memories[symbol], *([ground.bought[symbol]] if self.bought_too else [])]

    @staticmethod
    def _first(span: CandleSpan, at: int, count: int) -> int:
        """Return the beginning of the first of the last `count` candles, as far as they do not take too long."""
        longest = HOUR if span.length < MINUTE else 7 * 24 * HOUR
        count = 1 if span.is_month else max(1, min(count, longest // span.length))
        return span.earlier(span.begin(at), count - 1)


class TradeCandleChannel(_Candles):
    """Channel `trade_candles`: the open candle after each trade; its `seq` is that of the trade."""

    name: ClassVar[str] = "trade_candles"

    def track(self, batch: Batch, symbol: int, part: str) -> TradeCandleTrack:
        """Return the candles of a batch."""
        return TradeCandleTrack(self._ground, symbol, part, batch.ticks[symbol], batch.start)

    def seq_at(self, time: int, begins: int, symbol: int, part: str) -> int:
        """Return the number of the last trade at a time."""
        return self._ground.numbers.trades(symbol, time)


class TradeCandleTrack:
    """Candles after each fill of a block."""

    def __init__(self, ground: ExchangeGround, symbol: int, part: str, block: TickBlock, start: int) -> None:
        self.times = block.time
        self._ground = ground
        self._symbol = symbol
        self._part = part
        self._span = shown_span(part, ground.shift)
        self._block = block
        self._start = start

    def rows(self, lo: int, hi: int) -> CandleRows:
        """Return the candles as rows."""
        states, shift, times = self._states, self._ground.shift, self.times
        candles = [
            _candle(states.bars, states.first + row, int(times[row]), self._span, shift) for row in range(lo, hi)
        ]
        return CandleRows(self._ground.source.instruments[self._symbol], self._part, candles)

    @cached_property
    def _states(self) -> _States:
        begin = self._span.begin(int(self.times[0]))
        before = _bars_before(self._ground.memories[self._symbol], self._span, begin, self._start)
        return _States(before, self._block, self._span)


class SecondCandleChannel(_Candles):
    """Channel `klines`: the open candle at the end of each second, with what takers bought."""

    name: ClassVar[str] = "klines"
    chunk: ClassVar[int] = 8
    bought_too: ClassVar[bool] = True

    def track(self, batch: Batch, symbol: int, part: str) -> SecondCandleTrack:
        """Return the candles of a batch."""
        ends = grid_ends(batch.start, batch.end, SECOND)
        return SecondCandleTrack(self._ground, symbol, part, batch.ticks[symbol], ends, batch.start, bought_too=True)

    def seq_at(self, time: int, begins: int, symbol: int, part: str) -> int:
        """Return the number of seconds that have ended since the epoch began."""
        return max(0, (time + 1) // SECOND - begins // SECOND)


class SecondCandleTrack:
    """Candles as of given times.

    Args:
        block: the ticks from `start` on; earlier ones come from memories.
        times: ns UTC, increasing.
        start: market time at which the block begins.
        bought_too: whether to tell what takers bought.
        span: the candles, if they have no name.
    """

    def __init__(
        self,
        ground: ExchangeGround,
        symbol: int,
        part: str,
        block: TickBlock,
        times: Ints,
        start: int,
        *,
        bought_too: bool,
        span: CandleSpan | None = None,
    ) -> None:
        self.times = times
        self._ground = ground
        self._symbol = symbol
        self._part = part
        self._span = span or shown_span(part, ground.shift)
        self._block = block
        self._start = start
        self._bought_too = bought_too
        self._step = REFRESHED.get(part, 2 * SECOND)

    def rows(self, lo: int, hi: int) -> CandleRows:
        """Return the candles as rows."""
        candles = [self._candle(int(time)) for time in self.times[lo:hi]]
        return CandleRows(self._ground.source.instruments[self._symbol], self._part, candles)

    def _candle(self, time: int) -> CandleRow:
        states, span, shift = self._states, self._span, self._ground.shift
        row, begin = states.row(time), span.begin(time)
        closed = span.begin(time + 1) != begin
        if row < 0 or int(states.bars.time[row]) != begin:
            return CandleRow(begin + shift, 0, 0, 0, 0, 0, 0, 0, closed, time + shift, fresh=False)
        due = closed or (time + 1) % self._step == 0
        fresh = due and (closed or states.row(time - self._step) != row)
        volume, notional = self._bought(time, begin) if self._bought_too else (0, 0)
        last = self._ground.numbers.trades(self._symbol, time) if self._bought_too else 0
        return _candle(states.bars, row, time, span, shift, (volume, notional, last, fresh))

    def _bought(self, time: int, begin: int) -> tuple[int, int]:
        states = self._taken
        row = states.row(time)
        if row < 0 or int(states.bars.time[row]) != begin:
            return 0, 0
        return int(states.bars.volume[row]), int(states.bars.notional[row])

    @cached_property
    def _states(self) -> _States:
        before = _bars_before(self._ground.memories[self._symbol], self._span, self._begin, self._start)
        return _States(before, self._block, self._span)

    @cached_property
    def _taken(self) -> _States:
        ground, begin, start = self._ground, self._begin, self._start
        edge = min(max(begin, bought_from(ground)), start)
        before = _bars_before(ground.bought[self._symbol], self._span, edge, start)
        if begin < edge:
            older = ground.memories[self._symbol].until(begin, edge)
            half = replace(older, volume=older.volume // 2, notional=older.notional // 2)
            before = joined([half, before])
        return _States(before, bought(self._block), self._span)

    @property
    def _begin(self) -> int:
        return self._span.begin(int(self.times[0]))


def bought_from(ground: ExchangeGround) -> int:
    """Return the market time from which it is counted what takers bought: a whole hour."""
    return (ground.numbers.begins - KNOWN_BOUGHT) // HOUR * HOUR


def _bars_before(memory: BarMemory, span: CandleSpan, begin: int, start: int) -> Bars:
    before = memory.seconds if span.length < MINUTE else memory.until
    return before(min(begin, start), start)


def _candle(
    bars: Bars, row: int, time: int, span: CandleSpan, shift: int, more: tuple[int, int, int, bool] = (0, 0, 0, True)
) -> CandleRow:
    begin = int(bars.time[row])
    return CandleRow(
        begin + shift, int(bars.open[row]), int(bars.high[row]), int(bars.low[row]), int(bars.close[row]),
        int(bars.volume[row]), int(bars.trades[row]), int(bars.notional[row]), span.begin(time + 1) != begin,
        time + shift, *more,
    )  # fmt: skip
