"""Ticks that rebuild bars exactly: open, high, low, close, volume, and the number of trades if it is known.

Computed in integers, without randomness. The price goes in straight lines from the open to one extreme, to the other,
and to the close: a bar that falls reaches its high first, any other bar its low.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from feed.importing.conversion import Ints

__all__ = ["BarTicks", "FileBars", "ticks_of", "too_small"]

MIN_TICKS = 4
"""The number of ticks that show open, both extremes and close."""


@dataclass(frozen=True, slots=True)
class FileBars:
    """Bars of one symbol, each with volume: prices and volumes as whole units, times in ns.

    `count` is the number of ticks that each bar becomes, at least one and at most its volume.
    """

    time: Ints
    open: Ints
    high: Ints
    low: Ints
    close: Ints
    volume: Ints
    count: Ints

    def __len__(self) -> int:
        return len(self.time)


@dataclass(frozen=True, slots=True)
class BarTicks:
    """Ticks made from bars; `bar` is the index within the block of each tick's bar."""

    time: Ints
    price: Ints
    size: Ints
    bar: Ints


def turns(bars: FileBars) -> Ints:
    """Return the four prices that each bar passes through, one row per bar."""
    rising = bars.close >= bars.open
    first = np.where(rising, bars.low, bars.high)
    second = np.where(rising, bars.high, bars.low)
    return np.stack([bars.open, first, second, bars.close], axis=1)


def needed(bars: FileBars) -> Ints:
    """Return the fewest ticks that show each bar: its four turns without those that repeat the one before."""
    path = turns(bars)
    return np.asarray(1 + np.count_nonzero(np.diff(path, axis=1), axis=1), np.int64)


def too_small(bars: FileBars) -> int | None:
    """Return the index of the first bar whose volume cannot be split into as many ticks as its prices need."""
    wrong = np.flatnonzero(bars.volume < needed(bars))
    return int(wrong[0]) if len(wrong) else None


def ticks_of(bars: FileBars, interval: int) -> BarTicks:
    """Return the ticks of the bars, evenly spread from the beginning of each.

    Args:
        bars: bars, none of which is `too_small`.
        interval: length of a bar, ns.
    """
    count = np.minimum(np.maximum(bars.count, needed(bars)), bars.volume)
    ends = np.cumsum(count)
    bar = np.repeat(np.arange(len(bars)), count)
    number = np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - count, count)
    whole, rest = np.divmod(bars.volume, count)
    step = np.maximum(interval // count, 1)
    return BarTicks(
        time=bars.time[bar] + number * step[bar],
        price=_prices(bars, count, bar, number),
        size=whole[bar] + (number < rest[bar]),
        bar=bar,
    )


def _prices(bars: FileBars, count: Ints, bar: Ints, number: Ints) -> Ints:
    path, places = _anchors(bars, count)
    places, prices = places[bar], path[bar]
    at = np.clip(np.count_nonzero(number[:, None] >= places[:, 1:], axis=1), 0, 2)
    rows = np.arange(len(bar))
    left, right = places[rows, at], places[rows, at + 1]
    begin, end = prices[rows, at], prices[rows, at + 1]
    # Anchors at the same tick have the same price.
    width = np.maximum(right - left, 1)
    return np.asarray(begin + (end - begin) * (number - left) // width, np.int64)


def _anchors(bars: FileBars, count: Ints) -> tuple[Ints, Ints]:
    """Return the turns of each bar, and the numbers of the ticks at which they occur.

    With fewer than four ticks, a turn that repeats the one before is dropped, and the last one is repeated at the end.
    """
    path = turns(bars)
    last = count - 1
    places = np.stack([np.zeros_like(last), last // 3, last - last // 3, last], axis=1)
    few = np.flatnonzero(count < MIN_TICKS)
    for row in few.tolist():
        kept = [0] + [i for i in range(1, 4) if path[row, i] != path[row, i - 1]]
        kept += [kept[-1]] * (4 - len(kept))
        path[row] = path[row, kept]
        places[row] = np.minimum(np.arange(4), last[row])
    return path, places
