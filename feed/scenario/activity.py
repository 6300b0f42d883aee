"""Variants of a scenario with more or fewer orders: the value of `--activity` becomes a part of the scenario."""

from __future__ import annotations

from feed.errors import UsageError
from feed.scenario.model import Scenario

__all__ = ["LEAST_ACTIVITY", "MOST_ACTIVITY", "with_activity"]

LEAST_ACTIVITY, MOST_ACTIVITY = 0.01, 100.0


def with_activity(scenario: Scenario, factor: float) -> Scenario:
    """Return the scenario with every rate of orders multiplied by the factor.

    Raises:
        UsageError: the scenario plays trades that were recorded, or would have too few or too many orders.
    """
    if factor == 1.0:
        return scenario
    if scenario.source is not None or (scenario.replay is not None and not scenario.replay.continued):
        raise UsageError(f"--activity {factor:g} is for generated markets; {scenario.name} has the trades of a file")
    activity = scenario.market.activity * factor
    if not LEAST_ACTIVITY <= activity <= MOST_ACTIVITY:
        own = f"{scenario.market.activity:g}, its own [market] activity, is {activity:g}"
        raise UsageError(
            f"--activity {factor:g} times {own}; both together must be {LEAST_ACTIVITY:g} to {MOST_ACTIVITY:g}"
        )
    return scenario.model_copy(update={"market": scenario.market.model_copy(update={"activity": activity})})
