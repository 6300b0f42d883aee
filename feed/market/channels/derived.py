"""Channels derived from ticks: `ticker` and `candles`.

Both have one message a second of market time, due in the second's last nanosecond, with the state at that time. So the
number of a message follows from its time, and nothing is computed for a stream without subscribers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from feed.data.bars import Bars, bars_of, joined, running
from feed.data.rows import CandleRow, CandleRows, TickerRow, TickerRows
from feed.data.ticks import Batch, Instrument, Source, TickBlock
from feed.market.memory import BarMemory
from feed.units import DAY, HOUR, MINUTE, SECOND

__all__ = ["INTERVALS", "CandleChannel", "TickerChannel"]

Ints = NDArray[np.int64]

BRIEF_LENGTH = 5 * MINUTE
"""The length (ns) of ticks that takes some milliseconds to process; candles below a minute are made of ticks."""

INTERVALS = {
    "1s": SECOND, "5s": 5 * SECOND, "15s": 15 * SECOND, "1m": MINUTE, "5m": 5 * MINUTE, "15m": 15 * MINUTE,
    "1h": HOUR, "4h": 4 * HOUR, "1d": DAY,
}  # fmt: skip
"""The lengths of candles by interval name, in ns."""


def second_ends(start: int, end: int) -> Ints:
    """Return the last nanosecond of each second that ends from `start` up to, not including, `end`."""
    return np.arange(start // SECOND + 1, end // SECOND + 1, dtype=np.int64) * SECOND - 1


class _EachSecond:
    """Channel with one message a second of market time."""

    lossless: ClassVar[bool] = False
    differences: ClassVar[bool] = False
    begins_with_snapshot: ClassVar[bool] = True
    on_demand: ClassVar[bool] = True
    # Each message is computed separately.
    chunk: ClassVar[int] = 8

    def __init__(self, source: Source, shift: int, memories: list[BarMemory]) -> None:
        self._source = source
        self._shift = shift
        self._memories = memories

    def seq_at(self, time: int, begins: int, symbol: int, part: str) -> int:
        """Return the number of seconds ended since the epoch began or the first trade, if that is later."""
        return max(0, (time + 1) // SECOND - max(begins, self._source.first_trade(symbol)) // SECOND)

    def _ends(self, batch: Batch, symbol: int) -> Ints:
        """Return the times of the messages in a batch; there are none before the first trade."""
        return second_ends(max(batch.start, self._source.first_trade(symbol)), batch.end)

    def is_known(self, symbol: int, part: str, at: int, count: int) -> bool:
        """Return whether the state at `at` can be computed at once."""
        return self._memories[symbol].knows(*self.sees(part, at, count))

    def making(self, symbol: int, part: str, at: int, count: int) -> Iterator[None]:
        """Compute the bars that the state at `at` needs, some milliseconds at a time."""
        return self._memories[symbol].making(*self.sees(part, at, count))

    def sees(self, part: str, at: int, count: int) -> tuple[int, int]:
        """Return start and end of the time whose minute bars the state at `at` needs."""
        raise NotImplementedError


class CandleChannel(_EachSecond):
    """Channel `candles`: the open candle at the end of each second; in the interval's last second it is closed.

    An interval without a trade has a candle of zero volume at the previous close, as charts expect.
    """

    name: ClassVar[str] = "candles"
    parts: ClassVar[tuple[str, ...]] = tuple(INTERVALS)

    def track(self, batch: Batch, symbol: int, part: str) -> CandleTrack:
        """Return the candles of a batch."""
        return CandleTrack(
            self._source.instruments[symbol], part, self._shift, self._memories[symbol],
            batch.ticks[symbol], self._ends(batch, symbol), batch.start,
        )  # fmt: skip

    def snapshot(self, symbol: int, part: str, at: int, count: int) -> CandleTrack | None:
        """Return the last `count` candles as of `at`, the last one open; None before the first trade."""
        known_from = self._source.first_trade(symbol)
        if at < known_from:
            return None
        length = INTERVALS[part]
        length, first, count = self._reach(part, at, min(count, at // length - known_from // length + 1))
        ends = np.arange(count, dtype=np.int64) * length + first + length - 1
        ends[-1] = at
        return CandleTrack(
            self._source.instruments[symbol], part, self._shift, self._memories[symbol],
            TickBlock.empty(), ends, at + 1,
        )  # fmt: skip

    def is_known(self, symbol: int, part: str, at: int, count: int) -> bool:
        """Return whether the state at `at` can be computed at once."""
        length, first, _ = self._reach(part, at, count)
        return at - first < BRIEF_LENGTH if length < MINUTE else super().is_known(symbol, part, at, count)

    def making(self, symbol: int, part: str, at: int, count: int) -> Iterator[None]:
        """Compute the bars that the state at `at` needs, some milliseconds at a time."""
        length, first, _ = self._reach(part, at, count)
        if length < MINUTE:
            return self._memories[symbol].making_seconds(first, at + 1)
        return super().making(symbol, part, at, count)

    def sees(self, part: str, at: int, count: int) -> tuple[int, int]:
        """Return the time from the first candle on; empty below a minute, since such candles are made of ticks."""
        length, first, _ = self._reach(part, at, count)
        return (first, (at + 1) // MINUTE * MINUTE) if length >= MINUTE else (first, first)

    @staticmethod
    def _reach(part: str, at: int, count: int) -> tuple[int, int, int]:
        """Return the length of a candle, the beginning of the first one, and the number of candles."""
        length = INTERVALS[part]
        # A longer past would delay a subscription for too long.
        count = max(1, min(count, (HOUR if length < MINUTE else DAY) // length))
        return length, at // length * length - (count - 1) * length, count


class CandleTrack:
    """Candles of one interval as of given times.

    Args:
        block: the ticks from `start` on; earlier ones come from `memory`.
        times: ns UTC, increasing.
        start: market time at which the block begins.
    """

    def __init__(
        self,
        instrument: Instrument,
        interval: str,
        shift: int,
        memory: BarMemory,
        block: TickBlock,
        times: Ints,
        start: int,
    ) -> None:
        self.times = times
        self._instrument = instrument
        self._interval = interval
        self._length = INTERVALS[interval]
        self._shift = shift
        self._memory = memory
        self._block = block
        self._start = start

    def rows(self, lo: int, hi: int) -> CandleRows:
        """Return the candles as rows."""
        times = self.times[lo:hi]
        rows = np.searchsorted(self._states[0], times, side="right") - 1
        candles = [self._candle(int(time), int(row)) for time, row in zip(times, rows, strict=True)]
        return CandleRows(self._instrument, self._interval, candles)

    @cached_property
    def _first(self) -> int:
        """The market time at which the first candle begins."""
        return int(self.times[0]) // self._length * self._length

    @cached_property
    def _states(self) -> tuple[Ints, Bars]:
        """The beginning of each bar up to these times, and the candle as of that bar's end."""
        bars_before = self._memory.seconds if self._length < MINUTE else self._memory.until
        before = bars_before(min(self._first, self._start), self._start)
        bars = joined([before, bars_of(self._block, SECOND)])
        return bars.time, running(bars, self._length)

    @cached_property
    def _last(self) -> int:
        """The last price before the first candle; 0 if there is none."""
        earlier = self._memory.until(self._first - HOUR, self._first)
        if not len(earlier):
            earlier = self._memory.last(self._first)
        return int(earlier.close[-1]) if len(earlier) else 0

    def _candle(self, time: int, row: int) -> CandleRow:
        length, states, shift = self._length, self._states[1], self._shift
        begin = time // length * length
        closed = (time + 1) % length == 0
        if row >= 0 and states.time[row] == begin:
            return CandleRow(
                begin + shift, int(states.open[row]), int(states.high[row]), int(states.low[row]),
                int(states.close[row]), int(states.volume[row]), int(states.trades[row]),
                int(states.notional[row]), closed, time + shift,
            )  # fmt: skip
        price = int(states.close[row]) if row >= 0 else self._last
        return CandleRow(begin + shift, price, price, price, price, 0, 0, 0, closed, time + shift)


class TickerChannel(_EachSecond):
    """Channel `ticker`: the last trade, best bid and ask, and statistics of the last 24 hours, to the whole minute."""

    name: ClassVar[str] = "ticker"
    parts: ClassVar[tuple[str, ...]] = ("",)

    def track(self, batch: Batch, symbol: int, part: str) -> TickerTrack:
        """Return the tickers of a batch."""
        ends = self._ends(batch, symbol)
        instrument = self._source.instruments[symbol]
        return TickerTrack(instrument, self._shift, self._memories[symbol], batch.ticks[symbol], ends, batch.start)

    def snapshot(self, symbol: int, part: str, at: int, count: int) -> TickerTrack | None:
        """Return the ticker at `at`; None before the first trade."""
        if at < self._source.first_trade(symbol):
            return None
        ends = np.array([at], np.int64)
        instrument = self._source.instruments[symbol]
        return TickerTrack(instrument, self._shift, self._memories[symbol], TickBlock.empty(), ends, at + 1)

    def sees(self, part: str, at: int, count: int) -> tuple[int, int]:
        """Return the day before `at`, in whole minutes."""
        return at // MINUTE * MINUTE - DAY, (at + 1) // MINUTE * MINUTE


class TickerTrack:
    """Tickers as of given times; see `CandleTrack` for the arguments."""

    def __init__(
        self, instrument: Instrument, shift: int, memory: BarMemory, block: TickBlock, times: Ints, start: int
    ) -> None:
        self.times = times
        self._instrument = instrument
        self._shift = shift
        self._memory = memory
        self._block = block
        self._start = start

    def rows(self, lo: int, hi: int) -> TickerRows:
        """Return the tickers as rows."""
        bars, quotes = self._day
        tickers = [self._ticker(int(time), bars, quotes) for time in self.times[lo:hi]]
        return TickerRows(self._instrument, tickers)

    @cached_property
    def _day(self) -> tuple[Bars, TickBlock]:
        """The bars of the day before these times and during them, and the ticks that have the quotes in force."""
        before = self._memory.until(int(self.times[0]) // MINUTE * MINUTE - DAY, self._start)
        last = before if len(before) else self._memory.last(self._start)
        return joined([before, bars_of(self._block, SECOND)]), self._quotes(last)

    def _ticker(self, time: int, bars: Bars, quotes: TickBlock) -> TickerRow:
        opening = time // MINUTE * MINUTE - DAY
        lo, hi = np.searchsorted(bars.time, [opening, time + 1])
        day = bars[slice(int(lo), int(hi))]
        row = int(np.searchsorted(quotes.time, time, side="right")) - 1
        if row < 0:
            return TickerRow.untraded(time + self._shift)
        if not len(day):
            # A day without a trade, as on a weekend: use the state after the last trade.
            day = bars_of(replace(quotes[row : row + 1], size=np.zeros(1, np.int64)), SECOND)
        return TickerRow(
            last=int(day.close[-1]),
            bid=int(quotes.bid[row]),
            bid_size=int(quotes.bid_size[row]),
            ask=int(quotes.ask[row]),
            ask_size=int(quotes.ask_size[row]),
            open=int(day.open[0]),
            high=int(day.high.max()),
            low=int(day.low.min()),
            volume=int(day.volume.sum()),
            notional=int(day.notional.sum()),
            time=time + self._shift,
            trades=int(day.trades.sum()),
        )

    def _quotes(self, before: Bars) -> TickBlock:
        """Return the block's ticks, preceded by the last traded minute's if the block begins after the first ticker."""
        if len(self._block) and self._block.time[0] <= self.times[0]:
            return self._block
        if not len(before):
            return self._block
        last = int(before.time[-1])
        return TickBlock.joined([self._memory.quotes(last, min(last + MINUTE, self._start)), self._block])
