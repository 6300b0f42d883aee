"""Recorded quotes of a symbol: on disk in the order in which they are played, and as a book of one level."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from feed.data.book import Ladder, QuoteBlock
from feed.data.columns import QUOTES
from feed.data.ticks import Instrument, TickBlock
from feed.errors import RecordingError
from feed.tape.cache import TickCache
from feed.tape.steps import StepReader

__all__ = ["QuotedBooks", "QuotedDepth", "RecordedQuotes"]

Ints = NDArray[np.int64]

_OTHERS = frozenset(field.name for field in fields(TickBlock)) - {field.name for field in fields(QuoteBlock)}


class _Rows(Protocol):
    def mistake(self, row: int, column: str, message: str, hint: str | None = None) -> RecordingError: ...


class RecordedQuotes(StepReader):
    """Converter from the quotes of one symbol to columns of integers.

    Args:
        rows: gives the location of a mistake.
        instrument: the steps.
    """

    def __init__(self, rows: _Rows, instrument: Instrument) -> None:
        super().__init__(rows, instrument)
        self.cache = TickCache(_OTHERS)
        # The quotes of the last batch with their rows in it, behind the last quote of the batches before.
        self._last = QuoteBlock(*(np.zeros(1, np.int64) for _ in fields(QuoteBlock)))
        self._rows_of_last = np.array([-1], np.int64)

    def begin(self) -> None:
        """Begin a batch: of the quotes so far, the last one is before all of its rows."""
        self._last, self._rows_of_last = self._last[-1:], np.array([-1], np.int64)

    def add(self, batch: pa.RecordBatch, rows: Ints, due: Ints) -> None:
        """Add the next quotes; `rows` are their positions in the batch, `due` the times at which they are played."""
        block = QuoteBlock(due, *(self.steps(batch, name, rows, missing=0) for name in QUOTES))
        self.cache.append(block)
        self._last = QuoteBlock.joined([self._last, block])
        self._rows_of_last = np.concatenate([[-1], rows])

    def before(self, rows: Ints) -> QuoteBlock:
        """Return the last quote before each row of the batch that is being added; zeros where there is none."""
        place = np.searchsorted(self._rows_of_last, rows) - 1
        return QuoteBlock(*(getattr(self._last, field.name)[place] for field in fields(QuoteBlock)))

    def seal(self) -> None:
        """Make the quotes readable."""
        self.cache.seal()

    def books(self) -> QuotedBooks:
        """Return the quotes as a book of one level."""
        return QuotedBooks(QuoteBlock(*(self.cache.column(field.name) for field in fields(QuoteBlock))))


class QuotedBooks:
    """Order book of one level, made from the quotes of one symbol.

    Args:
        quotes: in order of time.
    """

    levels = 1

    def __init__(self, quotes: QuoteBlock) -> None:
        self._quotes = quotes

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
