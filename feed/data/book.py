"""What flows from a source to a `book` channel: quotes at every time at which a book changes, and its levels there.

A book is made when somebody asks for it, never for every tick. At the time of a trade it is the book behind the trade,
and its touch is the quote of the tick; the change before that, at the same time, shows the levels that the trade takes.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import lru_cache
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from feed.data.keptbook import CHECKED, checksum_of

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
"""Levels of a side that a client may ask for."""


@dataclass(frozen=True, slots=True)
class QuoteBlock:
    """Quotes of one symbol as columns of one length, int64: from `time` (ns UTC) on, in ticks and lots; bid < ask."""

    time: Ints
    bid: Ints
    bid_size: Ints
    ask: Ints
    ask_size: Ints

    def __len__(self) -> int:
        return len(self.time)

    def __getitem__(self, rows: slice) -> QuoteBlock:
        """The block of those rows; the columns are views."""
        return QuoteBlock(*(getattr(self, column.name)[rows] for column in fields(self)))

    @classmethod
    def empty(cls) -> QuoteBlock:
        """A block without a quote."""
        return cls(*(np.empty(0, np.int64) for _ in fields(cls)))

    @classmethod
    def joined(cls, blocks: list[QuoteBlock]) -> QuoteBlock:
        """Blocks that follow each other, as one."""
        if not blocks:
            return cls.empty()
        return cls(*(np.concatenate([getattr(block, column.name) for block in blocks]) for column in fields(cls)))


class Ladder(NamedTuple):
    """The best levels of a book, the best first on each side: (price in ticks, size in lots)."""

    bids: Levels
    asks: Levels

    def cut(self, levels: int) -> Ladder:
        """The best so many levels of each side."""
        return Ladder(self.bids[:levels], self.asks[:levels])


class Depth(Protocol):
    """A symbol's book over a stretch of time."""

    @property
    def quotes(self) -> QuoteBlock:
        """The touch behind each change of the book; times never fall."""

    def ladders(self, lo: int, hi: int, levels: int) -> list[Ladder]:
        """The book behind the changes `lo` up to, not including, `hi`; -1 is what stood before the first."""


class Books(Protocol):
    """The book of one symbol of a source. Pure: the same call gives the same book, at any time, in any order."""

    @property
    def levels(self) -> int:
        """How many levels of a side there may be."""

    def during(self, start: int, end: int) -> Depth:
        """The changes from market time `start` up to, not including, `end` (ns UTC)."""

    def count(self, start: int, end: int) -> int:
        """How many changes there are from `start` up to, not including, `end`."""


def ladder_checksum(ladder: Ladder, tick_units: int, lot_units: int) -> int:
    """The checksum of a book whose steps are so many units of the last decimal."""
    return _ladder_checksum(ladder.asks[:CHECKED], ladder.bids[:CHECKED], tick_units, lot_units)


@lru_cache(maxsize=256)
def _ladder_checksum(asks: Levels, bids: Levels, tick: int, lot: int) -> int:
    """The books of all depths have the same one."""
    return checksum_of([f"{price * tick}{size * lot}" for price, size in (*asks, *bids)])


def changed_levels(old: Levels, new: Levels, *, descending: bool) -> list[Level]:
    """The levels of a side that differ, in the order of their prices.

    A level that is there no more has the size 0, also where it is only beyond the depth now: a reader who applies all
    changes has exactly the best levels.
    """
    if old == new:
        return []
    before, after = set(old), set(new)
    # The order of a set does not matter: they are sorted.
    changed = dict.fromkeys([price for price, _ in before - after], 0)
    changed.update(after - before)
    return sorted(changed.items(), reverse=descending)
