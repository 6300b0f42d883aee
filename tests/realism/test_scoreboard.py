"""The board on made-up tables, on the realistic scenario, and on one that is anything but."""

from __future__ import annotations

import warnings
from functools import cache

import numpy as np
import pytest

from feed.engine.source import EngineSource
from feed.realism.bands import BANDS
from feed.realism.depth import BookSight
from feed.realism.scoreboard import Fact, days_of, generated_days, measure, measure_bars
from feed.realism.table import FillTable, MinuteBars, bars_of, merged, windows
from feed.scenario.find import find_scenario
from feed.scenario.load import scenario_from
from feed.units import DAY, MINUTE, SECOND


def table(times: list[float], prices: list[float], sides: list[int] | None = None) -> FillTable:
    """Fills of size 1 at times in seconds."""
    time = np.array([int(t * SECOND) for t in times], np.int64)
    side = None if sides is None else np.array(sides, np.int64)
    return FillTable(time, np.array(prices, float), np.ones(len(times)), side)


@cache
def week(seed: int) -> dict[str, Fact]:
    """The board of seven days of the realistic scenario."""
    source = EngineSource(find_scenario("realistic")[0], seed)
    sight = BookSight(source.books(0), source.instruments[0])
    return {fact.name: fact for fact in measure(generated_days(source, 7), sight)}


def test_fills_of_one_time_and_side_are_an_order() -> None:
    """At the last price, with the whole size; another side is another order."""
    orders = merged(table([1, 1, 1, 2, 3, 3], [10, 11, 12, 9, 9, 10], [1, 1, 1, -1, -1, 1]))
    assert orders.price.tolist() == [12, 9, 9, 10]
    assert orders.size.tolist() == [3, 1, 1, 1]
    assert len(merged(table([], []))) == 0


def test_bars_have_no_gaps() -> None:
    """A minute without trades has the close before it and no volume."""
    bars = bars_of(table([30, 59.9, 200], [10, 11, 12]))
    assert bars.close.tolist() == [11, 11, 11, 12]
    assert bars.volume.tolist() == [2, 0, 0, 1]


def test_windows_are_whole() -> None:
    """They begin at round times and are left out where the data do not fill them."""
    fills = table([float(t) for t in range(100, 1000)], [1.0] * 900)
    assert [start // SECOND for start, _ in windows(fills, 5 * MINUTE)] == [300, 600]
    assert all(len(window) == 300 for _, window in windows(fills, 5 * MINUTE))


def test_days_are_cut_at_midnight() -> None:
    """Nothing is lost on the way."""
    fills = table([DAY / SECOND - 1, DAY / SECOND, 3 * DAY / SECOND], [1, 2, 3])
    assert [day.price.tolist() for day in days_of(fills)] == [[1], [2], [3]]


@pytest.mark.slow
def test_realistic_is_realistic() -> None:
    """The median of three seeds is in the band, for every fact that has one."""
    missing = set(BANDS)
    for name in BANDS:
        value = float(np.median([week(seed)[name].value for seed in (1, 2, 3)]))
        assert BANDS[name].holds(value), (name, value, BANDS[name])
        missing.discard(name)
    assert not missing


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.slow), pytest.param(3, marks=pytest.mark.slow)])
def test_each_seed_is_realistic_enough(seed: int) -> None:
    """A single week may be a strange one in two facts out of thirty, as real weeks are."""
    assert set(week(seed)) >= set(BANDS)
    failed = [fact.name for fact in week(seed).values() if fact.passed is False]
    assert len(failed) <= 3, failed


def test_a_plain_random_walk_fails() -> None:
    """The board tells a market from noise: normal returns without memory, and even trades."""
    count = 7 * 1440
    noise = np.sin(np.arange(1, count + 1) ** 2 * 12.9898) * 43758.5453 % 1 - 0.5
    bars = MinuteBars(np.arange(count, dtype=np.int64), 65000 * np.exp(np.cumsum(noise * 0.003)), np.ones(count))
    facts = {fact.name: fact for fact in measure_bars(bars)}
    for name in ("acf_absr_1m_lag1", "kurt_1m", "std_log_rv_1h", "corr_absr_volume_1m"):
        assert facts[name].passed is False, facts[name]


def test_short_and_silent_tables_are_no_error() -> None:
    """An hour, a minute, nothing at all: fewer facts, no warnings."""
    source = EngineSource(scenario_from({"name": "any", "market": {"orders_per_second": 0.01}}, "x"))
    day = next(generated_days(source, 1))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for length in (len(day), 40, 1, 0):
            assert all(isinstance(fact.value, float) for fact in measure([day[:length]]))


@pytest.mark.parametrize("days", [1, 2])
def test_generated_days_are_whole(days: int) -> None:
    """Each holds its own day from the start on, and nothing of the next."""
    source = EngineSource(find_scenario("weekend")[0])
    parts = list(generated_days(source, days))
    assert len(parts) == days
    for number, part in enumerate(parts):
        since = part.time - source.start - number * DAY
        assert 0 <= since[0] < MINUTE
        assert DAY - MINUTE < since[-1] < DAY
