"""History of a market: recent segments, for snapshots and for clients that resume."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace

from feed.data.rows import BookRows, TradeRows
from feed.dialects.base import Form, Kind
from feed.market.segment import Segment, write_frames
from feed.protocol.effects import Stream
from feed.units import SECOND

__all__ = ["History", "ResumeWindow"]


NO_LIMIT = 2**62
"""A number of bytes that no machine has."""


@dataclass(frozen=True, slots=True)
class ResumeWindow:
    """Limits of a resume: the messages of a stream, their age in real nanoseconds, and the bytes of all of them."""

    messages: int
    age: int
    memory: int = NO_LIMIT


class History:
    """Segments of one epoch that clients may still request."""

    def __init__(self, window: ResumeWindow) -> None:
        self._window = window
        self._segments: list[Segment] = []
        # Market time at about each real second, to know what had been published when the window began.
        self._marks: deque[tuple[int, int]] = deque()

    def append(self, segment: Segment) -> None:
        """Append the segment with which the market continues."""
        if self._segments:
            self._segments[-1].last = segment.base
            self._segments[-1].settle()
        self._segments.append(segment)
        self._shrink()

    @property
    def nbytes(self) -> int:
        """The bytes of memory that the messages take."""
        return sum(segment.nbytes for segment in self._segments)

    def let_go(self, track: int) -> None:
        """Drop what is made of a track that nobody reads; it is made again for a client that resumes it."""
        for segment in self._segments:
            segment.let_go(track)

    def wants_mark(self, now: int) -> bool:
        """Return whether the last mark is at least a second old at monotonic time `now`."""
        return not self._marks or now - self._marks[-1][0] >= SECOND

    def mark(self, now: int, market_time: int) -> None:
        """Note that at monotonic time `now` everything up to `market_time` has been published."""
        marks = self._marks
        marks.append((now, market_time))
        while len(marks) > 1 and marks[1][0] <= now - self._window.age:
            marks.popleft()
        self._forget()

    def reaches(self, track: int, seq: int, last_seq: int, now: int) -> bool:
        """Return whether all messages of a track after `seq`, up to `last_seq`, can be sent again."""
        if seq == last_seq:
            return True
        if (
            not 0 <= seq < last_seq
            or last_seq - seq > self._window.messages
            or seq + 1 < self.first_seq(track, last_seq)
        ):
            return False
        time = self.time_of(track, seq + 1)
        return time is not None and time > self._horizon(now)

    def frames(self, track: int, after: int, until: int, form: Form, kind: Kind = "update") -> list[bytes]:
        """Return framed messages of a track with `after` < seq <= `until`, as far as they are kept."""
        frames: list[bytes] = []
        for segment, lo, hi in self._pieces(track, after, until):
            frames += segment.encoded(track, lo, hi, form, kind)
        return frames

    def trades(self, track: int, after: int, until: int) -> TradeRows | None:
        """Return the kept fills of a track with `after` < seq <= `until`, joined; None if there are none."""
        parts = [segment.rows(track, lo, hi) for segment, lo, hi in self._pieces(track, after, until)]
        fills = [rows for rows in parts if isinstance(rows, TradeRows)]
        return TradeRows.joined(fills) if fills else None

    def newest(self, track: int, seq: int, form: Form, skipped: int = 0) -> bytes:
        """Return the framed message `seq`, one of the last published; empty if it is not kept.

        Args:
            skipped: the number of messages left out before it, which is part of a frame for one subscriber.
        """
        found = self._find(track, seq)
        if found is None:
            return b""
        segment, row = found
        if skipped:
            return segment.skipping(track, row, form, skipped)
        return b"".join(segment.frames(track, row, row + 1, form))

    def change(self, track: int, stream: Stream, since: int, seq: int, form: Form) -> bytes | None:
        """Return one framed order book change from after message `since` to after `seq`; None if not kept."""
        before, found = self._book(track, since), self._find(track, seq)
        if before is None or found is None:
            return None
        rows = self._book_rows(track, *found).since(*before)
        if before[0].touched:
            rows = replace(rows, touched=[self._touched(track, since, seq)])
        return b"".join(write_frames(form, stream, rows, seq, epoch=found[0].epoch))

    def _touched(self, track: int, since: int, seq: int) -> tuple[frozenset[int], frozenset[int]]:
        """Return all prices that were different at any time after message `since`."""
        bids: set[int] = set()
        asks: set[int] = set()
        for segment, lo, hi in self._pieces(track, since, seq):
            for row in range(lo, hi):
                [(more_bids, more_asks)] = self._book_rows(track, segment, row).touched
                bids |= more_bids
                asks |= more_asks
        return frozenset(bids), frozenset(asks)

    def _book(self, track: int, seq: int) -> tuple[BookRows, int] | None:
        """Return rows and an index into their ladders: the order book after a message; None if not kept."""
        found = self._find(track, seq)
        if found is None:
            # It may be the message just before the kept ones, whose first order book is the one after it.
            found = self._find(track, seq + 1)
            return None if found is None else (self._book_rows(track, *found), 0)
        return self._book_rows(track, *found), -1

    @staticmethod
    def _book_rows(track: int, segment: Segment, row: int) -> BookRows:
        rows = segment.rows(track, row, row + 1)
        assert isinstance(rows, BookRows)
        return rows

    def _find(self, track: int, seq: int) -> tuple[Segment, int] | None:
        """Return the segment that has a message, and its row there."""
        for segment in reversed(self._segments):
            row = seq - segment.base[track] - 1
            if row >= 0:
                return (segment, row) if row < len(segment.track(track).times) else None
        return None

    def _pieces(self, track: int, after: int, until: int) -> Iterator[tuple[Segment, int, int]]:
        for segment in self._segments:
            base = segment.base[track]
            lo, hi = max(after - base, 0), min(until - base, len(segment.track(track).times))
            if lo < hi:
                yield segment, lo, hi

    def first_seq(self, track: int, last_seq: int) -> int:
        """Return the seq from which every message of a track is kept; `last_seq` is the last one published."""
        if not self._segments:
            # A recording that begins in the middle has numbers, and no messages, before its first one.
            return last_seq + 1
        first = self._segments[-1].base[track]
        for segment in reversed(self._segments[:-1]):
            # If a segment in between was dropped, there is a gap between the segments around it.
            if segment.last is None or segment.last[track] != first:
                break
            first = segment.base[track]
        return first + 1

    def time_of(self, track: int, seq: int) -> int | None:
        """Return the market time of a message; None if it is not kept."""
        for segment in self._segments:
            row = seq - segment.base[track] - 1
            if 0 <= row < len(segment.track(track).times):
                return int(segment.track(track).times[row])
        return None

    def _horizon(self, now: int) -> int:
        """Return the market time up to which everything was published before the resume window began."""
        oldest = [time for mono, time in self._marks if mono <= now - self._window.age]
        return oldest[-1] if oldest else -(2**63)

    def _forget(self) -> None:
        """Drop segments whose messages are all out of reach, by age or by count."""
        newest = self._segments[-1]
        horizon = self._horizon(self._marks[-1][0])
        self._segments = [it for it in self._segments if it is newest or self._reachable(it, newest, horizon)]
        self._shrink()

    def _shrink(self) -> None:
        """Drop the oldest segments until the rest takes no more memory than it may; the newest one always stays."""
        left = self.nbytes
        while left > self._window.memory and len(self._segments) > 1:
            left -= self._segments.pop(0).nbytes

    def _reachable(self, segment: Segment, newest: Segment, horizon: int) -> bool:
        if segment.end <= horizon or segment.last is None:
            return False
        window = self._window.messages
        # A stream without a message here does not hold it: a change of status is rare, ticks are many.
        return any(
            segment.base[track] != segment.last[track] and newest.base[track] - segment.last[track] < window
            for track in segment.active
        )
