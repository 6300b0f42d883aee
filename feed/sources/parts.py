"""Parts of a playlist, each with its position, and the order book across all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import accumulate
from typing import Protocol

from feed.data.book import Books, Depth, Ladder, QuoteBlock
from feed.data.ticks import Source
from feed.tape.replay import RecordingSource

__all__ = ["Cut", "Part", "Parts", "PlaylistBooks", "Tail"]


@dataclass(frozen=True, slots=True)
class Cut:
    """A recording from `begin` up to, not including, `end`, in its own time (ns UTC)."""

    source: RecordingSource
    begin: int
    end: int

    @property
    def length(self) -> int:
        """Length of the cut, ns."""
        return self.end - self.begin


@dataclass(frozen=True, slots=True)
class Tail:
    """Generated market that continues from market time `begin`; its instruments are the playlist's."""

    source: Source
    begin: int


@dataclass(frozen=True, slots=True)
class Part:
    """Cut at its position: `shift` maps its own time to the playlist's; with the totals of each symbol before it."""

    cut: Cut
    shift: int
    lots: tuple[int, ...]
    ids: tuple[int, ...]

    @property
    def begin(self) -> int:
        """The begin of the part in the playlist's time."""
        return self.cut.begin + self.shift

    @property
    def end(self) -> int:
        """The end of the part in the playlist's time."""
        return self.cut.end + self.shift


class Parts(Protocol):
    """Interface of a playlist for its books."""

    @property
    def start(self) -> int:
        """The begin of the first part."""

    @property
    def tail(self) -> Tail | None:
        """The generated market after the recordings."""

    def pieces(self, at: int) -> Iterator[Part]:
        """Yield the parts from the one that is played at `at` on."""

    def book_at(self, piece: Part, index: int) -> Books | None:
        """Return the book of a symbol in a part; None where the part does not have it."""


class PlaylistBooks:
    """Order book of one symbol across a playlist."""

    def __init__(self, playlist: Parts, index: int) -> None:
        self._playlist = playlist
        self._index = index

    @property
    def levels(self) -> int:
        """The number of levels that every part has."""
        found = [books.levels for _, books, _, _ in self._stretches(self._playlist.start, self._playlist.start + 1)]
        return min(found)

    def during(self, start: int, end: int) -> PlaylistDepth:
        """Return the changes from market time `start` up to, not including, `end` (ns UTC)."""
        parts = [
            (books.during(low - shift, high - shift), shift) for shift, books, low, high in self._stretches(start, end)
        ]
        return PlaylistDepth(parts, partial(self._standing, start))

    def _standing(self, at: int, levels: int) -> Ladder:
        """Return the book before market time `at`. At a part's begin, the previous book stands until a change."""
        nothing = Ladder((), ())
        for shift, books, begin in self._until(at):
            if books.count(begin - shift, at - shift):
                return books.during(at - shift, at - shift).ladders(-1, 0, levels)[0]
            at = min(at, begin)
            nothing = books.during(at - shift, at - shift).ladders(-1, 0, levels)[0]
        return nothing

    def _until(self, at: int) -> Iterator[tuple[int, Books, int]]:
        """Yield the parts before a time, the last one first: their shifts, their books, and their begins."""
        playlist, tail = self._playlist, self._playlist.tail
        if tail is not None and at > tail.begin:
            yield 0, tail.source.books(self._index), tail.begin
            at = tail.begin
        while True:
            piece = next(playlist.pieces(max(at - 1, playlist.start)), None)
            if piece is None:
                return
            books = playlist.book_at(piece, self._index)
            if books is not None:
                yield piece.shift, books, piece.begin
            if piece.begin <= playlist.start:
                return
            at = piece.begin

    def count(self, start: int, end: int) -> int:
        """Return the number of changes from `start` up to, not including, `end`."""
        return sum(books.count(low - shift, high - shift) for shift, books, low, high in self._stretches(start, end))

    def _stretches(self, start: int, end: int) -> Iterator[tuple[int, Books, int, int]]:
        """Yield the parts within a range of time: their shifts, their books, and the range in each."""
        playlist = self._playlist
        for piece in playlist.pieces(max(start, playlist.start)):
            if piece.begin >= max(end, start + 1):
                return
            books = playlist.book_at(piece, self._index)
            if books is not None:
                yield piece.shift, books, max(start, piece.begin), max(min(end, piece.end), max(start, piece.begin))
        tail = playlist.tail
        if tail is not None and end > tail.begin:
            yield 0, tail.source.books(self._index), max(start, tail.begin), end


class PlaylistDepth:
    """Ranges of several books, one after the other; `standing` gives the book before them."""

    def __init__(self, parts: list[tuple[Depth, int]], standing: Callable[[int], Ladder]) -> None:
        self._parts = parts
        self._standing = standing
        quotes = [replace(depth.quotes, time=depth.quotes.time + shift) for depth, shift in parts]
        self.quotes = QuoteBlock.joined(quotes)
        self._firsts = [0, *accumulate(len(block) for block in quotes)]

    def ladders(self, lo: int, hi: int, levels: int) -> list[Ladder]:
        """Return the book after the changes `lo` up to, not including, `hi`; -1 is the book before the first change."""
        found: list[Ladder] = []
        if lo < 0:
            found.append(self._standing(levels))
            lo = 0
        for (depth, _), begin, end in zip(self._parts, self._firsts[:-1], self._firsts[1:], strict=True):
            low, high = max(lo, begin), min(hi, end)
            if low < high:
                found += depth.ladders(low - begin, high - begin, levels)
        return found

    def ladders_at(self, rows: Sequence[int], levels: int) -> list[Ladder]:
        """Return the books after each of these changes, in increasing order; without the ones between."""
        found = [self._standing(levels)] * sum(row < 0 for row in rows)
        for (depth, _), begin, end in zip(self._parts, self._firsts[:-1], self._firsts[1:], strict=True):
            wanted = [row - begin for row in rows if begin <= row < end]
            found += depth.ladders_at(wanted, levels) if wanted else []
        return found
