"""A segment's merged order: what is due, and as which runs, by brute force."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from feed.data.rows import StatusRows
from feed.market.segment import Base, Segment
from tests.support.market import TRADING


@dataclass
class Times:
    """A track that has only times."""

    times: NDArray[np.int64]

    def rows(self, lo: int, hi: int) -> StatusRows:
        """Nobody asks for them."""
        raise NotImplementedError


TRACKS = st.lists(st.lists(st.integers(0, 40), max_size=80), min_size=1, max_size=4)


def segment_of(tracks: list[list[int]]) -> tuple[Segment, list[tuple[int, int, int]]]:
    """A segment, and its messages as (time, track, row) in order."""
    times = [Times(np.array(sorted(track), np.int64)) for track in tracks]
    base = Base(dict.fromkeys(range(len(tracks)), 0), lambda _: 0)
    count = len(tracks)
    streams = [TRADING] * count
    segment = Segment(times.__getitem__, range(count), base, 0, 100, chunks=[16] * count, streams=streams)
    every = sorted((int(time), number, row) for number, it in enumerate(times) for row, time in enumerate(it.times))
    return segment, every


@given(TRACKS, st.integers(0, 320), st.integers(0, 320))
def test_runs_are_the_messages_in_order(tracks: list[list[int]], one: int, other: int) -> None:
    """Few or many of them: each message is in one run, and neighbours of one track share one."""
    segment, every = segment_of(tracks)
    lo, hi = sorted((min(one, len(every)), min(other, len(every))))
    runs = segment.runs(lo, hi)
    assert [(track, row) for track, first, last in runs for row in range(first, last)] == [
        (track, row) for _, track, row in every[lo:hi]
    ]
    assert all(before[0] != after[0] for before, after in pairwise(runs))


@given(TRACKS, st.integers(0, 320), st.integers(-1, 41), st.integers(1, 100))
def test_due_is_what_has_come_and_never_half_a_moment(
    tracks: list[list[int]], start: int, time: int, limit: int
) -> None:
    """At most the limit, unless more than that comes at one moment."""
    segment, every = segment_of(tracks)
    lo = min(start, len(every))
    moments = [moment for moment, _, _ in every]
    due = segment.due(lo, time, limit)
    come = max(lo, sum(moment <= time for moment in moments))
    if come <= lo + limit:
        assert due == come
    else:
        assert due == sum(moment <= moments[lo + limit - 1] for moment in moments)
