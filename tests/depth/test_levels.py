"""The levels behind the touch: as many as were asked for, and the same ones whoever asks."""

from __future__ import annotations

import numpy as np
import pytest

from feed.engine.levels import ASK, BID, Level, Levels
from feed.units import SECOND

START = 1_700_000_000 * SECOND


def behind(price: int, side: int, count: int, levels: int) -> list[list[Level]]:
    """The levels behind a touch that stays where it is, once a second."""
    deep = Levels(2, "BTC/USD", float(price))
    rows: list[list[Level]] = []
    for first in range(0, count, 500):
        times = START + np.arange(first, min(first + 500, count), dtype=np.int64) * SECOND
        anchors = np.full(len(times), price, np.int64)
        rows += deep.behind(side, anchors, times, np.full(len(times), 1e5), levels)
    return rows


@pytest.mark.parametrize("side", [BID, ASK])
def test_a_book_is_full(side: int) -> None:
    """A hundred levels are a hundred: one book in some hundred thousand had fewer, so many are looked at."""
    rows = behind(6_500_000, side, 20_000, 99)
    assert {len(row) for row in rows} == {99}
    assert all(len({price for price, _ in row}) == 99 for row in rows)


@pytest.mark.parametrize("price", [2, 30, 79, 81, 700, 5_000, 5_200, 6_500_000])
@pytest.mark.parametrize("side", [BID, ASK])
def test_the_best_are_the_same_for_all_depths(price: int, side: int) -> None:
    """Also where the bids come to an end at zero."""
    deep = behind(price, side, 200, 99)
    for levels in (9, 24):
        assert behind(price, side, 200, levels) == [row[:levels] for row in deep]
    assert all(level >= 1 for row in deep for level, _ in row)
    assert all(len(row) == 99 for row in deep) or side == BID
