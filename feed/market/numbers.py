"""Numbers that the messages of exchanges carry: the `seq` of a trade and of a book, at any time of an epoch."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from feed.data.ticks import Batch, Source
from feed.market.channels.book import BookChannel

__all__ = ["StreamNumbers"]

Ints = NDArray[np.int64]

KEPT_BATCHES = 4
"""The newest batches whose trades are counted without making them again."""


@dataclass(slots=True)
class _Stretch:
    """Numbers before a batch, and the times of its trades, for each symbol."""

    start: int
    before: tuple[int, ...]
    count: tuple[int, ...]
    times: tuple[Ints, ...] | None


class StreamNumbers:
    """Numbers of one epoch, for the thread that uses `source` and `book`.

    Args:
        source: the source of the events.
        book: the channel that counts changes of the book.
    """

    def __init__(self, source: Source, book: BookChannel) -> None:
        self._source = source
        self._book = book
        self._stretches: list[_Stretch] = []
        self._first: dict[str, Sequence[int]] = {}
        self._begins = [0]

    def beside(self, source: Source, book: BookChannel) -> StreamNumbers:
        """Return the same numbers for another thread."""
        other = StreamNumbers(source, book)
        other._stretches, other._first, other._begins = self._stretches, self._first, self._begins
        return other

    def begin(self, begins: int, trades: Sequence[int], books: Sequence[int]) -> None:
        """Begin an epoch, with the numbers before its first messages."""
        self._stretches.clear()
        self._begins[0] = begins
        self._first.update(trades=trades, books=books)

    @property
    def begins(self) -> int:
        """Market time at which the epoch begins."""
        return self._begins[0]

    def learn(self, batch: Batch) -> None:
        """Count the trades of the batch that continues the epoch."""
        known = self._stretches
        before = tuple(map(sum, zip(known[-1].before, known[-1].count, strict=True))) if known else ()
        times = tuple(block.time for block in batch.ticks)
        known.append(_Stretch(batch.start, before or tuple(self._first["trades"]), tuple(map(len, times)), times))
        if len(known) > KEPT_BATCHES:
            known[-KEPT_BATCHES - 1].times = None

    def trades(self, symbol: int, time: int) -> int:
        """Return the `seq` of the last trade at or before a market time."""
        place = bisect_right(self._stretches, time, key=lambda stretch: stretch.start) - 1
        if place < 0:
            return self._first["trades"][symbol] if self._first else 0
        stretch = self._stretches[place]
        if stretch.times is not None:
            passed = int(np.searchsorted(stretch.times[symbol], time, side="right"))
        else:
            passed = sum(map(len, self._source.ticks(symbol, stretch.start, time + 1)))
        return stretch.before[symbol] + min(passed, stretch.count[symbol])

    def book(self, symbol: int, time: int) -> int:
        """Return the `seq` of the last change of the book at or before a market time."""
        first = self._first["books"][symbol] if self._first else 0
        return first + self._book.seq_at(max(time, self.begins - 1), self.begins, symbol, "")
