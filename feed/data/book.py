"""Order book data from a source to a `book` channel: the quotes at every change of a book, and its levels there.

A book is built on request, never for every tick. At the time of a trade it is the book after the trade, and its best
bid and ask are the tick's quote; the change before it, at the same time, shows the levels that the trade takes from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from feed.data.keptbook import CHECKED_LEVELS, checksum_of

__all__ = [
    "DEPTHS",
    "Books",
    "Depth",
    "Ladder",
    "Level",
    "Levels",
    "QuoteBlock",
    "changed_levels",
    "ladder_checksum",
]

Ints = NDArray[np.int64]

Level = tuple[int, int]
"""Price in ticks, size in lots."""

Levels = tuple[Level, ...]

DEPTHS = (10, 25, 100)
"""Depths that a client may request, in levels of each side."""


@dataclass(frozen=True, slots=True)
class QuoteBlock:
    """Quotes of one symbol as int64 columns of one length: valid from `time` (ns UTC), in ticks and lots; bid < ask."""

    time: Ints
    bid: Ints
    bid_size: Ints
    ask: Ints
    ask_size: Ints

    def __len__(self) -> int:
        return len(self.time)

    def __getitem__(self, rows: slice) -> QuoteBlock:
        """Return the block of those rows; the columns are views."""
        return QuoteBlock(*(getattr(self, column.name)[rows] for column in fields(self)))

    @classmethod
    def empty(cls) -> QuoteBlock:
        """Return a block without a quote."""
        return cls(*(np.empty(0, np.int64) for _ in fields(cls)))

    @classmethod
    def joined(cls, blocks: list[QuoteBlock]) -> QuoteBlock:
        """Join consecutive blocks into one."""
        if not blocks:
            return cls.empty()
        return cls(*(np.concatenate([getattr(block, column.name) for block in blocks]) for column in fields(cls)))


class Ladder(NamedTuple):
    """Best levels of a book, the best first on each side: (price in ticks, size in lots)."""

    bids: Levels
    asks: Levels

    def cut(self, levels: int) -> Ladder:
        """Return the best `levels` levels of each side."""
        return Ladder(self.bids[:levels], self.asks[:levels])


class Depth(Protocol):
    """Book of a symbol over a range of market time."""

    @property
    def quotes(self) -> QuoteBlock:
        """Best bid and ask after each change of the book; times never decrease."""

    def ladders(self, lo: int, hi: int, levels: int) -> list[Ladder]:
        """Return the books after the changes `lo` up to, not including, `hi`; -1 is the book before the first."""

    def ladders_at(self, rows: Sequence[int], levels: int) -> list[Ladder]:
        """Return the books after each of these changes, in increasing order; without the ones between."""


class Books(Protocol):
    """Book of one symbol of a source. Pure: the same call gives the same book, at any time, in any order."""

    @property
    def levels(self) -> int:
        """Largest number of levels of a side."""

    def during(self, start: int, end: int) -> Depth:
        """Return the changes from market time `start` up to, not including, `end` (ns UTC)."""

    def count(self, start: int, end: int) -> int:
        """The number of changes from `start` up to, not including, `end`."""


def ladder_checksum(ladder: Ladder, tick_units: int, lot_units: int) -> int:
    """Return a book's checksum; `tick_units` and `lot_units` are its steps in units of the last decimal."""
    return _ladder_checksum(ladder.asks[:CHECKED_LEVELS], ladder.bids[:CHECKED_LEVELS], tick_units, lot_units)


@lru_cache(maxsize=256)
def _ladder_checksum(asks: Levels, bids: Levels, tick: int, lot: int) -> int:
    """Compute and cache the checksum; it is the same for the books of all depths."""
    return checksum_of([f"{price * tick}{size * lot}" for price, size in (*asks, *bids)])


def changed_levels(old: Levels, new: Levels, *, descending: bool) -> list[Level]:
    """Return the levels of a side that differ, ordered by price, from the highest if `descending`.

    A level that is gone has the size 0, even if it has only moved beyond the depth: a reader that applies all
    changes holds exactly the best levels.
    """
    if old == new:
        return []
    before, after = set(old), set(new)
    # The iteration order of a set does not matter: the result is sorted.
    changed = dict.fromkeys([price for price, _ in before - after], 0)
    changed.update(after - before)
    return sorted(changed.items(), reverse=descending)
