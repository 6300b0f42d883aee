"""`step`: advance a paused market by a number of trades or by a duration, and pause it again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from feed.market.actions.base import (
    Action,
    Decision,
    Instant,
    Key,
    Lookahead,
    Searching,
    read_count,
    read_length,
    read_text,
)
from feed.market.chores import Chore
from feed.market.commands import CommandError
from feed.market.state import MarketState
from feed.protocol.codes import ErrorCode
from feed.units import DAY, format_duration

__all__ = ["STEP"]

MAX_STEP = DAY
"""The market time (ns) that is searched for the trades of a step."""


def _look(state: MarketState, keys: Mapping[str, Any], instant: Instant, search: Searching) -> Chore[Any]:
    if state.moving or _has_both(keys):
        return None
    symbol = keys.get("symbol")
    if "for" not in keys:
        return (yield from search.nth_trade(state.at, keys.get("count", 1), symbol))
    until = _until(state, keys["for"])
    # Nothing is due at the end itself.
    last = until - 1 if until == state.end else until
    trades = yield from search.trades_until(state.at, last, symbol)
    return None if trades is None else (until, trades)


def _has_both(keys: Mapping[str, Any]) -> bool:
    return "for" in keys and "count" in keys


def _until(state: MarketState, length: int) -> int:
    # Nothing lies between the moment before an epoch and its beginning.
    until = max(state.at, state.begins) + length
    return until if state.end is None else min(until, state.end)


def _decide(state: MarketState, keys: Mapping[str, Any], instant: Instant, ahead: Lookahead) -> Decision:
    if state.moving:
        raise CommandError(ErrorCode.NOT_POSSIBLE, "The market is running", hint="pause it first")
    if _has_both(keys):
        hint = "leave one out"
        raise CommandError(ErrorCode.INVALID_REQUEST, "step takes count or for, not both", field="for", hint=hint)
    if instant.found is None:
        field = "for" if "for" in keys else "count"
        wanted = "that much" if "for" in keys else f"{keys.get('count', 1)} trades"
        of = f" of {keys['symbol']}" if "symbol" in keys else ""
        hint = f"at most {format_duration(MAX_STEP)} of market time; the market may end or be halted before"
        raise CommandError(
            ErrorCode.NOT_REACHED, f"There is not {wanted}{of} ahead within reach", field=field, hint=hint
        )
    at, trades = instant.found
    return Decision(state.stand(at), at, {"trades": trades})


STEP = Action(
    "step",
    "Go on by so many trades, or by so long, at once, and stand there.",
    _decide,
    {
        "count": Key(read_count, "how many trades; 1 where it is missing"),
        "symbol": Key(read_text, "the symbol whose trades count; any where it is missing"),
        "for": Key(read_length, 'a duration in place of a count, such as "250ms"'),
    },
    look=_look,
    reach=lambda keys: max(MAX_STEP, keys.get("for", 0)),
)
