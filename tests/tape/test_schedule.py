"""Rows keep their order, whatever their clocks say and a market would do with them."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from feed.clock import ManualClock
from feed.market.channels.derived import INTERVALS
from feed.market.channels.registry import open_channels
from feed.tape.schedule import CHANNELS, Schedule, rank_of
from feed.units import MILLISECOND
from tests.support.market import make_market
from tests.support.sources import BTC, ETH, MetronomeSource

ROWS = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 5)), max_size=40)
TRADE = 4
"""The rank that is a trade's."""


def scheduled(rows: list[tuple[int, int]], edges: list[int]) -> list[int]:
    """The times of rows of (ms, rank), added in pieces."""
    time = np.array([ms * MILLISECOND for ms, _ in rows], np.int64)
    rank = np.array([rank for _, rank in rows], np.int64)
    schedule, due = Schedule(), []
    for first, last in pairwise(edges):
        due += schedule.due(time[first:last], rank[first:last], rank[first:last] == TRADE).tolist()
    return due


@given(ROWS, st.lists(st.integers(0, 40), max_size=3))
@example([(0, 3), (0, 1), (0, 2), (0, 2), (0, 1), (1, 0)], [2, 4])
def test_a_market_sends_rows_in_their_order(rows: list[tuple[int, int]], cuts: list[int]) -> None:
    """Sorted by time and rank they are as they were, in whatever pieces they come."""
    edges = [0, *sorted(min(cut, len(rows)) for cut in cuts), len(rows)]
    due = scheduled(rows, edges)
    sent = [(at, rank, number) for number, (at, (_, rank)) in enumerate(zip(due, rows, strict=True))]
    assert sent == sorted(sent)


@given(ROWS)
def test_times_in_order_are_kept(rows: list[tuple[int, int]]) -> None:
    """To the millisecond, however many fall into one."""
    rows.sort(key=lambda row: row[0])
    assert [at // MILLISECOND for at in scheduled(rows, [0, len(rows)])] == [ms for ms, _ in rows]


@given(ROWS)
def test_trades_keep_their_times(rows: list[tuple[int, int]]) -> None:
    """Where trades are in order, the messages between them move, and no trade does."""
    trades = iter(sorted(ms for ms, rank in rows if rank == TRADE))
    rows = [(next(trades) if rank == TRADE else ms, rank) for ms, rank in rows]
    due = scheduled(rows, [0, len(rows)])
    for at, (ms, rank) in zip(due, rows, strict=True):
        if rank == TRADE:
            assert at // MILLISECOND == ms


def test_rows_wait_for_the_next_trade() -> None:
    """Where times fall, the last rows of a piece may have to move in front of a trade of the next one."""
    time, trades = np.array([5, 9, 7, 8]), np.array([True, False, True, False])
    assert Schedule().ready(time, trades) == 3
    assert Schedule().ready(np.sort(time), trades) == 4
    assert Schedule().ready(time, np.zeros(4, bool)) == 0


def test_ranks_are_those_of_a_market() -> None:
    """The same order as that of a market's streams."""
    source = MetronomeSource(instruments=(BTC, ETH))
    market = make_market(source, ManualClock())
    names = [channel.name for channel in open_channels(source, 0, [])]
    assert names == [name for name in CHANNELS if name != "quote"]
    assert len(INTERVALS) == 9
    symbols = {"BTC/USD": 0, "ETH/USD": 1}
    ranks = [rank_of(*stream, symbols) for stream in market.streams]
    assert ranks == sorted(set(ranks))
