"""Rows of one time keep their order, whatever a market would do with them."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from feed.clock import ManualClock
from feed.market.channels.derived import INTERVALS
from feed.market.channels.registry import open_channels
from feed.tape.tied import CHANNELS, Ties, rank_of
from feed.units import MILLISECOND
from tests.support.market import make_market
from tests.support.sources import BTC, ETH, MetronomeSource

ROWS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 5)), max_size=40)


@given(ROWS, st.lists(st.integers(0, 40), max_size=3))
@example([(0, 3), (0, 1), (0, 2), (0, 2), (0, 1), (1, 0)], [2, 4])
def test_rows_keep_their_order(rows: list[tuple[int, int]], cuts: list[int]) -> None:
    """Sorted by time and rank, rows of whole milliseconds are as they were; none leaves its millisecond."""
    rows.sort(key=lambda row: row[0])
    time = np.array([ms * MILLISECOND for ms, _ in rows], np.int64)
    rank = np.array([rank for _, rank in rows], np.int64)
    ties, moved = Ties(), []
    edges = [0, *sorted(min(cut, len(rows)) for cut in cuts), len(rows)]
    for first, last in pairwise(edges):
        moved += ties.apart(time[first:last], rank[first:last]).tolist()
    pairs = list(zip(moved, rank.tolist(), strict=True))
    assert pairs == sorted(pairs)
    assert [at // MILLISECOND for at in moved] == [ms for ms, _ in rows]


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 3)), max_size=30))
def test_no_stream_runs_backwards(rows: list[tuple[int, int]]) -> None:
    """Times of all kinds, in any order: what was one behind the other still is, or at the same time."""
    time = np.array([at for at, _ in rows], np.int64)
    moved = Ties().apart(time, np.array([rank for _, rank in rows], np.int64))
    for (before, _), (after, _), left, right in zip(rows, rows[1:], moved, moved[1:], strict=False):
        if before <= after:
            assert left <= right


def test_ranks_are_those_of_a_market() -> None:
    """The same order as that of a market's streams."""
    source = MetronomeSource(instruments=(BTC, ETH))
    market = make_market(source, ManualClock())
    assert tuple(channel.name for channel in open_channels(source, 0, [])) == CHANNELS
    assert len(INTERVALS) == 9
    symbols = {"BTC/USD": 0, "ETH/USD": 1}
    ranks = [rank_of(*stream, symbols) for stream in market.streams]
    assert ranks == sorted(set(ranks))
