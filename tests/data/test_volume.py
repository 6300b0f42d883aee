"""The volume of a day against a sum by hand, however the trades are cut into blocks."""

from __future__ import annotations

import itertools
from decimal import Decimal

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from feed.data.volume import DayVolume
from feed.tape.cache import RunningLots
from feed.units import DAY, HOUR

TRADES = st.lists(st.tuples(st.integers(0, 40 * HOUR), st.integers(1, 1000)), min_size=1, max_size=30)


@given(waits=TRADES, cuts=st.lists(st.integers(1, 29), max_size=5))
def test_days_are_summed(waits: list[tuple[int, int]], cuts: list[int]) -> None:
    """Block by block, and trade by trade."""
    time = 20_000 * DAY + np.cumsum([wait for wait, _ in waits])
    size = np.array([size for _, size in waits], np.int64)
    by_hand = [int(size[: row + 1][time[: row + 1] // DAY == at // DAY].sum()) for row, at in enumerate(time)]
    blocks, single = DayVolume(), DayVolume()
    edges = [0, *sorted({cut for cut in cuts if cut < len(time)}), len(time)]
    parts = [blocks.add(time[lo:hi], size[lo:hi]) for lo, hi in itertools.pairwise(edges)]
    assert np.concatenate(parts).tolist() == by_hand
    one_by_one = [single.one(int(at), Decimal(int(lots))) for at, lots in zip(time, size, strict=True)]
    assert one_by_one == by_hand


def test_sums_of_a_column() -> None:
    """At every kind of place: the first, within a summed stretch, at its end, and the last."""
    sizes = np.arange(1, 10_001)
    lots = RunningLots(sizes)
    for row in (0, 1, 4095, 4096, 4097, 8192, 10_000):
        assert lots.before(row) == int(sizes[:row].sum())
