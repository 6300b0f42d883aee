"""Remainder of the levels that orders take from: exactly the size before less the size taken."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Rest", "Sweep"]

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Rest:
    """Best level left after each fill on the side it took from, in ticks and lots."""

    price: Ints
    size: Ints


class Sweep:
    """Fills of orders, with each order's fills moving away from the touch (the best bid and ask).

    Args:
        price: the price of each fill, in ticks.
        size: the size of each fill, in lots.
        counts: the number of fills of each order, at least one.
        sign: the side of each order.
    """

    def __init__(self, price: Ints, size: Ints, counts: Ints, sign: Ints) -> None:
        self.price = price
        self.size = size
        self.lasts = np.cumsum(counts) - 1
        self._sign = sign

    def rest(self, behind: Ints, left: Ints) -> Rest:
        """Return the best level after each fill.

        Args:
            behind: for each order the best price, after it, on the side that it takes from.
            left: the size at that price.
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
        # Lots taken by the end of each level, and the part of them that is taken after each fill.
        ends = np.append(firsts[1:], count) - 1
        level = np.cumsum(opens) - 1
        rest = reached[ends].take(level) - reached
        total = np.diff(reached[ends], prepend=0)
        price = self.price.copy()
        done = rest == 0
        done[self.lasts] = False
        # The level is used up: the next one, whole, is now the best.
        upon = level[done] + 1
        price[done], rest[done] = self.price[firsts[upon]], total[upon]
        # The size that stays at an order's last price was there all the time.
        stays = np.zeros(len(firsts), np.int64)
        same = behind == self.price[self.lasts]
        stays[level[self.lasts]] = np.where(same, left, 0)
        rest += np.where(done, stays.take(np.minimum(level + 1, len(firsts) - 1)), stays.take(level))
        price[self.lasts], rest[self.lasts] = behind, left
        return Rest(price, rest)
