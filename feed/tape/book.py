"""Recorded order book: its changes in order, and the levels after each change."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import orjson
from numpy.typing import NDArray

from feed.data.book import Ladder, QuoteBlock
from feed.data.ticks import Instrument
from feed.tape.layout import ENDED, OUTSIDE

__all__ = ["BookRow", "RecordedBooks", "read_changes"]

Ints = NDArray[np.int64]
Level = tuple[int, int]
Levels = tuple[Level, ...]

KEPT_EVERY = 256
"""Number of changes between two stored copies of the whole book; a seek replays at most this many changes."""


@dataclass(frozen=True, slots=True)
class BookRow:
    """Recorded message of a book: levels in steps, size 0 for a removed level; a snapshot holds all levels.

    `kind` is the row's type: snapshot, update, or one of the words in `feed.tape.layout`.
    """

    time: int
    kind: str
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

    def cut(self, depth: int) -> None:
        """Drop the levels beyond a depth."""
        while len(self.ranks) > depth:
            del self.sizes[self.ranks.pop() * self.sign]

    def best(self, count: int) -> Levels:
        return tuple((rank * self.sign, self.sizes[rank * self.sign]) for rank in self.ranks[:count])


class _Kept(NamedTuple):
    """Copy of a state: all levels, and whether they are a known book."""

    bids: Levels
    asks: Levels
    known: bool


class _Rules(NamedTuple):
    """Reading of a book's changes: whether there is no snapshot to wait for, and the depth that is kept up."""

    partial: bool
    depth: int


class _State:
    """Book state during playback of the changes; `row` is the last change applied.

    Args:
        rules: the reading of changes.
        row: the last change that the levels have.
        kept: the levels, and whether they are a known book.
    """

    def __init__(self, rules: _Rules, row: int = -1, kept: _Kept | None = None) -> None:
        self._rules = rules
        self.restore(row, kept or _Kept((), (), rules.partial))

    def restore(self, row: int, kept: _Kept) -> None:
        """Set the state after a change."""
        self.row = row
        self.bids, self.asks, self._known = _Side(-1), _Side(1), kept.known
        self.bids.change(kept.bids)
        self.asks.change(kept.asks)

    def apply(self, row: int, change: BookRow) -> None:
        """Apply a change that belongs to the book."""
        self.row = row
        rules = self._rules
        if change.kind in ("snapshot", ENDED):
            self.bids, self.asks = _Side(-1), _Side(1)
            self._known = change.kind == "snapshot" or rules.partial
        elif not self._known or (change.kind == OUTSIDE and not rules.partial):
            return
        for side, levels in ((self.bids, change.bids), (self.asks, change.asks)):
            side.change(levels)
            if rules.depth:
                side.cut(rules.depth)

    def kept(self) -> _Kept:
        """Return a copy."""
        return _Kept(tuple(self.bids.sizes.items()), tuple(self.asks.sizes.items()), self._known)


class RecordedBooks:
    """Recorded order book of one symbol.

    There is no book before its first snapshot, nor from an end on until the next one. Where there is no snapshot at
    all, the changes give a partial book.

    Args:
        rows: its messages in order of time.
        levels: the recorded depth.
        depth: the depth beyond which levels are no longer kept up; 0 for all of them.
    """

    def __init__(self, rows: Sequence[BookRow], levels: int, depth: int = 0) -> None:
        self.levels = levels
        self._rules = _Rules(all(row.kind != "snapshot" for row in rows), depth)
        # A first snapshot is the state before the recording began, not an event within it.
        self._opening = rows[0] if rows and rows[0].kind == "snapshot" else None
        self._rows = rows[1:] if self._opening is not None else rows
        self._time = np.array([row.time for row in self._rows], np.int64)
        self._kept: list[_Kept] = []
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
            state.restore(place * KEPT_EVERY - 1, self._kept[place])
        found = []
        for row in range(state.row, hi):
            if row > state.row:
                state.apply(row, self._rows[row])
            if row >= lo:
                found.append(Ladder(state.bids.best(levels), state.asks.best(levels)))
        return found

    def _opened(self) -> _State:
        state = _State(self._rules)
        if self._opening is not None:
            state.apply(-1, self._opening)
        return state

    def _play(self) -> QuoteBlock:
        """Apply all changes once; return the best bid and ask after each, and store every `KEPT_EVERY`-th book."""
        state = self._opened()
        touch = np.zeros((4, len(self._rows)), np.int64)
        self._kept.append(state.kept())
        for row, change in enumerate(self._rows):
            state.apply(row, change)
            for place, side in ((0, state.bids), (2, state.asks)):
                if side.ranks:
                    touch[place : place + 2, row] = side.best(1)[0]
            if (row + 1) % KEPT_EVERY == 0:
                self._kept.append(state.kept())
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


def read_changes(rows: Iterable[tuple[int, str, str]], instrument: Instrument) -> Iterator[BookRow]:
    """Convert recorded messages, (ns UTC, type, the `data` object), to the steps of their instrument.

    Raises:
        ValueError: says what is wrong with the message.
    """
    price, size = (_Steps(step) for step in (instrument.tick_size, instrument.lot_size))
    for time, kind, text in rows:
        data = orjson.loads(text)
        sides = (tuple((price[one], size[other]) for one, other in _listed(data, key)) for key in ("bids", "asks"))
        yield BookRow(time, kind, *sides)


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
