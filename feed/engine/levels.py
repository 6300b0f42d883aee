"""The levels behind the touch, as a pure function of time and touch.

The price axis is cut into cells, narrow ones near the touch and wider ones further out. A mix of bits decides for each
cell and each epoch of it whether a level is there, where in the cell, and how large; epochs are longer further out. So
a book needs no past, and two books that are near in time have most of their levels in common.
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
"""The two sides; prices times the side grow away from the touch."""

ZONES = 8
"""So many reach a hundred levels nearly always."""
MOST_ZONES = 10
"""So many reach them always: each cell has a level in three of four cases."""
CELLS = 20
"""Cells of a zone, about; each zone's are twice as wide as those of the zone before."""
WIDTH = CELLS + 2
PRESENT = 0.75
ENOUGH = 12
"""Levels of a zone that are there for certain, but for one time in a million."""
GRAIN = 1e-6
"""Width of the narrowest cells, as a share of the price."""
PERIOD = 900 * MILLISECOND
SIDE_PERIOD = 40 * SECOND
SHARE, SPREAD, SIDE_SPREAD = 0.04, 1.5, 0.9
"""A level near the touch: its share of what usually stands at the touch, and standard deviations of log2."""
GROWTH = 1.05
MOST_LOTS = 1e12


class Levels:
    """The deep levels of one symbol.

    Args:
        seed: the market's.
        symbol: its name.
        price: about what it costs, in ticks; the width of the cells follows from it.
    """

    def __init__(self, seed: int, symbol: str, price: float) -> None:
        self._keys = {side: stream_key(seed, f"{symbol} levels {side}") for side in (BID, ASK)}
        self._grain = 1
        while self._grain * 2 <= price * GRAIN:
            self._grain *= 2

    def behind(self, side: int, anchor: Ints, time: Ints, base: Floats, levels: int) -> list[list[Level]]:
        """For each row at most `levels` levels behind its anchor, the nearest first.

        Args:
            side: BID or ASK.
            anchor: prices in ticks that all levels lie behind.
            time: ns UTC.
            base: lots that usually stand at the touch.
        """
        zones = min(1 + -(-levels // ENOUGH), ZONES)
        found = self._behind(side, anchor, time, base, levels, zones)
        # A bid has nothing behind it where its zones reach down to zero.
        reach = 0 if side == ASK else CELLS * self._grain * ((1 << zones) - 1)
        short = [len(row) < levels and price > reach for row, price in zip(found, anchor.tolist(), strict=True)]
        if any(short):
            # So that the best ten are the same ten whoever asks for how many.
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
        """Of every cell of every row: its price times the side, its dice, since when it has them; and its zone.

        A cell that is not in its zone has a price that is in front of every anchor.
        """
        zone = np.repeat(np.arange(zones), WIDTH)
        width = self._grain << zone
        edges = _edges(anchor, self._grain, zones)
        cell = edges[:, zone] // width + np.tile(np.arange(WIDTH), zones)
        begin = cell * width
        key = mixed(((cell << np.int64(4)) + zone).view(np.uint64) ^ self._keys[side])
        period = PERIOD << (zone // 2)
        phase = (key >> np.uint64(24)).view(np.int64) % period
        epoch = (time[:, None] + phase) // period
        dice = mixed(key + epoch.view(np.uint64))
        offset = ((dice >> np.uint64(16)) & np.uint64(0xFFFF)).view(np.int64) * width >> 16
        price = np.where(begin < edges[:, zone + 1], begin + offset, np.int64(-(2**62)))
        return price, dice, epoch * period - phase, zone

    def _sizes(self, side: int, dice: Words, born: Ints, zone: Ints, base: Floats) -> Ints:
        """Log-normal, with a factor of the side that drifts: a level keeps that of the time at which it came."""
        tide = one_normal(mixed((born // SIDE_PERIOD).view(np.uint64) ^ self._keys[side]))
        log = one_normal(mixed(dice)) * SPREAD + tide * SIDE_SPREAD + zone * GROWTH
        lots = base * SHARE * powers(log)
        return np.maximum(np.floor(np.minimum(lots, MOST_LOTS)).astype(np.int64), 1)


def _edges(anchor: Ints, grain: int, zones: int) -> Ints:
    """Where the zones of each row begin, and where the last one ends: whole cells of both zones that meet there."""
    zone = np.arange(zones + 1)
    width = grain << zone
    reach = CELLS * grain * ((1 << zone) - 1)
    edges: Ints = -(-(anchor[:, None] + reach) // width) * width
    edges[:, 0] = anchor // grain * grain
    return edges
