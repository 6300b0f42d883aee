"""Rows: the messages of a stream inside a channel, before a dialect encodes them.

Prices are in ticks and sizes in lots of the instrument; times are ns UTC as clients see them, the market's shift
included. A dialect encodes rows and depends on nothing behind them. Rows are equal only to themselves: a track makes
them once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from feed.data.book import Ladder, QuoteBlock
from feed.data.ticks import Instrument, StatusChange, TickBlock

__all__ = [
    "BookRows",
    "CandleRow",
    "CandleRows",
    "GatheredTrades",
    "QuoteRows",
    "RawRows",
    "Rows",
    "StatusRows",
    "TickerRow",
    "TickerRows",
    "TradeRows",
]


@dataclass(frozen=True, slots=True, eq=False)
class TradeRows:
    """Fills of one instrument."""

    instrument: Instrument
    ticks: TickBlock

    def __len__(self) -> int:
        return len(self.ticks)

    @classmethod
    def joined(cls, parts: Sequence[TradeRows]) -> TradeRows:
        """Join consecutive fills of one instrument."""
        return parts[0] if len(parts) == 1 else cls(parts[0].instrument, TickBlock.joined([it.ticks for it in parts]))


@dataclass(frozen=True, slots=True, eq=False)
class StatusRows:
    """Changes of a symbol's status; `instrument` is None if unknown."""

    changes: tuple[StatusChange, ...]
    instrument: Instrument | None = None

    def __len__(self) -> int:
        return len(self.changes)


@dataclass(frozen=True, slots=True, eq=False)
class BookRows:
    """Books of one depth, as snapshots or as changes.

    Attributes:
        depth: the number of levels of a side.
        times: one time for each row.
        ladders: the book after each row; for changes one more, the book before the first row, at the front.
        whole: True if each row is a whole book.
        numbers: for gathered changes, the `seq` in the channel `book` of each ladder; otherwise empty.
        earlier: for gathered changes, the time of the change before each row's first one; otherwise empty.
        touched: for gathered changes that join any state in between, the prices of bids and of asks that were different
            at any time of each row's step; otherwise empty.
    """

    instrument: Instrument
    depth: int
    times: Sequence[int]
    ladders: Sequence[Ladder]
    whole: bool
    numbers: Sequence[int] = ()
    earlier: Sequence[int] = ()
    touched: Sequence[tuple[frozenset[int], frozenset[int]]] = ()

    def __len__(self) -> int:
        return len(self.times)

    def since(self, before: BookRows, place: int) -> BookRows:
        """Return one change that leads from a book of earlier rows, at index `place`, to the one after the last row."""
        ladders = (before.ladders[place], self.ladders[-1])
        numbers = (before.numbers[place], self.numbers[-1]) if self.numbers else ()
        earlier = before.times[-1:] if numbers else ()
        return BookRows(
            self.instrument, self.depth, self.times[-1:], ladders, whole=False, numbers=numbers, earlier=earlier
        )


@dataclass(frozen=True, slots=True)
class CandleRow:
    """State of a candle at `time`: prices in ticks, volume in lots, notional in ticks times lots.

    Candles for exchanges also tell what takers bought (`buy_volume`, `buy_notional`), the `seq` of the last trade so
    far, and whether anything has changed since the message before (`fresh`).
    """

    begin: int
    open: int
    high: int
    low: int
    close: int
    volume: int
    trades: int
    notional: int | Fraction
    closed: bool
    time: int
    buy_volume: int = 0
    buy_notional: int | Fraction = 0
    last_trade: int = 0
    fresh: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class CandleRows:
    """Candles of one interval, such as `1m`."""

    instrument: Instrument
    interval: str
    candles: Sequence[CandleRow]

    def __len__(self) -> int:
        return len(self.candles)


@dataclass(frozen=True, slots=True)
class TickerRow:
    """Statistics of 24 hours at `time`, in the units of a candle; `trades` is None if unknown.

    Tickers for exchanges also tell the size and the `seq` of the last trade, the price `before` the window, its length,
    and whether anything has changed since the message before (`fresh`).
    """

    last: int
    bid: int
    bid_size: int
    ask: int
    ask_size: int
    open: int
    high: int
    low: int
    volume: int
    notional: int | Fraction
    time: int
    trades: int | None = 0
    last_size: int = 0
    last_trade: int = 0
    last_time: int = 0
    last_side: int = 0
    before: int = 0
    window: int = 0
    fresh: bool = True

    @classmethod
    def untraded(cls, time: int) -> TickerRow:
        """Return the statistics of 24 hours without a trade."""
        return cls(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, time)


@dataclass(frozen=True, slots=True, eq=False)
class TickerRows:
    """Tickers of one instrument."""

    instrument: Instrument
    tickers: Sequence[TickerRow]

    def __len__(self) -> int:
        return len(self.tickers)


@dataclass(frozen=True, slots=True, eq=False)
class RawRows:
    """Messages of a recording exactly as sent: the object carried by each `data` frame of the native dialect."""

    instrument: Instrument
    objects: Sequence[bytes]

    def __len__(self) -> int:
        return len(self.objects)


@dataclass(frozen=True, slots=True, eq=False)
class QuoteRows:
    """Best bid and ask after each change of a book, whether they changed or not.

    Attributes:
        before: the quote before the first row; empty if there is none.
    """

    instrument: Instrument
    quotes: QuoteBlock
    before: QuoteBlock

    def __len__(self) -> int:
        return len(self.quotes)


@dataclass(frozen=True, slots=True, eq=False)
class GatheredTrades:
    """Fills of one instrument, gathered over stretches of market time: one row for each stretch, which may be empty.

    Attributes:
        blocks: the fills of each row.
        firsts: the `seq` in the channel `trading` of the first fill of each row.
    """

    instrument: Instrument
    blocks: Sequence[TickBlock]
    firsts: Sequence[int]

    def __len__(self) -> int:
        return len(self.blocks)


Rows = TradeRows | StatusRows | BookRows | CandleRows | TickerRows | RawRows | QuoteRows | GatheredTrades
