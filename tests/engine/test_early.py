"""Long before the start bars come first, and the trades that are made to fit add up to them exactly."""

from __future__ import annotations

import itertools
from dataclasses import fields
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feed.data.bars import Bars, bars_of, joined
from feed.data.ticks import batches_between
from feed.engine.source import NEAR, EngineSource
from feed.units import DAY, HOUR, MINUTE
from tests.engine.test_source import assert_sound, documents, source_of


def assert_equal(one: Bars, other: Bars) -> None:
    """The same bars in every column."""
    for column in fields(Bars):
        assert getattr(one, column.name).tolist() == getattr(other, column.name).tolist(), column.name


@settings(deadline=None, max_examples=25)
@given(documents(), st.integers(-3 * 1440, 10), st.integers(1, 90))
def test_what_was_traded_is_what_the_ticks_add_up_to(document: dict[str, Any], first: int, count: int) -> None:
    """Minute bars without ticks are those of the ticks, before, across and behind where bars come first."""
    source = source_of(document)
    start = source.start // MINUTE * MINUTE + first * MINUTE
    end = start + count * MINUTE
    for index in range(len(source.instruments)):
        ticks = list(source.ticks(index, start, end))
        for block in ticks:
            if len(block):
                assert_sound(block)
        told = joined([bars_of(part, MINUTE) for part in source.traded(index, start, end)]).coarser(MINUTE)
        assert_equal(told, joined([bars_of(block, MINUTE) for block in ticks]).coarser(MINUTE))
        together = [batch.ticks[index] for batch in batches_between(source, start, end)]
        assert [block.volume.tolist() for block in ticks] == [block.volume.tolist() for block in together]


def test_any_cut_gives_the_same_bars() -> None:
    """A minute is made from its number: a day at once is the same as minute by minute."""
    source = source_of({"name": "any"})
    start = source.start - DAY
    whole = joined([bars_of(part, MINUTE) for part in source.traded(0, start, start + 3 * HOUR)])
    cuts = [start, start + MINUTE, start + 8 * MINUTE, start + HOUR + 7 * MINUTE, start + 3 * HOUR]
    parts = [part for lo, hi in itertools.pairwise(cuts) for part in source.traded(0, lo, hi)]
    assert_equal(whole, joined([bars_of(part, MINUTE) for part in parts]))


@pytest.mark.parametrize("activity", [0.05, 1.0, 10.0])
def test_the_early_past_looks_like_the_late_one(activity: float) -> None:
    """Ranges, volumes and numbers of trades of minutes do not change where the bars stop coming first."""
    source = source_of({"name": "any", "market": {"orders_per_second": activity, "seasonality": False}})
    edge = source.start - NEAR - HOUR
    early, late = (
        joined([bars_of(part, MINUTE) for part in source.traded(0, lo, hi)]).coarser(MINUTE)
        for lo, hi in ((edge - 3 * DAY, edge), (source.start, source.start + DAY))
    )

    def typical(bars: Bars) -> list[float]:
        busy = bars.trades / np.maximum(bars.trades.mean(), 1)
        columns = (bars.high - bars.low, bars.trades, bars.volume / busy, np.abs(bars.close - bars.open))
        return [float(np.sort(column)[len(bars) // 2]) for column in columns]

    for one, other in zip(typical(early), typical(late), strict=True):
        assert 0.4 < one / other < 2.5


def test_a_day_of_bars_makes_no_ticks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not one block of trades is made for the bars of a day before the start."""
    source = source_of({"name": "any"})
    made: list[int] = []
    monkeypatch.setattr(EngineSource, "_fills", lambda self, index, number: made.append(number))
    assert len(list(source.traded(0, source.start - 2 * DAY, source.start - DAY))) == 1
    assert made == []
