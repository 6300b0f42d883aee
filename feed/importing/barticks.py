"""Ticks that rebuild bars exactly: open, high, low, close, volume, and the number of trades where it is known.

In integers throughout, and without dice: the price goes from the open to the nearer extreme first as the bar's own
direction has it (down first in a bar that rises), then to the other, then to the close, on straight lines.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from feed.importing.conversion import Ints

__all__ = ["BarTicks", "FileBars", "ticks_of", "too_small"]

LEAST = 4
"""Ticks that show open, both extremes and close."""


@dataclass(frozen=True, slots=True)
class FileBars:
    """Bars of one symbol, each with volume: prices and volumes as whole units, times in ns.

    `count` is the number of ticks that each becomes, at least one and at most its volume.
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
    """What bars became: `bar` is the bar of each tick, by its number in the block."""

    time: Ints
    price: Ints
    size: Ints
    bar: Ints


def turns(bars: FileBars) -> Ints:
    """The four prices that each bar goes through, a row a bar."""
    rising = bars.close >= bars.open
    first = np.where(rising, bars.low, bars.high)
    second = np.where(rising, bars.high, bars.low)
    return np.stack([bars.open, first, second, bars.close], axis=1)


def needed(bars: FileBars) -> Ints:
    """The fewest ticks that show each bar: its four turns without those that repeat the one before."""
    path = turns(bars)
    return np.asarray(1 + np.count_nonzero(np.diff(path, axis=1), axis=1), np.int64)


def too_small(bars: FileBars) -> int | None:
    """The first bar whose volume cannot be split into as many ticks as its prices need, by its number."""
    wrong = np.flatnonzero(bars.volume < needed(bars))
    return int(wrong[0]) if len(wrong) else None


def ticks_of(bars: FileBars, interval: int) -> BarTicks:
    """The ticks of the bars, evenly spread from the beginning of each.

    Args:
        bars: none of which is `too_small`.
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
    # Anchors of the same place are the same price.
    width = np.maximum(right - left, 1)
    return np.asarray(begin + (end - begin) * (number - left) // width, np.int64)


def _anchors(bars: FileBars, count: Ints) -> tuple[Ints, Ints]:
    """The turns of each bar, and the numbers of the ticks at which they are.

    With fewer than four ticks, turns that repeat the one before are taken together, the repeated ones at the end.
    """
    path = turns(bars)
    last = count - 1
    places = np.stack([np.zeros_like(last), last // 3, last - last // 3, last], axis=1)
    few = np.flatnonzero(count < LEAST)
    for row in few.tolist():
        kept = [0] + [i for i in range(1, 4) if path[row, i] != path[row, i - 1]]
        kept += [kept[-1]] * (4 - len(kept))
        path[row] = path[row, kept]
        places[row] = np.minimum(np.arange(4), last[row])
    return path, places
