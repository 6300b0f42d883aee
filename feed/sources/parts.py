"""Parts of a playlist, each at its place, and the book that goes through all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
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
        """How long it is, ns."""
        return self.end - self.begin


@dataclass(frozen=True, slots=True)
class Tail:
    """A generated market that goes on from market time `begin`; its instruments are the playlist's."""

    source: Source
    begin: int


@dataclass(frozen=True, slots=True)
class Part:
    """A cut at its place: `shift` leads from its own time to the playlist's; what came before it, of each symbol."""

    cut: Cut
    shift: int
    lots: tuple[int, ...]
    ids: tuple[int, ...]

    @property
    def begin(self) -> int:
        """Where it begins in the playlist."""
        return self.cut.begin + self.shift

    @property
    def end(self) -> int:
        """Where it ends there."""
        return self.cut.end + self.shift


class Parts(Protocol):
    """What a book needs of its playlist."""

    @property
    def start(self) -> int:
        """Where the first part begins."""

    @property
    def tail(self) -> Tail | None:
        """What comes behind the recordings."""

    def pieces(self, at: int) -> Iterator[Part]:
        """The parts from the one that is played at `at` on."""

    def book_at(self, piece: Part, index: int) -> Books | None:
        """The book of a symbol in a part; None where the part does not have it."""


class PlaylistBooks:
    """The books of one symbol through a playlist."""

    def __init__(self, playlist: Parts, index: int) -> None:
        self._playlist = playlist
        self._index = index

    @property
    def levels(self) -> int:
        """As many as every part has."""
        found = [books.levels for _, books, _, _ in self._stretches(self._playlist.start, self._playlist.start + 1)]
        return min(found)

    def during(self, start: int, end: int) -> PlaylistDepth:
        """The changes from market time `start` up to, not including, `end` (ns UTC)."""
        parts = [
            (books.during(low - shift, high - shift), shift) for shift, books, low, high in self._stretches(start, end)
        ]
        return PlaylistDepth(parts, partial(self._standing, start))

    def _standing(self, at: int, levels: int) -> Ladder:
        """The book before market time `at`. Where a part begins, the one before stands until something changes."""
        nothing = Ladder((), ())
        for shift, books, begin in self._until(at):
            if books.count(begin - shift, at - shift):
                return books.during(at - shift, at - shift).ladders(-1, 0, levels)[0]
            at = min(at, begin)
            nothing = books.during(at - shift, at - shift).ladders(-1, 0, levels)[0]
        return nothing

    def _until(self, at: int) -> Iterator[tuple[int, Books, int]]:
        """The parts before a time, the last one first: their shifts, their books, and where they begin."""
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
        """How many changes there are from `start` up to, not including, `end`."""
        return sum(books.count(low - shift, high - shift) for shift, books, low, high in self._stretches(start, end))

    def _stretches(self, start: int, end: int) -> Iterator[tuple[int, Books, int, int]]:
        """The parts that this time goes through: their shifts, their books, and how much of each."""
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
    """Stretches of several books, one after the other; `standing` gives what was there before them."""

    def __init__(self, parts: list[tuple[Depth, int]], standing: Callable[[int], Ladder]) -> None:
        self._parts = parts
        self._standing = standing
        quotes = [replace(depth.quotes, time=depth.quotes.time + shift) for depth, shift in parts]
        self.quotes = QuoteBlock.joined(quotes)
        self._firsts = [0, *accumulate(len(block) for block in quotes)]

    def ladders(self, lo: int, hi: int, levels: int) -> list[Ladder]:
        """The book behind the changes `lo` up to, not including, `hi`; -1 is what stood before the first."""
        found: list[Ladder] = []
        if lo < 0:
            found.append(self._standing(levels))
            lo = 0
        for (depth, _), begin, end in zip(self._parts, self._firsts[:-1], self._firsts[1:], strict=True):
            low, high = max(lo, begin), min(hi, end)
            if low < high:
                found += depth.ladders(low - begin, high - begin, levels)
        return found
