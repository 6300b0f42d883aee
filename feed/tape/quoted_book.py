"""Book with one level, of a symbol with only recorded quotes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from feed.data.book import Ladder, QuoteBlock

__all__ = ["QuotedBooks", "QuotedDepth"]

Ints = NDArray[np.int64]


class QuotedBooks:
    """Order book made from the quotes of one symbol.

    Args:
        blocks: the quotes, in order of time.
    """

    def __init__(self, blocks: Sequence[QuoteBlock]) -> None:
        self.levels = 1
        quotes = QuoteBlock.joined(list(blocks))
        # In order of arrival, whatever their timestamps.
        self._quotes = replace(quotes, time=np.maximum.accumulate(quotes.time))

    def during(self, start: int, end: int) -> QuotedDepth:
        """Return the changes from market time `start` up to, not including, `end` (ns UTC)."""
        lo, hi = (int(row) for row in np.searchsorted(self._quotes.time, [start, end]))
        return QuotedDepth(self._quotes, lo, hi)

    def count(self, start: int, end: int) -> int:
        """Return the number of changes from `start` up to, not including, `end`."""
        lo, hi = np.searchsorted(self._quotes.time, [start, end])
        return max(int(hi - lo), 0)


class QuotedDepth:
    """Range of a quoted book: the quotes `first` up to, not including, `last`."""

    def __init__(self, quotes: QuoteBlock, first: int, last: int) -> None:
        self._all = quotes
        self._first = first
        self.quotes = quotes[first:last]

    def ladders(self, lo: int, hi: int, levels: int) -> list[Ladder]:
        """Return the book after the changes `lo` up to, not including, `hi`; -1 is the book before the first change."""
        return self.ladders_at(range(lo, hi), levels)

    def ladders_at(self, rows: Sequence[int], levels: int) -> list[Ladder]:
        """Return the books after each of these changes, in increasing order."""
        return [self._ladder(self._first + row) for row in rows]

    def _ladder(self, row: int) -> Ladder:
        if row < 0:
            return Ladder((), ())
        of = self._all
        bid, ask = (int(of.bid[row]), int(of.bid_size[row])), (int(of.ask[row]), int(of.ask_size[row]))
        return Ladder((bid,) if bid[1] else (), (ask,) if ask[1] else ())
