"""Tickers as exchanges send them: at each trade, at each new quote, and each second over windows of several lengths."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from feed.data.bars import Bars, each_of, joined
from feed.data.book import QuoteBlock
from feed.data.columns import QUOTES
from feed.data.rows import TickerRow, TickerRows
from feed.data.ticks import Batch, TickBlock
from feed.market.channels.exchange import ExchangeChannel, ExchangeGround, grid_ends
from feed.units import DAY, HOUR, MINUTE, SECOND

__all__ = ["QuoteTickerChannel", "TradeTickerChannel", "WindowChannel"]

Ints = NDArray[np.int64]

WINDOWS = {"5m": 5 * MINUTE, "1h": HOUR, "4h": 4 * HOUR, "1d": DAY}


class _Window:
    """Statistics of the trades since a whole minute, `length` ns before it, up to a bar."""

    def __init__(self, bars: Bars, length: int) -> None:
        self._bars = bars
        self._length = length
        self._sums = [np.concatenate([[0], np.cumsum(column)]) for column in (bars.volume, bars.notional, bars.trades)]
        self._extremes: tuple[int, Ints, Ints] | None = None

    def at(self, time: int, hi: int) -> tuple[int, int, int, int, int, int, int, int]:
        """Return open, high, low, close, volume, notional, trades and the price before; `hi` bars are past."""
        bars = self._bars
        lo = min(int(np.searchsorted(bars.time, time // MINUTE * MINUTE - self._length)), hi)
        if lo == hi:
            # A window without a trade: the state after the last one.
            price = int(bars.close[hi - 1])
            return price, price, price, price, 0, 0, 0, price
        if self._extremes is None or self._extremes[0] != lo:
            self._extremes = lo, np.maximum.accumulate(bars.high[lo:]), np.minimum.accumulate(bars.low[lo:])
        _, highs, lows = self._extremes
        volume, notional, trades = (int(sums[hi] - sums[lo]) for sums in self._sums)
        before = int(bars.close[lo - 1]) if lo else int(bars.open[lo])
        place = hi - 1 - lo
        figures = int(highs[place]), int(lows[place]), int(bars.close[hi - 1])
        return int(bars.open[lo]), *figures, volume, notional, trades, before


class _TickerTrack:
    """Tickers of one symbol.

    Args:
        block: the fills from `start` on; earlier ones come from memories.
        times: the due times.
        start: market time at which the block begins.
        window: the length of the statistics, ns.
    """

    def __init__(
        self, ground: ExchangeGround, symbol: int, block: TickBlock, times: Ints, start: int, window: int = DAY
    ) -> None:
        self.times = times
        self._ground = ground
        self._symbol = symbol
        self._instrument = ground.source.instruments[symbol]
        self._block = block
        self._start = start
        self._length = window

    def rows(self, lo: int, hi: int) -> TickerRows:
        """Return the tickers as rows."""
        return TickerRows(self._instrument, [self._row(row) for row in range(lo, hi)])

    def _row(self, row: int) -> TickerRow:
        raise NotImplementedError

    def _ticker(self, time: int, fills: int, fresh: bool = True, quote: tuple[int, ...] = ()) -> TickerRow:
        """Return the ticker at a time by which `fills` of the block have happened."""
        earlier, window = self._past
        quotes = self._quotes
        place = len(quotes) - len(self._block) + fills - 1
        if place < 0 or earlier + fills == 0:
            return TickerRow.untraded(time + self._ground.shift)
        opened, high, low, close, volume, notional, trades, before = window.at(time, earlier + fills)
        shown = quote or tuple(int(getattr(quotes, name)[place]) for name in QUOTES)
        bid, bid_size, ask, ask_size = shown
        return TickerRow(
            close, bid, bid_size, ask, ask_size, opened, high, low, volume, notional,
            time + self._ground.shift, trades,
            last_size=int(quotes.size[place]), last_trade=self._before + fills,
            last_time=int(quotes.time[place]) + self._ground.shift, last_side=int(quotes.side[place]),
            before=before, window=self._length, fresh=fresh,
        )  # fmt: skip

    @cached_property
    def _past(self) -> tuple[int, _Window]:
        """The number of bars before the block, and the statistics of all."""
        memory = self._ground.memories[self._symbol]
        opening = int(self.times[0]) // MINUTE * MINUTE - self._length
        before = memory.until(opening - MINUTE, self._start)
        if not len(before):
            before = memory.last(self._start)
        return len(before), _Window(joined([before, each_of(self._block)]), self._length)

    @cached_property
    def _quotes(self) -> TickBlock:
        """The block's fills, after those of the last traded minute before it."""
        memory = self._ground.memories[self._symbol]
        last = memory.until(self._start // MINUTE * MINUTE - HOUR, self._start)
        if not len(last):
            last = memory.last(self._start)
        if not len(last):
            return self._block
        begin = int(last.time[-1])
        return TickBlock.joined([*memory.ticks(begin, min(begin + MINUTE, self._start)), self._block])

    @cached_property
    def _before(self) -> int:
        """The number of the last trade before the block."""
        return self._ground.numbers.trades(self._symbol, self._start - 1)


class _TradeTickerTrack(_TickerTrack):
    """Ticker after each fill."""

    def _row(self, row: int) -> TickerRow:
        return self._ticker(int(self.times[row]), row + 1)


class _QuoteTickerTrack(_TickerTrack):
    """Ticker after each change of the book."""

    def __init__(
        self, ground: ExchangeGround, symbol: int, block: TickBlock, quotes: QuoteBlock, before: QuoteBlock, start: int
    ) -> None:
        super().__init__(ground, symbol, block, quotes.time, start)
        self._book = quotes
        self._opening = before

    def _row(self, row: int) -> TickerRow:
        time, book = int(self.times[row]), self._book
        before, place = (book, row - 1) if row else (self._opening, 0)
        now = tuple(int(getattr(book, name)[row]) for name in QUOTES)
        fresh = not len(before) or now != tuple(int(getattr(before, name)[place]) for name in QUOTES)
        fills = int(np.searchsorted(self._block.time, time, side="right"))
        return self._ticker(time, fills, fresh, now)


class _SecondTickerTrack(_TickerTrack):
    """Ticker at given times."""

    def _row(self, row: int) -> TickerRow:
        time = int(self.times[row])
        fills, earlier = np.searchsorted(self._block.time, [time, time - SECOND], side="right").tolist()
        return self._ticker(time, fills, fresh=fills > earlier)


class _Tickers(ExchangeChannel):
    chunk: ClassVar[int] = 8

    def snapshot(self, symbol: int, part: str, at: int, count: int) -> _TickerTrack | None:
        """Return the ticker at `at`; None before the first trade."""
        if at < self._ground.source.first_trade(symbol):
            return None
        at_once = np.array([at], np.int64)
        return _SecondTickerTrack(self._ground, symbol, TickBlock.empty(), at_once, at + 1, WINDOWS.get(part, DAY))

    def is_known(self, symbol: int, part: str, at: int, count: int) -> bool:
        """Return whether the ticker at `at` can be computed at once."""
        return self._ground.memories[symbol].knows(*self._sees(part, at))

    def making(self, symbol: int, part: str, at: int, count: int) -> Iterator[None]:
        """Compute the bars that the ticker at `at` needs, some milliseconds at a time."""
        return self._ground.memories[symbol].making(*self._sees(part, at))

    @staticmethod
    def _sees(part: str, at: int) -> tuple[int, int]:
        return at // MINUTE * MINUTE - WINDOWS.get(part, DAY) - MINUTE, (at + 1) // MINUTE * MINUTE


class TradeTickerChannel(_Tickers):
    """Channel `trade_ticker`: the statistics of 24 hours after each trade; its `seq` is that of the trade."""

    name: ClassVar[str] = "trade_ticker"

    def track(self, batch: Batch, symbol: int, part: str) -> _TickerTrack:
        """Return the tickers of a batch."""
        block = batch.ticks[symbol]
        return _TradeTickerTrack(self._ground, symbol, block, block.time, batch.start)

    def seq_at(self, time: int, begins: int, symbol: int, part: str) -> int:
        """Return the number of the last trade at a time."""
        return self._ground.numbers.trades(symbol, time)


class QuoteTickerChannel(_Tickers):
    """Channel `quote_ticker`: the same after each change of the book."""

    name: ClassVar[str] = "quote_ticker"

    def track(self, batch: Batch, symbol: int, part: str) -> _TickerTrack:
        """Return the tickers of a batch."""
        depth = self._ground.source.books(symbol).during(batch.start, batch.end)
        [ladder] = depth.ladders(-1, 0, 1)
        known = (0, *ladder.bids[0], *ladder.asks[0]) if ladder.bids and ladder.asks else None
        before = QuoteBlock.empty() if known is None else QuoteBlock(*(np.array([value], np.int64) for value in known))
        return _QuoteTickerTrack(self._ground, symbol, batch.ticks[symbol], depth.quotes, before, batch.start)

    def seq_at(self, time: int, begins: int, symbol: int, part: str) -> int:
        """Return the number of the native book at a time."""
        return self._ground.numbers.book(symbol, time)


class WindowChannel(_Tickers):
    """Channel `windows`: the statistics of 5 minutes to 24 hours at the end of each second."""

    name: ClassVar[str] = "windows"
    parts: ClassVar[tuple[str, ...]] = tuple(WINDOWS)

    def track(self, batch: Batch, symbol: int, part: str) -> _TickerTrack:
        """Return the tickers of a batch."""
        ends = grid_ends(batch.start, batch.end, SECOND)
        return _SecondTickerTrack(self._ground, symbol, batch.ticks[symbol], ends, batch.start, WINDOWS[part])

    def seq_at(self, time: int, begins: int, symbol: int, part: str) -> int:
        """Return the number of seconds that have ended since the epoch began."""
        return max(0, (time + 1) // SECOND - begins // SECOND)
