"""Recorded order book: its changes in order, and the levels after each change."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from feed.data.book import Ladder, QuoteBlock
from feed.data.ticks import Instrument

__all__ = ["BookRow", "RecordedBooks", "read_changes"]

Ints = NDArray[np.int64]
Level = tuple[int, int]
Levels = tuple[Level, ...]

KEPT_EVERY = 256
"""Number of changes between two stored copies of the whole book; a seek replays at most this many changes."""


@dataclass(frozen=True, slots=True)
class BookRow:
    """Recorded message of a book: levels in steps, size 0 for a removed level; a snapshot holds all levels."""

    time: int
    snapshot: bool
    bids: Levels
    asks: Levels


@dataclass(slots=True)
class _Side:
    """Levels of one side; `ranks` grow with the distance from the best price."""

    sign: int
    sizes: dict[int, int] = field(default_factory=dict)
    ranks: list[int] = field(default_factory=list)

    def change(self, levels: Levels) -> None:
        for price, size in levels:
            rank = price * self.sign
            known = price in self.sizes
            if size:
                self.sizes[price] = size
                if not known:
                    insort(self.ranks, rank)
            elif known:
                del self.sizes[price]
                del self.ranks[bisect_left(self.ranks, rank)]

    def best(self, count: int) -> Levels:
        return tuple((rank * self.sign, self.sizes[rank * self.sign]) for rank in self.ranks[:count])


class _State:
    """Book state during playback of the changes; `row` is the last change applied."""

    def __init__(self, row: int = -1, kept: tuple[Levels, Levels] = ((), ())) -> None:
        self.row = row
        self.bids, self.asks = _Side(-1), _Side(1)
        self.bids.change(kept[0])
        self.asks.change(kept[1])

    def apply(self, row: int, change: BookRow) -> None:
        if change.snapshot:
            self.bids, self.asks = _Side(-1), _Side(1)
        self.bids.change(change.bids)
        self.asks.change(change.asks)
        self.row = row

    def whole(self) -> tuple[Levels, Levels]:
        return tuple(self.bids.sizes.items()), tuple(self.asks.sizes.items())


class RecordedBooks:
    """Recorded order book of one symbol.

    Args:
        rows: its messages in order of time. Messages before the first snapshot give a partial book.
        levels: the recorded depth.
    """

    def __init__(self, rows: Sequence[BookRow], levels: int) -> None:
        self.levels = levels
        # A first snapshot is the state before the recording began, not an event within it.
        self._opening = rows[0] if rows and rows[0].snapshot else None
        self._rows = rows[1:] if self._opening is not None else rows
        self._time = np.array([row.time for row in self._rows], np.int64)
        self._kept: list[tuple[Levels, Levels]] = []
        self._touch = self._play()
        # Streams of several depths read the book in parallel.
        self._state_of = lru_cache(maxsize=8)(lambda levels: self._opened())

    def __len__(self) -> int:
        return len(self._rows)

    def during(self, start: int, end: int) -> RecordedDepth:
        """Return the changes from market time `start` up to, not including, `end` (ns UTC)."""
        lo, hi = (int(row) for row in np.searchsorted(self._time, [start, end]))
        return RecordedDepth(self, lo, hi)

    def count(self, start: int, end: int) -> int:
        """Return the number of changes from `start` up to, not including, `end`."""
        lo, hi = np.searchsorted(self._time, [start, end])
        return max(int(hi - lo), 0)

    def quotes(self, lo: int, hi: int) -> QuoteBlock:
        """Return the best bid and ask after the changes `lo` to `hi`; 0 where a side is empty."""
        return self._touch[lo:hi]

    def ladders(self, lo: int, hi: int, levels: int) -> list[Ladder]:
        """Return the book after the changes `lo` up to, not including, `hi`."""
        state = self._state_of(levels)
        if not state.row <= lo < state.row + KEPT_EVERY:
            place = max(lo, 0) // KEPT_EVERY
            restored = _State(place * KEPT_EVERY - 1, self._kept[place])
            state.row, state.bids, state.asks = restored.row, restored.bids, restored.asks
        found = []
        for row in range(state.row, hi):
            if row > state.row:
                state.apply(row, self._rows[row])
            if row >= lo:
                found.append(Ladder(state.bids.best(levels), state.asks.best(levels)))
        return found

    def _opened(self) -> _State:
        state = _State()
        if self._opening is not None:
            state.apply(-1, self._opening)
        return state

    def _play(self) -> QuoteBlock:
        """Apply all changes once; return the best bid and ask after each, and store every `KEPT_EVERY`-th book."""
        state = self._opened()
        touch = np.zeros((4, len(self._rows)), np.int64)
        self._kept.append(state.whole())
        for row, change in enumerate(self._rows):
            state.apply(row, change)
            for place, side in ((0, state.bids), (2, state.asks)):
                if side.ranks:
                    touch[place : place + 2, row] = side.best(1)[0]
            if (row + 1) % KEPT_EVERY == 0:
                self._kept.append(state.whole())
        return QuoteBlock(self._time, *touch)


class RecordedDepth:
    """Range of a recorded book: the changes `first` up to, not including, `last`."""

    def __init__(self, books: RecordedBooks, first: int, last: int) -> None:
        self._books = books
        self._first = first
        self.quotes = books.quotes(first, last)

    def ladders(self, lo: int, hi: int, levels: int) -> list[Ladder]:
        """Return the book after the changes `lo` up to, not including, `hi`; -1 is the book before the first change."""
        return self._books.ladders(self._first + lo, self._first + hi, levels)

    def ladders_at(self, rows: Sequence[int], levels: int) -> list[Ladder]:
        """Return the books after each of these changes, in increasing order; without the ones between."""
        return [ladder for row in rows for ladder in self.ladders(row, row + 1, levels)]


def read_changes(rows: Iterable[tuple[int, bool, str]], instrument: Instrument) -> Iterator[BookRow]:
    """Convert recorded messages, (ns UTC, whether a snapshot, the `data` object), to the steps of their instrument.

    Raises:
        ValueError: says what is wrong with the message.
    """
    price, size = (_Steps(step) for step in (instrument.tick_size, instrument.lot_size))
    for time, snapshot, text in rows:
        data = orjson.loads(text)
        sides = (tuple((price[one], size[other]) for one, other in _listed(data, key)) for key in ("bids", "asks"))
        yield BookRow(time, snapshot, *sides)


def _listed(data: Any, key: str) -> Any:
    levels = data.get(key) if isinstance(data, dict) else None
    if not isinstance(levels, list) or any(not isinstance(level, list) or len(level) != 2 for level in levels):
        raise ValueError(f"{key} is no list of [price, size]")
    return levels


class _Steps(dict[float | str, int]):
    """Cache from a number as written to its count of steps; the same numbers recur often."""

    def __init__(self, step: Decimal) -> None:
        super().__init__()
        self._step = step

    def __missing__(self, value: float | str) -> int:
        try:
            steps = Decimal(str(value)) / self._step
        except InvalidOperation:
            raise ValueError(f"{value!r} is no number") from None
        whole = int(steps.to_integral_value())
        if whole < 0 or abs(steps - whole) > Decimal("0.000001"):
            raise ValueError(f"{value} is no multiple of {self._step}")
        if len(self) < 1_000_000:
            self[value] = whole
        return whole
