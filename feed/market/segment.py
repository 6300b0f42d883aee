"""One batch, laid out for publishing: its tracks merged in order of market time, each message with its `seq`."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from feed.dialects.framing import framed
from feed.dialects.native import Variant
from feed.market.channels import Track

__all__ = ["Run", "Segment"]

CHUNK = 256
"""Messages that are encoded at a time. A numpy call costs the same for one row as for a hundred."""

_Key = tuple[int, Variant]


@dataclass(frozen=True, slots=True)
class Run:
    """Messages of one track that follow each other with no other track's message between: rows `lo` to `hi`."""

    track: int
    lo: int
    hi: int


class Segment:
    """The messages of one batch.

    Args:
        tracks: one a stream.
        base: for each track the `seq` of the last message before this segment.
        start: market time at which it begins, ns UTC.
        end: market time at which it ends.
    """

    __slots__ = ("_chunks", "_order", "_row", "base", "end", "start", "times", "tracks")

    def __init__(self, tracks: list[Track], base: tuple[int, ...], start: int, end: int) -> None:
        self.tracks = tracks
        self.base = base
        self.start = start
        self.end = end
        self._chunks: dict[_Key, tuple[int, list[bytes]]] = {}
        self.times, self._order, self._row = _merged([track.times for track in tracks])

    def __len__(self) -> int:
        return len(self.times)

    @property
    def last(self) -> tuple[int, ...]:
        """For each track the `seq` of its last message here."""
        return tuple(base + len(track.times) for base, track in zip(self.base, self.tracks, strict=True))

    def reach(self, time: int) -> int:
        """How many messages are due at market time `time`."""
        return int(np.searchsorted(self.times, time, side="right"))

    def runs(self, lo: int, hi: int) -> list[Run]:
        """The merged messages `lo` to `hi` as runs, in order."""
        order = self._order[lo:hi]
        if not len(order):
            return []
        starts = [0, *(np.flatnonzero(order[1:] != order[:-1]) + 1).tolist(), len(order)]
        return [self._run(lo + first, lo + last) for first, last in pairwise(starts)]

    def frames(self, track: int, lo: int, hi: int, variant: Variant) -> list[bytes]:
        """Framed messages of one track, rows `lo` to `hi`; the chunk that they are in is kept for what comes next."""
        frames: list[bytes] = []
        while lo < hi:
            first = lo - lo % CHUNK
            chunk = self._chunk(track, first, variant)
            taken = chunk[lo - first : hi - first]
            frames += taken
            lo += len(taken)
        return frames

    def encoded(self, track: int, lo: int, hi: int, variant: Variant, kind: str = "update") -> list[bytes]:
        """Framed messages of one track, encoded for this call: for one subscriber's history."""
        return framed(self.tracks[track].encode(lo, hi, self.base[track] + lo + 1, variant, kind))

    def _run(self, first: int, last: int) -> Run:
        row = int(self._row[first])
        return Run(int(self._order[first]), row, row + last - first)

    def _chunk(self, track: int, first: int, variant: Variant) -> list[bytes]:
        kept = self._chunks.get((track, variant))
        if kept is not None and kept[0] == first:
            return kept[1]
        last = min(first + CHUNK, len(self.tracks[track].times))
        frames = self.encoded(track, first, last, variant)
        self._chunks[track, variant] = (first, frames)
        return frames


def _merged(
    times: list[NDArray[np.int64]],
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """All times in order, with the track and the row of each; at the same time the earlier track goes first."""
    busy = [track for track, column in enumerate(times) if len(column)]
    if not busy:
        nothing = np.empty(0, np.int64)
        return nothing, nothing, nothing
    merged = np.concatenate([times[track] for track in busy])
    order = np.repeat(np.array(busy, np.int64), [len(times[track]) for track in busy])
    row = np.concatenate([np.arange(len(times[track]), dtype=np.int64) for track in busy])
    if len(busy) == 1:
        return merged, order, row
    # Stable, so that the rows of a track keep their order: any other sort may differ between machines.
    sorting = np.argsort(merged, kind="stable")
    return merged[sorting], order[sorting], row[sorting]
