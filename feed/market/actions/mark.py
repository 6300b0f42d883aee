"""`mark`: write a line into the log, for the people who read it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from feed.market.actions.base import Action, Decision, Instant, Key, Lookahead, read_text
from feed.market.commands import CommandError
from feed.market.state import MarketState
from feed.protocol.codes import ErrorCode

__all__ = ["MARK"]


def _decide(state: MarketState, keys: Mapping[str, Any], instant: Instant, ahead: Lookahead) -> Decision:
    if "text" not in keys:
        hint = "what the line should say, up to 200 characters"
        raise CommandError(ErrorCode.INVALID_REQUEST, "mark needs a text", field="text", hint=hint)
    return Decision(state, instant.here)


MARK = Action(
    "mark",
    "Write a line into the log, for people. Nothing else happens.",
    _decide,
    {"text": Key(read_text, "what the line says, 1 to 200 characters")},
)
