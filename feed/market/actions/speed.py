"""`speed`: change the speed of market time from now on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from feed.market.actions.base import Action, Decision, Instant, Key, Lookahead, read_pace
from feed.market.commands import CommandError
from feed.market.state import MarketState, exact_speed
from feed.protocol.codes import ErrorCode

__all__ = ["SPEED"]


def _decide(state: MarketState, keys: Mapping[str, Any], instant: Instant, ahead: Lookahead) -> Decision:
    if "value" not in keys:
        raise CommandError(ErrorCode.INVALID_REQUEST, "speed needs a value", field="value", hint="0.1 to 1000, or max")
    speed = exact_speed(keys["value"])
    changed = replace(state, speed=speed, usual=speed)
    if not state.moving:
        return Decision(changed, state.at)
    return Decision(replace(changed, at=instant.here, since=instant.now), instant.here)


SPEED = Action(
    "speed",
    "Change how fast market time runs, from now on and without a jump.",
    _decide,
    {"value": Key(read_pace, "market seconds a real second, 0.1 to 1000, or max")},
)
