"""Queue of rows to be written: filled by the recorded market, drained by the writer thread, bounded in memory."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from feed.clock import Clock
from feed.log import get_logger
from feed.tape.layout import RecordingGap, RecordingInfo
from feed.tape.rows import Piece, Row, rows_in, seqs_of, stream_key, weight_of
from feed.units import SECOND

__all__ = ["BATCH_ROWS", "FLUSH_INTERVAL", "Intake", "RecordingCounters", "Taken", "WriterLimits"]

BATCH_ROWS = 8192

MAX_BATCH_ROWS = 8 * BATCH_ROWS
"""Largest batch: rows that waited for a slow disk are written in larger batches."""

FLUSH_INTERVAL = SECOND

SYNC_INTERVAL = SECOND

MAX_WAITING = 64 * 1024 * 1024

MAX_GAPS = 10_000
"""Maximum of gaps that are listed one by one; further ones are only counted."""

log = get_logger("feed.recording")


@dataclass(frozen=True, slots=True)
class WriterLimits:
    """Limits of a writer: rows and ns between flushes and syncs, and the bytes that may wait."""

    batch_rows: int = BATCH_ROWS
    flush_interval: int = FLUSH_INTERVAL
    sync_interval: int = SYNC_INTERVAL
    max_waiting: int = MAX_WAITING


@dataclass(slots=True)
class RecordingCounters:
    """State and counters of a recording.

    `state` is `recording`, `behind` (it does not keep up), `failing` (the disk refuses, it is tried again),
    `finished`, or `left` where there is only the journal. `rows` came, `written` are in the journal.
    """

    file: str = ""
    state: str = "recording"
    error: str | None = None
    rows: int = 0
    written: int = 0
    lost: int = 0
    size: int = 0
    gaps: int = 0
    failures: int = 0


class Taken(NamedTuple):
    """Content of the next batch: its rows, the current facts, and the gaps since the last batch."""

    pieces: list[Piece]
    info: RecordingInfo


class Intake:
    """Bounded queue of rows. Adding never blocks: rows that do not fit are counted as lost, and become a gap.

    Args:
        info: the initial facts.
        clock: for the times of gaps.
        limits: the maximum that may wait, and the amount that triggers a write.
    """

    def __init__(self, info: RecordingInfo, clock: Clock, limits: WriterLimits) -> None:
        self.counters = RecordingCounters()
        self.closing = False
        self._info = info
        self._clock = clock
        self._limits = limits
        self._news = threading.Condition()
        self._pieces: list[Piece] = []
        self._rows = 0
        self._bytes = 0
        self._gaps: list[RecordingGap] = []
        self._new_gaps: list[RecordingGap] = []
        # Streams that are losing messages: the last seq before the gap, and the next seq after it.
        self._losing: dict[str, tuple[int, int]] = {}

    @property
    def filled(self) -> float:
        """The used share of the queue's capacity, 0 to 1."""
        return self._bytes / self._limits.max_waiting

    def add(self, pieces: Sequence[Piece]) -> None:
        """Add messages, all or none of them."""
        if len(pieces) == 1 and isinstance(pieces[0], Row):
            count, weight = 1, weight_of(pieces[0])
        else:
            count, weight = sum(map(rows_in, pieces)), sum(map(weight_of, pieces))
        with self._news:
            self.counters.rows += count
            if self._bytes + weight > self._limits.max_waiting:
                self._lose(pieces, count)
                return
            if self._losing:
                for piece in pieces:
                    self._regain(stream_key(piece))
            self._pieces += pieces
            self._bytes += weight
            before, self._rows = self._rows, self._rows + count
            if before < self._limits.batch_rows <= self._rows:
                self._news.notify()

    def add_gap(self, stream: str, after: int, before: int, count: int | None = None, reason: str = "") -> None:
        """Add a gap: messages between these two are known to be missing; see `RecordingGap`."""
        with self._news:
            self._gap(stream, after, before, count, reason)

    def tell(self, **facts: Any) -> None:
        """Update the facts with details that became known after the beginning."""
        with self._news:
            self._info = self._info.model_copy(update=facts)

    def close(self) -> None:
        """Close the queue: no more rows are added."""
        with self._news:
            self.closing = True
            self._news.notify()

    def take(self) -> Taken:
        """Wait until rows are due, and take them."""
        with self._news:
            self._news.wait_for(self._is_due, self._limits.flush_interval / SECOND)
            count = rows = 0
            for piece in self._pieces:
                if rows >= MAX_BATCH_ROWS:
                    break
                count, rows = count + 1, rows + rows_in(piece)
            taken, self._pieces = self._pieces[:count], self._pieces[count:]
            self._rows -= rows
            self._bytes -= sum(weight_of(piece) for piece in taken)
            info = self._info.model_copy(update={"gaps": self._new_gaps})
            self._gaps += self._new_gaps
            self._new_gaps = []
            return Taken(taken, info)

    def pause(self) -> None:
        """Wait before the next attempt; return at once after the queue is closed."""
        with self._news:
            self._news.wait_for(lambda: self.closing, self._limits.flush_interval / SECOND)

    def forsake(self, pieces: list[Piece]) -> None:
        """Count the rows taken as lost, because they cannot be written."""
        with self._news:
            for piece in pieces:
                self.counters.lost += rows_in(piece)
                if (seqs := seqs_of(piece)) is not None:
                    self._gap(stream_key(piece), seqs[0] - 1, seqs[1] + 1)

    def settle(self) -> RecordingInfo:
        """Return all facts at the end."""
        with self._news:
            for stream in list(self._losing):
                self._regain(stream)
            self._gaps += self._new_gaps
            self._new_gaps = []
            notes = list(self._info.notes)
            if self.counters.lost:
                notes.append(f"{self.counters.lost} messages are lost: they came faster than the disk took them")
            if self.counters.gaps > len(self._gaps):
                notes.append(f"{self.counters.gaps - len(self._gaps)} more gaps are not listed")
            return self._info.model_copy(update={"gaps": self._gaps, "notes": notes, "ended": self._clock.wall()})

    def _is_due(self) -> bool:
        return self.closing or self._rows >= self._limits.batch_rows

    def _lose(self, pieces: Sequence[Piece], count: int) -> None:
        counters = self.counters
        counters.lost += count
        if counters.state == "recording":
            counters.state = "behind"
            log.error("the recording does not keep up: messages are lost")
        for piece in pieces:
            if (seqs := seqs_of(piece)) is not None:
                stream = stream_key(piece)
                begin = self._losing.get(stream, (seqs[0] - 1, 0))[0]
                self._losing[stream] = (begin, seqs[1] + 1)

    def _regain(self, stream: str) -> None:
        lost = self._losing.pop(stream, None)
        if lost is not None:
            self._gap(stream, *lost)

    def _gap(self, stream: str, after: int, before: int, count: int | None = None, reason: str = "") -> None:
        self.counters.gaps += 1
        if self.counters.gaps <= MAX_GAPS:
            told = {"stream": stream, "after": after, "before": before, "time": self._clock.wall()}
            self._new_gaps.append(RecordingGap(**told, count=count, reason=reason))
