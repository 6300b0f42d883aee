"""A scenario with a tenth of its orders, and the plain markets for user interfaces."""

from __future__ import annotations

import numpy as np
import pytest

from feed.engine.source import EngineSource
from feed.errors import UsageError
from feed.scenario.activity import with_activity
from feed.scenario.find import find_scenario
from feed.scenario.load import scenario_digest, scenario_from
from feed.units import MINUTE
from tests.engine.test_source import joined, window


@pytest.mark.parametrize("name", ["calm", "flash-crash", "majors"])
def test_every_rate_is_multiplied(name: str) -> None:
    """Also those that a symbol has of its own, and in the middle of an event."""
    scenario = find_scenario(name)[0]
    for symbol in range(len(scenario.symbols)):
        counts = []
        for factor in (1.0, 0.1):
            source = EngineSource(with_activity(scenario, factor))
            block = joined(window(source, source.start, 30 * MINUTE), symbol)
            counts.append(len(np.unique(block.time)))
        assert 0.07 < counts[1] / counts[0] < 0.14


def test_activity_belongs_to_what_the_scenario_is() -> None:
    """Its digest tells, and a file may say the same."""
    scenario = scenario_from({"name": "x"}, "test")
    fewer = with_activity(scenario, 0.1)
    assert scenario_digest(fewer) != scenario_digest(scenario)
    assert scenario_digest(fewer) == scenario_digest(scenario_from({"name": "x", "market": {"activity": 0.1}}, "test"))
    assert with_activity(scenario, 1.0) is scenario


def test_activity_that_makes_no_sense() -> None:
    """Recorded trades are as many as they are, and a product can be out of range."""
    recorded = scenario_from({"name": "x", "replay": {"files": ["a.parquet"]}}, "test")
    with pytest.raises(UsageError, match="has the trades of a file"):
        with_activity(recorded, 0.5)
    slow = scenario_from({"name": "x", "market": {"activity": 0.05}}, "test")
    with pytest.raises(UsageError, match="both together must be"):
        with_activity(slow, 0.1)


@pytest.mark.parametrize("name", ["ui-calm", "ui-waves", "ui-crash"])
def test_a_plain_market_can_be_read(name: str) -> None:
    """One fill at a time, one price step between bid and ask unless the script says otherwise, and no flood."""
    scenario = find_scenario(name)[0]
    for seed in range(5):
        source = EngineSource(scenario, seed)
        block = joined(window(source, source.start, 15 * MINUTE))
        assert (np.diff(block.time) > 0).all()
        if not any(phase.spread > 1 for phase in scenario.phases):
            assert (block.ask - block.bid == 1).all()
        assert np.bincount((block.time - source.start) // 10**9).max() <= 40


def test_orders_of_a_calm_market_leave_a_narrow_spread() -> None:
    """An order that moves the price does not leave the quotes dollars apart."""
    source = EngineSource(find_scenario("calm")[0])
    block = joined(window(source, source.start, 120 * MINUTE))
    lasts = np.append(np.diff(block.time) > 0, True)
    spread = (block.ask - block.bid)[lasts]
    assert (spread == 1).mean() > 0.98
    assert spread.max() <= 100
