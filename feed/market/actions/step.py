"""`step`: advance a paused market by a number of trades or by a duration, and pause it again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from feed.market.actions.base import Action, Decision, Instant, Key, Lookahead, read_count, read_length, read_text
from feed.market.commands import CommandError
from feed.market.state import MarketState
from feed.protocol.codes import ErrorCode

__all__ = ["STEP"]


def _decide(state: MarketState, keys: Mapping[str, Any], instant: Instant, ahead: Lookahead) -> Decision:
    if state.moving:
        raise CommandError(ErrorCode.NOT_POSSIBLE, "The market is running", hint="pause it first")
    if "for" in keys and "count" in keys:
        raise CommandError(
            ErrorCode.INVALID_REQUEST, "step takes count or for, not both", field="for", hint="leave one out"
        )
    symbol = keys.get("symbol")
    if "for" not in keys:
        return _by_trades(state, keys.get("count", 1), symbol, ahead)
    # Nothing lies between the moment before an epoch and its beginning.
    until = max(state.at, state.begins) + keys["for"]
    if state.end is not None:
        until = min(until, state.end)
    return Decision(state.stand(until), until, {"trades": ahead.trades_until(state.at, until, symbol)})


def _by_trades(state: MarketState, count: int, symbol: str | None, ahead: Lookahead) -> Decision:
    found = ahead.nth_trade(state.at, count, symbol)
    if found is None:
        message = f"There are no {count} trades" + (f" of {symbol}" if symbol else "") + " ahead within reach"
        raise CommandError(
            ErrorCode.NOT_REACHED, message, field="count", hint="the market ends or is halted before them"
        )
    at, trades = found
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
)
