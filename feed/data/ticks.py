"""What flows from a source to a market: columns of ticks, and changes of a symbol's status.

A source is an engine or a recording; the market cannot tell them apart. Columns stay numpy arrays of exact
integers until the edge: prices in steps of the tick size, sizes in steps of the lot size, times in nanoseconds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from feed.data.book import Books
from feed.data.messages import RecordedRows
from feed.units import DAY, HOUR, decimal_places

__all__ = [
    "ALWAYS",
    "BUY",
    "NEVER",
    "SELL",
    "STATUSES",
    "Batch",
    "Instrument",
    "Source",
    "StatusChange",
    "TickBlock",
    "Traded",
    "batches_between",
]

Ints = NDArray[np.int64]

BUY = 1
SELL = -1

ALWAYS = -(2**62)
NEVER = 2**62
"""Market times that have been, and that do not come, ns UTC."""

MAX_LOOK_BACK = 31 * DAY
"""So far back a trade is looked for in a market that is made."""

STATUSES = ("online", "halted", "auction", "maintenance")
"""What a symbol can be in."""


@dataclass(frozen=True, slots=True)
class Instrument:
    """A symbol and the steps that its prices and sizes move in.

    `tick_size` and `lot_size` are exact decimals and need not be powers of ten (0.5 and 0.25 are fine).
    """

    symbol: str
    tick_size: Decimal
    lot_size: Decimal

    @property
    def price_decimals(self) -> int:
        """Decimals that every price of this symbol is written with."""
        return decimal_places(self.tick_size)

    @property
    def size_decimals(self) -> int:
        """Decimals that every size of this symbol is written with."""
        return decimal_places(self.lot_size)

    @property
    def tick_units(self) -> int:
        """The tick size as an integer count of 10 ** -price_decimals."""
        return int(self.tick_size.scaleb(self.price_decimals))

    @property
    def lot_units(self) -> int:
        """The lot size as an integer count of 10 ** -size_decimals."""
        return int(self.lot_size.scaleb(self.size_decimals))


@dataclass(frozen=True, slots=True)
class TickBlock:
    """Consecutive fills of one symbol, as columns of the same length n, all of dtype int64.

    `time` (ns UTC, never falling), `price`, `bid`, `ask` (ticks), `size`, `bid_size`, `ask_size` (lots),
    `side` (BUY or SELL, the taker's), `volume` (lots traded in this symbol since the UTC day of market time
    began, this fill included), `trade_id` (grows, belongs to the trade whatever way the market got to it).
    The quote is the one that stands behind the fill, with what the fill has left; bid <= price <= ask and bid < ask.
    """

    time: Ints
    price: Ints
    size: Ints
    side: Ints
    bid: Ints
    bid_size: Ints
    ask: Ints
    ask_size: Ints
    volume: Ints
    trade_id: Ints

    def __len__(self) -> int:
        return len(self.time)

    def __getitem__(self, rows: slice) -> TickBlock:
        """The block of those rows; the columns are views."""
        return TickBlock(*(getattr(self, column.name)[rows] for column in fields(self)))

    def before(self, time: int) -> TickBlock:
        """The fills before `time` (ns UTC)."""
        return self[: int(np.searchsorted(self.time, time))]

    @classmethod
    def empty(cls) -> TickBlock:
        """A block without a fill."""
        return cls(*(np.empty(0, np.int64) for _ in fields(cls)))

    @classmethod
    def joined(cls, blocks: Sequence[TickBlock]) -> TickBlock:
        """Blocks that follow each other, as one."""
        if not blocks:
            return cls.empty()
        return cls(*(np.concatenate([getattr(block, column.name) for block in blocks]) for column in fields(cls)))


@dataclass(frozen=True, slots=True)
class Traded:
    """What was traded of one symbol, as far as its bars need it: int64 columns of one length.

    Each row stands for `count` fills (one or more) in a row at one `price` (ticks), of `size` lots together, the first
    of them at `time` (ns UTC, never falling).
    """

    time: Ints
    price: Ints
    size: Ints
    count: Ints

    def __len__(self) -> int:
        return len(self.time)

    @classmethod
    def of(cls, block: TickBlock) -> Traded:
        """Each fill as a row."""
        return cls(block.time, block.price, block.size, np.ones(len(block), np.int64))


@dataclass(frozen=True, slots=True)
class StatusChange:
    """From `time` on (ns UTC) the symbol is in `status`, for `reason`, in the scenario's `phase`."""

    time: int
    symbol: str
    status: str
    reason: str
    phase: str


@dataclass(frozen=True, slots=True)
class Batch:
    """Everything that happens in the market time from `start` up to, not including, `end` (ns UTC).

    `ticks` has one block an instrument, in the order of the source's instruments; `statuses` is in order of time.
    """

    start: int
    end: int
    ticks: tuple[TickBlock, ...]
    statuses: tuple[StatusChange, ...] = ()

    def before(self, time: int) -> Batch:
        """The batch, cut at `time` (ns UTC) where it reaches further."""
        if self.end <= time:
            return self
        changes = tuple(change for change in self.statuses if change.time < time)
        return Batch(self.start, time, tuple(block.before(time) for block in self.ticks), changes)


class Source(Protocol):
    """Where a market's events come from. Pure: the same call gives the same events, at any time, in any order."""

    @property
    def instruments(self) -> tuple[Instrument, ...]:
        """The symbols, in their fixed order."""

    @property
    def start(self) -> int:
        """Market time of the beginning, ns UTC."""

    @property
    def end(self) -> int | None:
        """Market time at which the source ends, ns UTC; None if it never does."""

    def batches(self, at: int) -> Iterator[Batch]:
        """Consecutive batches from market time `at` on, each beginning where the last one ended.

        The first begins exactly at `at`; the last, if any, ends at `end`. Seeking costs a batch, not the past.
        """

    def ticks(self, index: int, start: int, end: int) -> Iterator[TickBlock]:
        """The fills of one instrument from market time `start` up to, not including, `end`, a block at a time.

        The same that `batches` has; to be overridden where those of one instrument cost less than those of all.
        """
        for batch in batches_between(self, start, end):
            yield batch.ticks[index]

    def traded(self, index: int, start: int, end: int) -> Iterator[Traded]:
        """What was traded of one instrument in this time, from whole minute to whole minute.

        Its minute bars are exactly those of the fills; to be overridden where they cost less than the fills.
        """
        for block in self.ticks(index, start, end):
            yield Traded.of(block)

    def books(self, index: int) -> Books:
        """The book of one of the instruments; made when it is asked for."""

    def statuses(self, at: int) -> tuple[StatusChange, ...]:
        """For each instrument the change that is in force at market time `at`."""

    def first_trade(self, index: int) -> int:
        """Time of the first trade there is of an instrument; `ALWAYS` where there is one before any time."""
        return ALWAYS

    def last_trade(self, index: int, at: int) -> int | None:
        """Time of the last trade of an instrument before market time `at`, None where there is none."""
        earliest = max(self.first_trade(index), at - MAX_LOOK_BACK)
        while at > earliest:
            begin = max(earliest, (at - 1) // HOUR * HOUR)
            blocks = [batch.ticks[index] for batch in batches_between(self, begin, at)]
            times = [int(block.time[-1]) for block in blocks if len(block)]
            if times:
                return times[-1]
            at = begin
        return None

    def without_volume(self) -> Source:
        """The same source for who has no use for `volume`, where that makes it faster."""
        return self

    def recorded(self, channel: str, symbol: str, part: str) -> RecordedRows | None:
        """A stream's messages where they are to be sent as they were; None where they follow from the ticks."""
        return None

    @property
    def notices(self) -> tuple[str, ...]:
        """What is shown and was made up, left out or is missing, one sentence each."""
        return ()

    @property
    def script_start(self) -> int:
        """Market time at which the scenario's script begins: at once, but behind a recording that is continued."""
        return self.start

    @property
    def numbering(self) -> Mapping[str, int]:
        """By stream (`trading:BTC/USD`) the `seq` of the message before the source's first; 0 where it is not told."""
        return {}


def batches_between(source: Source, start: int, end: int) -> Iterator[Batch]:
    """The batches of a source from market time `start` up to, not including, `end` (ns UTC); the last is cut there."""
    for batch in source.batches(start):
        yield batch.before(end)
        if batch.end >= end:
            return
