"""Channel `book`: the best levels of a symbol's order book, first as a snapshot and then as changes.

There is a message for every change of the order book, at the same times for all depths: every time of a trade is also
a time of the book, and its best bid and ask then are the trade's quote.
"""

from __future__ import annotations

from bisect import bisect_right
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

NEVER = 2**62
"""A market time that is never reached, ns UTC."""

STRETCH_LENGTH = 30 * MINUTE
"""The length (ns) in whose multiples changes are counted ahead; blocks of trades always end at a multiple of it."""


class BookChannel:
    """Channel of all order books of a source."""

    name: ClassVar[str] = "book"
    lossless: ClassVar[bool] = False
    differences: ClassVar[bool] = True
    begins_with_snapshot: ClassVar[bool] = True
    on_demand: ClassVar[bool] = True
    chunk: ClassVar[int] = 32

    def __init__(self, source: Source, shift: int) -> None:
        self._source = source
        self._shift = shift
        # A recording with ten levels cannot provide more.
        most = min(source.books(index).levels for index in range(len(source.instruments)))
        self.parts = tuple(str(depth) for depth in DEPTHS if depth <= max(most, DEPTHS[0]))
        self._counted: dict[int, _Counted] = {}

    def beside(self, source: Source) -> BookChannel:
        """Return a copy for another thread, with another instance of the source; both share the counts."""
        other = BookChannel(source, self._shift)
        other._counted = self._counted
        return other

    def track(self, batch: Batch, symbol: int, part: str) -> BookTrack:
        """Return the order book changes of a batch."""
        depth = self._source.books(symbol).during(batch.start, batch.end)
        return BookTrack(self._source.instruments[symbol], int(part), self._shift, depth)

    def seq_at(self, time: int, begins: int, symbol: int, part: str) -> int:
        """Return the number of order book changes from the epoch's beginning up to and including `time`."""
        books = self._source.books(symbol)
        counted = self._counted.get(symbol)
        until, count = (begins, 0) if counted is None else counted.before(begins, time + 1)
        return count + books.count(until, time + 1)

    def counting(self, begins: int, until: int) -> Iterator[None]:
        """Count changes ahead for the first subscriber to a book, some milliseconds of work at a time."""
        for symbol in range(len(self._source.instruments)):
            counted = self._counted.get(symbol)
            if counted is None or counted.begins != begins:
                counted = self._counted[symbol] = _Counted(begins)
            at, count = counted.before(begins, NEVER)
            while (end := at // STRETCH_LENGTH * STRETCH_LENGTH + STRETCH_LENGTH) <= until:
                count += self._source.books(symbol).count(at, end)
                counted.add(end, count)
                at = end
                yield

    def snapshot(self, symbol: int, part: str, at: int, count: int) -> BookState:
        """Return the order book at `at`; always one, since older books are not part of the state."""
        depth = self._source.books(symbol).during(at + 1, at + 1)
        return BookState(self._source.instruments[symbol], int(part), self._shift, depth, at)

    def is_known(self, symbol: int, part: str, at: int, count: int) -> bool:
        """Return True: one block of trades is enough to compute an order book."""
        return True

    def making(self, symbol: int, part: str, at: int, count: int) -> Iterator[None]:
        """Return an empty iterator: there is nothing to compute."""
        return iter(())


class _Counted:
    """Numbers of changes from the beginning of an epoch up to some later times. Only one thread adds to it."""

    def __init__(self, begins: int) -> None:
        self.begins = begins
        self._ends = [begins]
        self._counts = [0]

    def add(self, end: int, count: int) -> None:
        """Note the number of changes before market time `end`, which is later than all others."""
        # In this order: another thread finds the count of every end that it sees.
        self._counts.append(count)
        self._ends.append(end)

    def before(self, begins: int, time: int) -> tuple[int, int]:
        """Return the latest counted time that is not after `time`, and the number of changes up to it."""
        if begins != self.begins:
            return begins, 0
        place = max(bisect_right(self._ends, time) - 1, 0)
        return self._ends[place], self._counts[place]


class BookTrack:
    """Changes of one order book.

    Args:
        levels: the number of levels a side.
        depth: the order book over a batch.
    """

    def __init__(self, instrument: Instrument, levels: int, shift: int, depth: Depth) -> None:
        self._instrument = instrument
        self._levels = levels
        self._shift = shift
        self._depth = depth

    @property
    def times(self) -> Ints:
        """The market time of each order book change."""
        return self._depth.quotes.time

    def rows(self, lo: int, hi: int) -> BookRows:
        """Return the levels that each change affects."""
        times = (self.times[lo:hi] + self._shift).tolist()
        ladders = self._depth.ladders(lo - 1, hi, self._levels)
        return BookRows(self._instrument, self._levels, times, ladders, whole=False)


class BookState:
    """Order book at one time; see `BookTrack`."""

    def __init__(self, instrument: Instrument, levels: int, shift: int, depth: Depth, at: int) -> None:
        self.times = np.array([at], np.int64)
        self._instrument = instrument
        self._levels = levels
        self._shift = shift
        self._depth = depth

    def rows(self, lo: int, hi: int) -> BookRows:
        """Return the whole order book."""
        times = (self.times[lo:hi] + self._shift).tolist()
        ladders = self._depth.ladders(-1, 0, self._levels)[lo:hi]
        return BookRows(self._instrument, self._levels, times, ladders, whole=True)
