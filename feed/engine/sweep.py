"""What orders leave of the levels that they take from: exactly what was there less what they took."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Rest", "Sweep"]

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Rest:
    """For each fill the best level that is left on the side that it took from, in ticks and lots."""

    price: Ints
    size: Ints


class Sweep:
    """The fills of orders, each order's away from the touch.

    Args:
        price: of each fill, in ticks.
        size: of each fill, in lots.
        counts: fills of each order, at least one.
        sign: each order's side.
    """

    def __init__(self, price: Ints, size: Ints, counts: Ints, sign: Ints) -> None:
        self.price = price
        self.size = size
        self.lasts = np.cumsum(counts) - 1
        self._sign = sign

    def rest(self, behind: Ints, left: Ints) -> Rest:
        """What each fill leaves.

        Args:
            behind: for each order the best price on its side's levels once it is done.
            left: the size there.
        """
        count = len(self.price)
        if not count:
            return Rest(self.price, self.size)
        # A level of an order: fills that follow each other at one price.
        opens = np.empty(count, bool)
        opens[0] = True
        np.not_equal(self.price[1:], self.price[:-1], out=opens[1:])
        opens[self.lasts[:-1] + 1] = True
        firsts = np.flatnonzero(opens)
        reached = np.cumsum(self.size)
        # What has been taken by the end of each level, and how much of that lies behind each fill.
        ends = np.append(firsts[1:], count) - 1
        level = np.cumsum(opens) - 1
        rest = reached[ends].take(level) - reached
        total = np.diff(reached[ends], prepend=0)
        price = self.price.copy()
        done = rest == 0
        done[self.lasts] = False
        # The level is eaten up: the next one, whole, is the best now.
        upon = level[done] + 1
        price[done], rest[done] = self.price[firsts[upon]], total[upon]
        # What stays at an order's last price was there all the time.
        stays = np.zeros(len(firsts), np.int64)
        same = behind == self.price[self.lasts]
        stays[level[self.lasts]] = np.where(same, left, 0)
        rest += np.where(done, stays.take(np.minimum(level + 1, len(firsts) - 1)), stays.take(level))
        price[self.lasts], rest[self.lasts] = behind, left
        return Rest(price, rest)
