"""`resume`: let market time run on from its current value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from feed.market.actions.base import Action, Decision, Instant, Lookahead
from feed.market.commands import CommandError
from feed.market.state import MarketState
from feed.protocol.codes import ErrorCode

__all__ = ["RESUME"]


def _decide(state: MarketState, keys: Mapping[str, Any], instant: Instant, ahead: Lookahead) -> Decision:
    if state.moving:
        # Cancel the time at which the market was to stop.
        return Decision(replace(state, stop=None), instant.here)
    if state.end is not None and state.at >= state.end:
        raise CommandError(ErrorCode.NOT_POSSIBLE, "The market has ended", hint="seek or restart begins a new epoch")
    return Decision(state.run(instant.now), state.at)


RESUME = Action("resume", "Let market time run on from where it stands.", _decide)
