"""Market data from a source to a market: columns of ticks, and changes of a symbol's status.

A source is an engine or a recording; the market treats both alike. Columns stay numpy arrays of exact
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
"""Market times before and after every possible time, ns UTC."""

MAX_LOOK_BACK = 31 * DAY
"""Longest search for an earlier trade in a generated market, ns."""

STATUSES = ("online", "halted", "auction", "maintenance")
"""Statuses of a symbol."""


@dataclass(frozen=True, slots=True)
class Instrument:
    """Symbol with the steps of its prices and sizes.

    `tick_size` and `lot_size` are exact decimals and need not be powers of ten (0.5 and 0.25 are fine).
    """

    symbol: str
    tick_size: Decimal
    lot_size: Decimal

    @property
    def price_decimals(self) -> int:
        """Number of decimals in every written price of this symbol."""
        return decimal_places(self.tick_size)

    @property
    def size_decimals(self) -> int:
        """Number of decimals in every written size of this symbol."""
        return decimal_places(self.lot_size)

    @property
    def tick_units(self) -> int:
        """Tick size as an integer count of 10 ** -price_decimals."""
        return int(self.tick_size.scaleb(self.price_decimals))

    @property
    def lot_units(self) -> int:
        """Lot size as an integer count of 10 ** -size_decimals."""
        return int(self.lot_size.scaleb(self.size_decimals))


@dataclass(frozen=True, slots=True)
class TickBlock:
    """Consecutive fills of one symbol, as columns of the same length n, all of dtype int64.

    `time` (ns UTC, never decreasing), `price`, `bid`, `ask` (ticks), `size`, `bid_size`, `ask_size` (lots),
    `side` (BUY or SELL, the taker's), `volume` (lots traded in this symbol since the UTC day of market time
    began, this fill included), `trade_id` (increasing; the same for a trade however the market reached it).
    The quote of a generated fill is the one that it leaves, with bid <= price <= ask and bid < ask. That of a recorded
    fill is as it was recorded; in a venue's recording it is the last one before the fill, and need not hold its price.
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
        """Return the block of those rows; the columns are views."""
        return TickBlock(*(getattr(self, column.name)[rows] for column in fields(self)))

    def where(self, wanted: NDArray[np.bool_]) -> TickBlock:
        """Return the fills whose row is wanted, copied."""
        return TickBlock(*(getattr(self, column.name)[wanted] for column in fields(self)))

    def before(self, time: int) -> TickBlock:
        """Return the fills before `time` (ns UTC)."""
        return self[: int(np.searchsorted(self.time, time))]

    @classmethod
    def empty(cls) -> TickBlock:
        """Return a block without a fill."""
        return cls(*(np.empty(0, np.int64) for _ in fields(cls)))

    @classmethod
    def joined(cls, blocks: Sequence[TickBlock]) -> TickBlock:
        """Join consecutive blocks into one."""
        if not blocks:
            return cls.empty()
        return cls(*(np.concatenate([getattr(block, column.name) for block in blocks]) for column in fields(cls)))


@dataclass(frozen=True, slots=True)
class Traded:
    """Trades of one symbol, reduced to the data that its bars need: int64 columns of one length.

    Each row stands for `count` consecutive fills (one or more) at one `price` (ticks), of `size` lots in total, the
    first of them at `time` (ns UTC, never decreasing).
    """

    time: Ints
    price: Ints
    size: Ints
    count: Ints

    def __len__(self) -> int:
        return len(self.time)

    @classmethod
    def of(cls, block: TickBlock) -> Traded:
        """Return one row for each fill."""
        return cls(block.time, block.price, block.size, np.ones(len(block), np.int64))


@dataclass(frozen=True, slots=True)
class StatusChange:
    """Change of a symbol's status: from `time` on (ns UTC) it is `status`, for `reason`, in the scenario's `phase`."""

    time: int
    symbol: str
    status: str
    reason: str
    phase: str


@dataclass(frozen=True, slots=True)
class Batch:
    """All events in the market time from `start` up to, not including, `end` (ns UTC).

    `ticks` has one block per instrument, in the order of the source's instruments; `statuses` is in order of time.
    """

    start: int
    end: int
    ticks: tuple[TickBlock, ...]
    statuses: tuple[StatusChange, ...] = ()

    def before(self, time: int) -> Batch:
        """Return the batch, cut at `time` (ns UTC) if it ends later."""
        if self.end <= time:
            return self
        changes = tuple(change for change in self.statuses if change.time < time)
        return Batch(self.start, time, tuple(block.before(time) for block in self.ticks), changes)


class Source(Protocol):
    """Source of a market's events. Pure: the same call gives the same events, at any time, in any order."""

    @property
    def instruments(self) -> tuple[Instrument, ...]:
        """Instruments, in their fixed order."""

    @property
    def start(self) -> int:
        """Market time of the beginning, ns UTC."""

    @property
    def end(self) -> int | None:
        """Market time at which the source ends, ns UTC; None if it never does."""

    def batches(self, at: int) -> Iterator[Batch]:
        """Yield consecutive batches from market time `at` on, each beginning at the end of the previous one.

        The first begins exactly at `at`; the last, if any, ends at `end`. Seeking costs one batch, not the past.
        """

    def ticks(self, index: int, start: int, end: int) -> Iterator[TickBlock]:
        """Yield the fills of one instrument from market time `start` up to, not including, `end`, a block at a time.

        The same fills as in `batches`; override this if the fills of one instrument cost less than those of all.
        """
        for batch in batches_between(self, start, end):
            yield batch.ticks[index]

    def traded(self, index: int, start: int, end: int) -> Iterator[Traded]:
        """Yield the trades of one instrument in this time, from whole minute to whole minute.

        Their minute bars are exactly those of the fills; override this if they cost less than the fills.
        """
        for block in self.ticks(index, start, end):
            yield Traded.of(block)

    def books(self, index: int) -> Books:
        """Return the book of one of the instruments; it is built on request."""

    def statuses(self, at: int) -> tuple[StatusChange, ...]:
        """Return for each instrument the status change in force at market time `at`."""

    def quotes(self, index: int) -> Books | None:
        """Return the recorded quotes of an instrument as a book of one level; None if it has none."""
        return None

    def first_trade(self, index: int) -> int:
        """Return the time of an instrument's first trade; `ALWAYS` if there are trades before any time."""
        return ALWAYS

    def last_trade(self, index: int, at: int) -> int | None:
        """Return the time of an instrument's last trade before market time `at`, or None if there is none."""
        earliest = max(self.first_trade(index), at - MAX_LOOK_BACK)
        while at > earliest:
            begin = max(earliest, (at - 1) // HOUR * HOUR)
            # Of this instrument alone: the trades of all others would cost as much each.
            times = [int(block.time[-1]) for block in self.ticks(index, begin, at) if len(block)]
            if times:
                return times[-1]
            at = begin
        return None

    def without_volume(self) -> Source:
        """Return the same source for readers that do not use `volume`, if that makes it faster."""
        return self

    def recorded(self, channel: str, symbol: str, part: str) -> RecordedRows | None:
        """Return a stream's recorded messages if they are to be sent unchanged; None if they follow from the ticks."""
        return None

    @property
    def notices(self) -> tuple[str, ...]:
        """Notices about data that is invented, left out or missing, one sentence each."""
        return ()

    @property
    def script_start(self) -> int:
        """Market time at which the scenario's script begins: `start`, or after the recording if one is continued."""
        return self.start

    @property
    def numbering(self) -> Mapping[str, int]:
        """Map from stream (`trading:BTC/USD`) to the `seq` of the message before the source's first; 0 if not given."""
        return {}


def batches_between(source: Source, start: int, end: int) -> Iterator[Batch]:
    """Yield a source's batches from market time `start` up to, not including, `end` (ns UTC); the last is cut there."""
    for batch in source.batches(start):
        yield batch.before(end)
        if batch.end >= end:
            return
