"""Tables that facts are computed on: fills, the orders that they merge to, and one-minute bars."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from feed.units import MINUTE

__all__ = ["LEAST_FILLS", "FillTable", "MinuteBars", "Quotes", "bars_of", "merged", "windows"]

LEAST_FILLS = 50
"""Minimum number of trades in a window."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class FillTable:
    """Trades in order of time: ns UTC, then floats in the units of the instrument.

    `side` is 1 if the buyer was the taker, -1 if the seller was. Columns that a file does not have are None. Quotes
    are those after the fill, or before it if the file has those.
    """

    time: Ints
    price: Floats
    size: Floats
    side: Ints | None = None
    bid: Floats | None = None
    bid_size: Floats | None = None
    ask: Floats | None = None
    ask_size: Floats | None = None

    def __len__(self) -> int:
        return len(self.time)

    def __getitem__(self, rows: slice | Ints) -> FillTable:
        """Return the given rows."""
        optional = (self.side, self.bid, self.bid_size, self.ask, self.ask_size)
        chosen: list[Any] = [None if column is None else column[rows] for column in optional]
        return FillTable(self.time[rows], self.price[rows], self.size[rows], *chosen)


@dataclass(frozen=True, slots=True)
class Quotes:
    """Best quotes in order of time: ns UTC, then floats in the units of the instrument; sizes if they are known."""

    time: Ints
    bid: Floats
    ask: Floats
    bid_size: Floats | None = None
    ask_size: Floats | None = None

    def __len__(self) -> int:
        return len(self.time)

    def between(self, start: int, end: int) -> Quotes:
        """Return the quotes from `start` up to, not including, `end`."""
        lo, hi = (int(row) for row in np.searchsorted(self.time, [start, end]))
        sizes = (None if column is None else column[lo:hi] for column in (self.bid_size, self.ask_size))
        return Quotes(self.time[lo:hi], self.bid[lo:hi], self.ask[lo:hi], *sizes)


@dataclass(frozen=True, slots=True)
class MinuteBars:
    """One-minute bars without gaps: the close is NaN before the first trade, else the last one; volume 0 if none."""

    minute: Ints
    close: Floats
    volume: Floats

    def __len__(self) -> int:
        return len(self.minute)

    def __getitem__(self, rows: slice) -> MinuteBars:
        """Return the given bars."""
        return MinuteBars(self.minute[rows], self.close[rows], self.volume[rows])


def merged(fills: FillTable) -> FillTable:
    """Merge fills to orders: fills of one time and side become one, at the last price, with the whole size.

    A fill is not an order: an order that sweeps several makers prints one fill for each.
    """
    if not len(fills):
        return fills
    new = np.diff(fills.time, prepend=fills.time[0] - 1) != 0
    if fills.side is not None:
        new |= np.diff(fills.side, prepend=0) != 0
    first = np.flatnonzero(new)
    last = np.append(first[1:], len(fills)) - 1
    orders = fills[first]
    size = np.add.reduceat(fills.size, first)
    return FillTable(
        orders.time, fills.price[last], size, orders.side, orders.bid, orders.bid_size, orders.ask, orders.ask_size
    )


def bars_of(fills: FillTable) -> MinuteBars:
    """Return the one-minute bars of a table of fills."""
    if not len(fills):
        return MinuteBars(np.empty(0, np.int64), np.empty(0), np.empty(0))
    minute = fills.time // MINUTE
    minutes = np.arange(int(minute[0]), int(minute[-1]) + 1, dtype=np.int64)
    last = np.searchsorted(minute, minutes, side="right") - 1
    volume = np.bincount(minute - minutes[0], weights=fills.size, minlength=len(minutes)).astype(np.float64)
    return MinuteBars(minutes, fills.price[last], volume)


def windows(fills: FillTable, length: int, least: int = LEAST_FILLS) -> Iterator[tuple[int, FillTable]]:
    """Yield the whole windows of `length` ns with their starts; those with fewer than `least` fills are left out."""
    if not len(fills):
        return
    start = -(-int(fills.time[0]) // length) * length
    if start + length > int(fills.time[-1]):
        # A short capture may have room for a window, though not between two multiples of its length.
        start = int(fills.time[0])
    while start + length <= int(fills.time[-1]):
        lo, hi = np.searchsorted(fills.time, [start, start + length])
        if hi - lo >= least:
            yield start, fills[int(lo) : int(hi)]
        start += length
