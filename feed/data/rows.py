"""Rows: the messages of a stream as a channel has them, before any spelling.

Prices are in ticks and sizes in lots of the instrument; times are ns UTC as clients see them, the market's shift
included. A dialect writes rows and never looks behind them. Rows are equal only to themselves: a track makes them once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from feed.data.book import Ladder
from feed.data.ticks import Instrument, StatusChange, TickBlock

__all__ = [
    "BookRows",
    "CandleRow",
    "CandleRows",
    "RawRows",
    "Rows",
    "StatusRows",
    "TickerRow",
    "TickerRows",
    "TradeRows",
]


@dataclass(frozen=True, slots=True, eq=False)
class TradeRows:
    """Fills."""

    instrument: Instrument
    ticks: TickBlock

    def __len__(self) -> int:
        return len(self.ticks)

    @classmethod
    def joined(cls, parts: Sequence[TradeRows]) -> TradeRows:
        """Fills of one instrument that follow each other, as one."""
        return parts[0] if len(parts) == 1 else cls(parts[0].instrument, TickBlock.joined([it.ticks for it in parts]))


@dataclass(frozen=True, slots=True, eq=False)
class StatusRows:
    """Changes of a symbol's status."""

    changes: tuple[StatusChange, ...]

    def __len__(self) -> int:
        return len(self.changes)


@dataclass(frozen=True, slots=True, eq=False)
class BookRows:
    """Books of one depth, whole or as changes.

    Attributes:
        depth: levels of a side.
        times: one for each row.
        ladders: the book behind each row; of changes one more, the book before the first.
        whole: whether each row is a whole book.
    """

    instrument: Instrument
    depth: int
    times: Sequence[int]
    ladders: Sequence[Ladder]
    whole: bool

    def __len__(self) -> int:
        return len(self.times)

    def since(self, before: Ladder) -> BookRows:
        """One change that leads from the book `before` to the one behind the last row."""
        return BookRows(self.instrument, self.depth, self.times[-1:], (before, self.ladders[-1]), whole=False)


@dataclass(frozen=True, slots=True)
class CandleRow:
    """A candle as it stands at `time`: prices in ticks, volume in lots, notional in ticks times lots."""

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
    """The figures of 24 hours as they stand at `time`, in the units of a candle; `trades` is None where unknown."""

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

    @classmethod
    def untraded(cls, time: int) -> TickerRow:
        """The figures of 24 hours without a trade."""
        return cls(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, time)


@dataclass(frozen=True, slots=True, eq=False)
class TickerRows:
    """Tickers."""

    instrument: Instrument
    tickers: Sequence[TickerRow]

    def __len__(self) -> int:
        return len(self.tickers)


@dataclass(frozen=True, slots=True, eq=False)
class RawRows:
    """Messages of a recording as they were sent: the object that each `data` frame of the native dialect carried."""

    instrument: Instrument
    objects: Sequence[bytes]

    def __len__(self) -> int:
        return len(self.objects)


Rows = TradeRows | StatusRows | BookRows | CandleRows | TickerRows | RawRows
