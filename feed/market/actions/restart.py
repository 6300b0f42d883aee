"""`restart`: begin a new epoch at the start of the scenario, optionally of another one, or with another seed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from feed.errors import UsageError
from feed.market.actions.base import Action, Decision, Instant, Key, Lookahead, read_text
from feed.market.plan import EpochPlan
from feed.market.state import MarketState
from feed.units import MAX_SEED

__all__ = ["RESTART"]


def _read_seed(value: object) -> int:
    number = int(value) if isinstance(value, str) and value.isascii() and value.isdigit() else value
    if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number <= MAX_SEED:
        raise UsageError(f"{str(value)[:40]!r} is no seed; use a whole number from 0 to {MAX_SEED}")
    return number


def _decide(state: MarketState, keys: Mapping[str, Any], instant: Instant, ahead: Lookahead) -> Decision:
    scenario = keys.get("scenario", state.scenario)
    usual = state.seed if scenario == state.scenario else ahead.default_seed(scenario)
    begun = ahead.opening(EpochPlan(scenario, keys.get("seed", usual))).after(state)
    if state.moving:
        begun = begun.run(instant.now)
    return Decision(begun, instant.here)


RESTART = Action(
    "restart",
    "Begin a new epoch at the beginning of the scenario, without the shocks that it was given.",
    _decide,
    {
        "seed": Key(_read_seed, "a seed in place of the present one"),
        "scenario": Key(read_text, "a scenario in place of the present one, with the same symbols; with its own seed"),
    },
)
