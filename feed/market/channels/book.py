"""`book`: the best levels of a symbol, first whole and then what changes.

There is a message for every change of the book, and all depths have the same ones: every time at which something
trades is a time of the book, and its touch then is the trade's quote.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from feed.data.book import DEPTHS, Depth
from feed.data.rows import BookRows
from feed.data.ticks import Batch, Instrument, Source
from feed.units import MINUTE

__all__ = ["BookChannel"]

Ints = NDArray[np.int64]

STRETCH = 30 * MINUTE
"""Changes are counted ahead from one multiple of it to the next: blocks of trades end there, whatever their length."""


class BookChannel:
    """The channel of all books of a source."""

    name: ClassVar[str] = "book"
    lossless: ClassVar[bool] = False
    differences: ClassVar[bool] = True
    begins_with_snapshot: ClassVar[bool] = True
    on_demand: ClassVar[bool] = True
    chunk: ClassVar[int] = 32

    def __init__(self, source: Source, shift: int) -> None:
        self._source = source
        self._shift = shift
        # What was recorded with ten levels has no more of them.
        most = min(source.books(index).levels for index in range(len(source.instruments)))
        self.parts = tuple(str(depth) for depth in DEPTHS if depth <= max(most, DEPTHS[0]))
        # Of each symbol from where to where its changes are counted, and how many they are.
        self._counted: dict[int, tuple[int, int, int]] = {}

    def beside(self, source: Source) -> BookChannel:
        """One for another thread, with a source of its own; what it counts, this one knows."""
        other = BookChannel(source, self._shift)
        other._counted = self._counted
        return other

    def track(self, batch: Batch, symbol: int, part: str) -> BookTrack:
        """The changes of a batch."""
        depth = self._source.books(symbol).during(batch.start, batch.end)
        return BookTrack(self._source.instruments[symbol], int(part), self._shift, depth)

    def seq_at(self, time: int, begins: int, symbol: int, part: str) -> int:
        """The changes since the epoch began."""
        books = self._source.books(symbol)
        first, until, count = self._counted.get(symbol, (begins, begins, 0))
        if first == begins and until <= time + 1:
            return count + books.count(until, time + 1)
        return books.count(begins, time + 1)

    def counting(self, begins: int, until: int) -> Iterator[None]:
        """Count ahead for whoever is the first to read a book, some milliseconds of work at a time."""
        for symbol in range(len(self._source.instruments)):
            first, at, count = self._counted.get(symbol, (begins, begins, 0))
            if first != begins:
                at, count = begins, 0
            while (end := at // STRETCH * STRETCH + STRETCH) <= until:
                count += self._source.books(symbol).count(at, end)
                self._counted[symbol] = begins, end, count
                at = end
                yield

    def snapshot(self, symbol: int, part: str, at: int, count: int) -> BookSnapshot:
        """The book as it stands: older ones are nobody's state."""
        depth = self._source.books(symbol).during(at + 1, at + 1)
        return BookSnapshot(self._source.instruments[symbol], int(part), self._shift, depth, at)

    def is_known(self, symbol: int, part: str, at: int, count: int) -> bool:
        """A block of trades is enough to make a book."""
        return True

    def making(self, symbol: int, part: str, at: int, count: int) -> Iterator[None]:
        """Nothing."""
        return iter(())


class BookTrack:
    """The changes of one book.

    Args:
        levels: of a side.
        depth: the book over a batch.
    """

    def __init__(self, instrument: Instrument, levels: int, shift: int, depth: Depth) -> None:
        self._instrument = instrument
        self._levels = levels
        self._shift = shift
        self._depth = depth

    @property
    def times(self) -> Ints:
        """When the book changes."""
        return self._depth.quotes.time

    def rows(self, lo: int, hi: int) -> BookRows:
        """What each change changes."""
        times = (self.times[lo:hi] + self._shift).tolist()
        ladders = self._depth.ladders(lo - 1, hi, self._levels)
        return BookRows(self._instrument, self._levels, times, ladders, whole=False)


class BookSnapshot:
    """A book as it stands at one time; see `BookTrack`."""

    def __init__(self, instrument: Instrument, levels: int, shift: int, depth: Depth, at: int) -> None:
        self.times = np.array([at], np.int64)
        self._instrument = instrument
        self._levels = levels
        self._shift = shift
        self._depth = depth

    def rows(self, lo: int, hi: int) -> BookRows:
        """The book."""
        times = (self.times[lo:hi] + self._shift).tolist()
        ladders = self._depth.ladders(-1, 0, self._levels)[lo:hi]
        return BookRows(self._instrument, self._levels, times, ladders, whole=True)
