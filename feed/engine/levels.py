"""Levels behind the touch (the best bid and ask), as a pure function of time and touch.

The price axis is divided into cells, narrow near the touch and wider further out. For each cell and each of its epochs
a mix of bits decides the presence of a level, its place in the cell and its size; epochs are longer further out. So a
book needs no past, and two books that are near in time have most of their levels in common.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from feed.randomness import mixed, one_normal, powers, stream_key
from feed.units import MILLISECOND, SECOND

__all__ = ["ASK", "BID", "Level", "Levels"]

Ints = NDArray[np.int64]
Words = NDArray[np.uint64]
Floats = NDArray[np.float64]

Level = tuple[int, int]
"""Price in ticks, size in lots."""

BID, ASK = -1, 1
"""Signs of the two sides; price times sign grows away from the touch."""

ZONES = 8
"""Number of zones that nearly always contains a hundred levels."""
MOST_ZONES = 10
"""Number of zones that always contains a hundred levels: each cell has a level in three of four cases."""
CELLS = 20
"""Approximate number of cells of a zone; each zone's cells are twice as wide as those of the previous zone."""
WIDTH = CELLS + 2
PRESENT = 0.75
ENOUGH = 12
"""Number of levels that a zone has at least, except for one time in a million."""
GRAIN = 1e-6
"""Width of the narrowest cells, as a share of the price."""
PERIOD = 450 * MILLISECOND
"""Shortest stay of the levels of a cell; a quarter of the cells each have this one, and 4, 16 and 64 times as much."""
SIDE_PERIOD = 40 * SECOND
SHARE, SPREAD, SIDE_SPREAD = 0.04, 1.5, 0.9
"""Size of a level near the touch: share of the usual size at the touch, and two standard deviations of log2."""
GROWTH = 1.05
MOST_LOTS = 1e12


class Levels:
    """Deep levels of one symbol.

    Args:
        seed: the market's seed.
        symbol: the symbol's name.
        price: the symbol's approximate price, in ticks; it determines the width of the cells.
    """

    def __init__(self, seed: int, symbol: str, price: float) -> None:
        self._keys = {side: stream_key(seed, f"{symbol} levels {side}") for side in (BID, ASK)}
        self._grain = 1
        while self._grain * 2 <= price * GRAIN:
            self._grain *= 2

    def behind(self, side: int, anchor: Ints, time: Ints, base: Floats, levels: int) -> list[list[Level]]:
        """Return for each row at most `levels` levels behind its anchor, the nearest first.

        Args:
            side: BID or ASK.
            anchor: the price of each row, in ticks, behind which its levels lie.
            time: the time of each row, ns UTC.
            base: the usual number of lots at the touch, for each row.
        """
        zones = min(1 + -(-levels // ENOUGH), ZONES)
        found = self._behind(side, anchor, time, base, levels, zones)
        # A bid has no further levels if its zones reach down to price zero.
        reach = 0 if side == ASK else CELLS * self._grain * ((1 << zones) - 1)
        short = [len(row) < levels and price > reach for row, price in zip(found, anchor.tolist(), strict=True)]
        if any(short):
            # The best ten levels must be the same for every requested depth.
            return self._behind(side, anchor, time, base, levels, MOST_ZONES)
        return found

    def _behind(self, side: int, anchor: Ints, time: Ints, base: Floats, levels: int, zones: int) -> list[list[Level]]:
        price, dice, born, zone = self._cells(side, anchor * side, time, zones)
        there = price > (anchor * side)[:, None]
        there &= (dice & np.uint64(0xFFFF)) < np.uint64(int(PRESENT * 65536))
        if side == BID:
            there &= price < 0
        # Cells come in the order of their prices, so the first ones are the nearest.
        there &= np.cumsum(there, axis=1) <= levels
        rows, cells = np.nonzero(there)
        size = self._sizes(side, dice[rows, cells], born[rows, cells], zone[cells], base[rows])
        pairs = list(zip((price[rows, cells] * side).tolist(), size.tolist(), strict=True))
        edges = np.searchsorted(rows, np.arange(len(anchor) + 1)).tolist()
        return [pairs[first:last] for first, last in pairwise(edges)]

    def _cells(self, side: int, anchor: Ints, time: Ints, zones: int) -> tuple[Ints, Words, Ints, Ints]:
        """Return the cells of every row: price times side, random bits and the beginning of their epoch; and the zones.

        A cell outside its zone gets a price in front of every anchor.
        """
        zone = np.repeat(np.arange(zones), WIDTH)
        width = self._grain << zone
        edges = _edges(anchor, self._grain, zones)
        cell = edges[:, zone] // width + np.tile(np.arange(WIDTH), zones)
        begin = cell * width
        key = mixed(((cell << np.int64(4)) + zone).view(np.uint64) ^ self._keys[side])
        period = (PERIOD << (zone // 2)) << (2 * (key >> np.uint64(62)).view(np.int64))
        phase = (key >> np.uint64(24)).view(np.int64) % period
        epoch = (time[:, None] + phase) // period
        dice = mixed(key + epoch.view(np.uint64))
        offset = ((dice >> np.uint64(16)) & np.uint64(0xFFFF)).view(np.int64) * width >> 16
        price = np.where(begin < edges[:, zone + 1], begin + offset, np.int64(-(2**62)))
        return price, dice, epoch * period - phase, zone

    def _sizes(self, side: int, dice: Words, born: Ints, zone: Ints, base: Floats) -> Ints:
        """Return log-normal sizes, with a drifting factor for the side: a level keeps the factor it appeared with."""
        tide = one_normal(mixed((born // SIDE_PERIOD).view(np.uint64) ^ self._keys[side]))
        log = one_normal(mixed(dice)) * SPREAD + tide * SIDE_SPREAD + zone * GROWTH
        lots = base * SHARE * powers(log)
        return np.maximum(np.floor(np.minimum(lots, MOST_LOTS)).astype(np.int64), 1)


def _edges(anchor: Ints, grain: int, zones: int) -> Ints:
    """Return the beginnings of each row's zones and the end of the last: whole cells of both zones that meet there."""
    zone = np.arange(zones + 1)
    width = grain << zone
    reach = CELLS * grain * ((1 << zone) - 1)
    edges: Ints = -(-(anchor[:, None] + reach) // width) * width
    edges[:, 0] = anchor // grain * grain
    return edges
