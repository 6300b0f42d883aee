"""`pause`: stop market time at an exact instant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from feed.market.actions.base import Action, Decision, Instant, Lookahead
from feed.market.state import MarketState

__all__ = ["PAUSE"]


def _decide(state: MarketState, keys: Mapping[str, Any], instant: Instant, ahead: Lookahead) -> Decision:
    if not state.moving:
        # A market that waits for its first subscribers now waits for a command instead.
        return Decision(replace(state, waits=False), state.at)
    return Decision(replace(state, stop=instant.here, waits=False), instant.here)


PAUSE = Action("pause", "Let market time stand still. Heartbeats and pings go on.", _decide)
