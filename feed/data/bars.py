"""Bars: open, high, low, close and the traded amounts, aggregated exactly from ticks, as columns of integers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from feed.data.ticks import TickBlock, Traded

__all__ = ["Bars", "bars_of", "each_of", "joined", "running", "running_by"]

Ints = NDArray[np.int64]
Exact = NDArray[Any]
"""Array of int64, or of Python integers if sums of price times size would not fit."""

SAFE_BELOW = 2**62


@dataclass(frozen=True, slots=True)
class Bars:
    """Bars of one symbol in order of time, as columns of one length; only times with trades have a bar.

    `time` (ns UTC, the bar's beginning), `open`, `high`, `low`, `close` (ticks), `volume` (lots), `trades` (fills),
    `notional` (ticks times lots, exact: divided by the volume it is the volume-weighted price).
    """

    time: Ints
    open: Ints
    high: Ints
    low: Ints
    close: Ints
    volume: Ints
    trades: Ints
    notional: Exact

    def __len__(self) -> int:
        return len(self.time)

    def __getitem__(self, rows: slice | Ints) -> Bars:
        """Return the bars of those rows."""
        return Bars(*(getattr(self, column.name)[rows] for column in fields(self)))

    def coarser(self, length: int) -> Bars:
        """Aggregate into longer bars: each begins at a whole multiple of `length` ns since the Unix epoch."""
        return _grouped(self.time // length * length, self)

    @classmethod
    def empty(cls) -> Bars:
        """Return an empty set of bars."""
        return cls(*(np.empty(0, np.int64) for _ in fields(cls)))


def bars_of(block: TickBlock | Traded, length: int) -> Bars:
    """Aggregate the ticks of a block into bars of `length` ns."""
    each = each_of(block)
    return _grouped(each.time // length * length, each)


def each_of(block: TickBlock | Traded) -> Bars:
    """Return one bar for each row of a block, at its time."""
    rows = Traded.of(block) if isinstance(block, TickBlock) else block
    return Bars(
        time=rows.time,
        open=rows.price,
        high=rows.price,
        low=rows.price,
        close=rows.price,
        volume=rows.size,
        trades=rows.count,
        notional=_product(rows.price, rows.size),
    )


def joined(parts: Sequence[Bars]) -> Bars:
    """Join consecutive bars into one set of columns."""
    if not parts:
        return Bars.empty()
    return Bars(*(np.concatenate([getattr(part, column.name) for part in parts]) for column in fields(Bars)))


def running(bars: Bars, length: int) -> Bars:
    """Return for each bar the state, at its end, of the longer bar of `length` ns that contains it."""
    return running_by(bars, bars.time // length * length)


def running_by(bars: Bars, group: Ints) -> Bars:
    """Return for each bar the state, at its end, of the longer bar that contains it, which begins at its `group`."""
    if not len(bars):
        return bars
    begins = np.flatnonzero(np.diff(group, prepend=group[0] - 1))
    rank = np.repeat(np.arange(len(begins)), np.diff(begins, append=len(bars)))
    return Bars(
        time=group,
        open=bars.open[begins][rank],
        high=_highest(bars.high, rank),
        low=-_highest(-bars.low, rank),
        close=bars.close,
        volume=_summed(bars.volume, begins, rank),
        trades=_summed(bars.trades, begins, rank),
        notional=_summed(bars.notional, begins, rank),
    )


def _grouped(time: Ints, bars: Bars) -> Bars:
    """Merge each run of equal times into one bar."""
    if not len(time):
        return Bars.empty()
    begins = np.flatnonzero(np.diff(time, prepend=time[0] - 1))
    ends = np.append(begins[1:], len(time)) - 1
    return Bars(
        time=time[begins],
        open=bars.open[begins],
        high=np.maximum.reduceat(bars.high, begins),
        low=np.minimum.reduceat(bars.low, begins),
        close=bars.close[ends],
        volume=np.add.reduceat(bars.volume, begins),
        trades=np.add.reduceat(bars.trades, begins),
        notional=np.add.reduceat(bars.notional, begins),
    )


def _product(price: Ints, size: Ints) -> Exact:
    if not len(price):
        return price
    # A whole day of such blocks must fit as well.
    fits = float(np.abs(price).max()) * float(size.sum()) * 1000 < SAFE_BELOW
    product: Exact = price * size if fits else price.astype(object) * size.astype(object)
    return product


def _highest(values: Ints, rank: Ints) -> Ints:
    """Return the running maximum, restarted with each rank."""
    # Each group is offset above the previous one, so that one pass over all groups does not mix them.
    lift = int(values.max() - values.min()) + 1
    lifted = values + rank * lift
    result: Ints = np.maximum.accumulate(lifted) - rank * lift
    return result


def _summed(values: Exact, begins: Ints, rank: Ints) -> Exact:
    """Return the running sum, restarted with each rank."""
    sums = np.cumsum(values)
    before = sums[begins] - values[begins]
    result: Exact = sums - before[rank]
    return result
