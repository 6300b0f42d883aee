"""Segment: one batch laid out for publishing, with tracks merged by market time and a `seq` for each message."""

from __future__ import annotations

from bisect import insort
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from feed.data.rows import Rows
from feed.delivery.framing import framed
from feed.delivery.hub import Run
from feed.dialects.base import Form, Kind
from feed.market.channels.base import Track
from feed.protocol.effects import Stream

__all__ = ["Base", "Segment", "write_frames"]

MERGED_BYTES = 24
"""Bytes of a message in the merged order: its time, its track and its row."""

TRACK_BYTES = 100
"""Bytes of a message in a track that is made: mostly its quote, alone and in the block of trades it is cut from."""

NEVER = 2**62
"""A market time that is never reached, ns UTC."""

MAX_SKIPS = 64
"""The most frames of one message that are kept for readers that skipped differently many before it."""

FEW_MESSAGES = 64
"""The most messages that are grouped into runs one by one; for more of them a numpy call is faster."""


def write_frames(
    form: Form, stream: Stream, rows: Rows, first_seq: int, kind: Kind = "update", skipped: int = 0, *, epoch: int
) -> list[bytes]:
    """Return rows of a stream as frames of a form; see `Dialect.write`."""
    payloads = form.dialect.write(stream, rows, first_seq, kind, form.options, skipped, epoch)
    return framed(payloads, deflate=form.deflate)


class Base:
    """The `seq` of each track's last message before a segment; of tracks without subscribers, counted on request.

    Args:
        known: the known `seq` by track.
        count: returns the `seq` of any other track.
    """

    __slots__ = ("_count", "_known")

    def __init__(self, known: dict[int, int], count: Callable[[int], int]) -> None:
        self._known = known
        self._count = count

    def __getitem__(self, track: int) -> int:
        seq = self._known.get(track)
        if seq is None:
            seq = self._known[track] = self._count(track)
        return seq


class Segment:
    """Messages of one batch.

    Args:
        make: returns a track by its number; called once for each that is needed.
        active: the tracks that are published. The others are made when their past is requested.
        chunks: for each track, the number of messages encoded at a time.
        base: for each track the `seq` of the last message before this segment.
        streams: the stream of each track.
        epoch: the number of the epoch.
        held: the bytes of the batch from which tracks are made.
        start: market time at which it begins, ns UTC.
        end: market time at which it ends.
    """

    __slots__ = (
        "_chunks",
        "_held",
        "_make",
        "_order",
        "_row",
        "_rows",
        "_sizes",
        "_skipping",
        "_streams",
        "_tracks",
        "_unmerged",
        "active",
        "base",
        "end",
        "epoch",
        "is_whole",
        "last",
        "start",
        "times",
    )

    def __init__(
        self,
        make: Callable[[int], Track],
        active: Iterable[int],
        base: Base,
        start: int,
        end: int,
        *,
        chunks: Sequence[int],
        streams: Sequence[Stream],
        epoch: int = 1,
        held: int = 0,
    ) -> None:
        self.base = base
        self._held = held
        # For each track the seq of the last message in it, once the next segment is there.
        self.last: Base | None = None
        self.start = start
        self.end = end
        self._make = make
        self._sizes = chunks
        self._streams = streams
        self.epoch = epoch
        self._tracks: dict[int, Track] = {}
        # For each track the last row requested alone: all subscribers that skip to it want the same row.
        self._rows: dict[int, tuple[int, int, Rows]] = {}
        self._chunks: defaultdict[Form, dict[int, tuple[int, list[bytes]]]] = defaultdict(dict)
        # For each track the last row that stood for others, framed, by the number of those.
        self._skipping: defaultdict[Form, dict[int, tuple[int, dict[int, bytes]]]] = defaultdict(dict)
        self.active = sorted(active)
        # Due time of the first message not yet merged.
        self._unmerged = NEVER
        self.merge()

    def __len__(self) -> int:
        return len(self.times)

    @property
    def nbytes(self) -> int:
        """The bytes of memory that it takes, by the number of its messages."""
        made = sum(len(track.times) for track in self._tracks.values())
        return self._held + made * TRACK_BYTES + len(self.times) * MERGED_BYTES

    def settle(self) -> None:
        """Let go of what only publishing needs: everything in it is published."""
        nothing = np.empty(0, np.int64)
        self.times, self._order, self._row = nothing, nothing, nothing
        self._chunks.clear()
        self._skipping.clear()
        self._rows.clear()

    def let_go(self, number: int) -> None:
        """Publish a track no more, and drop it; it is made again if its past is requested."""
        if number in self.active:
            self.active.remove(number)
            self.is_whole = False
        self._tracks.pop(number, None)
        self._rows.pop(number, None)
        for chunks in self._chunks.values():
            chunks.pop(number, None)
        for skipping in self._skipping.values():
            skipping.pop(number, None)

    def track(self, number: int) -> Track:
        """Return a track, made on first use."""
        track = self._tracks.get(number)
        if track is None:
            track = self._tracks[number] = self._make(number)
        return track

    def activate(self, number: int, after: int) -> None:
        """Publish this track as well, from market time `after` on, once it is merged with the others."""
        if number not in self.active:
            insort(self.active, number)
        times = self.track(number).times
        place = int(times.searchsorted(after, side="right"))
        if place < len(times):
            self._unmerged = min(self._unmerged, int(times[place]))
        self.is_whole = False

    def upcoming(self, place: int) -> int | None:
        """Return the due time of the next message after the first `place` merged ones; None if there is none."""
        due = int(self.times[place]) if place < len(self.times) else NEVER
        due = min(due, self._unmerged)
        return None if due == NEVER else due

    def merge(self) -> None:
        """Merge all tracks by market time. Messages move to other places, but keep their order.

        Merging costs the same for one more track as for a hundred, so it is done once for all newly activated tracks.
        """
        self.times, self._order, self._row = _merged([(number, self.track(number).times) for number in self.active])
        self._unmerged = NEVER
        self.is_whole = True

    def reach(self, time: int) -> int:
        """Return the number of messages due at or before market time `time`."""
        return int(self.times.searchsorted(time, side="right"))

    def due(self, lo: int, time: int, limit: int) -> int:
        """Return the end of the messages from `lo` due at market time `time`: at most `limit`, or one instant's."""
        # Search only the next few: the times of a whole segment are in no cache.
        near = self.times[lo : lo + limit + 1]
        hi = lo + int(near.searchsorted(time, side="right"))
        return hi if hi <= lo + limit else self.reach(int(near[limit - 1]))

    def runs(self, lo: int, hi: int) -> list[Run]:
        """Return the merged messages `lo` to `hi` as runs, in order."""
        order = self._order[lo:hi]
        if hi - lo <= FEW_MESSAGES:
            return _runs(order.tolist(), self._row[lo:hi].tolist())
        firsts = np.concatenate(([0], np.flatnonzero(order[1:] != order[:-1]) + 1))
        rows = self._row[lo + firsts]
        lengths = np.diff(firsts, append=hi - lo)
        return list(zip(order[firsts].tolist(), rows.tolist(), (rows + lengths).tolist(), strict=True))

    def joined(self, track: int, lo: int, hi: int, form: Form) -> bytes:
        """Return framed messages of one track as one piece of bytes."""
        kept = self._chunks[form].get(track)
        if kept is not None:
            first, frames = kept
            if first <= lo and hi - first <= len(frames):
                return frames[lo - first] if hi - lo == 1 else b"".join(frames[lo - first : hi - first])
        return b"".join(self.frames(track, lo, hi, form))

    def frames(self, track: int, lo: int, hi: int, form: Form) -> list[bytes]:
        """Return framed messages of one track, rows `lo` to `hi`; their chunk is kept for later calls."""
        frames: list[bytes] = []
        while lo < hi:
            first, last = self.chunk(track, lo)
            chunk = self._chunk(track, first, last, form)
            taken = chunk[lo - first : hi - first]
            frames += taken
            lo += len(taken)
        return frames

    def chunk(self, track: int, row: int) -> tuple[int, int]:
        """Return the range of rows that are encoded together with a row: the first, and the one after the last."""
        size = self._sizes[track]
        first = row - row % size
        return first, min(first + size, len(self.track(track).times))

    def rows(self, track: int, lo: int, hi: int) -> Rows:
        """Return the messages of one track as rows, not yet encoded."""
        kept = self._rows.get(track)
        if kept is not None and kept[0] == lo and kept[1] == hi:
            return kept[2]
        rows = self.track(track).rows(lo, hi)
        if hi - lo == 1:
            # Larger ranges are not kept: that many objects would only burden the garbage collector.
            self._rows[track] = (lo, hi, rows)
        return rows

    def encoded(self, track: int, lo: int, hi: int, form: Form, kind: Kind = "update", skipped: int = 0) -> list[bytes]:
        """Return framed messages of one track, encoded for this call, for one subscriber."""
        rows = self.rows(track, lo, hi)
        return write_frames(
            form, self._streams[track], rows, self.base[track] + lo + 1, kind, skipped, epoch=self.epoch
        )

    def skipping(self, track: int, row: int, form: Form, skipped: int) -> bytes:
        """Return a framed message that counts the messages left out before it; equal ones are made once."""
        kept = self._skipping[form].get(track)
        if kept is None or kept[0] != row or len(kept[1]) > MAX_SKIPS:
            kept = self._skipping[form][track] = (row, {})
        frame = kept[1].get(skipped)
        if frame is None:
            frame = kept[1][skipped] = b"".join(self.encoded(track, row, row + 1, form, skipped=skipped))
        return frame

    def _chunk(self, track: int, first: int, last: int, form: Form) -> list[bytes]:
        kept = self._chunks[form].get(track)
        if kept is not None and kept[0] == first:
            return kept[1]
        frames = self.encoded(track, first, last, form)
        self._chunks[form][track] = (first, frames)
        return frames


def _runs(order: list[int], rows: list[int]) -> list[Run]:
    runs: list[Run] = []
    if not order:
        return runs
    track, lo, hi = order[0], rows[0], rows[0]
    for number, row in zip(order, rows, strict=True):
        if number != track:
            runs.append((track, lo, hi))
            track, lo = number, row
        hi = row + 1
    runs.append((track, lo, hi))
    return runs


def _merged(
    columns: list[tuple[int, NDArray[np.int64]]],
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return all times in order, with the track and the row of each; at equal times the earlier track goes first."""
    busy = [(track, times) for track, times in columns if len(times)]
    if not busy:
        nothing = np.empty(0, np.int64)
        return nothing, nothing, nothing
    merged = np.concatenate([times for _, times in busy])
    order = np.repeat(np.array([track for track, _ in busy], np.int64), [len(times) for _, times in busy])
    row = np.concatenate([np.arange(len(times), dtype=np.int64) for _, times in busy])
    if len(busy) == 1:
        return merged, order, row
    # Stable, so that the rows of a track keep their order: any other sort may differ between machines.
    sorting = np.argsort(merged, kind="stable")
    return merged[sorting], order[sorting], row[sorting]
