"""`run_until`: play up to a time, a message, a price or a moment of the scenario, and stand there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from typing import Any

from feed.errors import UsageError
from feed.hints import nearest
from feed.market.actions.base import (
    Action,
    Decision,
    Instant,
    Key,
    Lookahead,
    Searching,
    read_length,
    read_pace,
    read_text,
)
from feed.market.actions.seek import read_market_time
from feed.market.chores import Chore
from feed.market.commands import CommandError
from feed.market.state import MarketState, exact_speed
from feed.protocol.codes import ErrorCode
from feed.units import DAY, MAX_SPEED, MILLISECOND, format_duration, format_time

__all__ = ["RUN_UNTIL"]

GOALS = ("time", "seq", "price", "phase", "event", "scenario_event")
"""The keys of which a command has exactly one."""

PARTNERS = {"channel": "seq", "interval": "seq", "depth": "seq", "symbol": "seq or price"}
"""Keys that belong to another one."""

EDGES = ("begins", "ends")


def _read_seq(value: object) -> int:
    number = int(value) if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 16 else value
    if not isinstance(number, int) or isinstance(number, bool) or not 1 <= number < 2**53:
        raise UsageError(f"{str(value)[:40]!r} is no number of a message")
    return number


def _read_price(value: object) -> Decimal:
    try:
        price = Decimal(repr(value) if isinstance(value, float) else str(value))
    except InvalidOperation:
        price = Decimal(0)
    if isinstance(value, bool) or not price.is_finite() or not 0 < price < 10**15:
        raise UsageError(f"{str(value)[:40]!r} is no price")
    return price


def _read_depth(value: object) -> str:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else read_text(value)


def _goal(keys: Mapping[str, Any]) -> str:
    """Return the one key that says where to stand; raise `CommandError` if the keys do not fit together."""
    given = [name for name in GOALS if name in keys]
    if len(given) != 1:
        message = "run_until needs a goal" if not given else f"run_until takes {given[0]} or {given[1]}, not both"
        field = given[1] if given else "time"
        raise CommandError(ErrorCode.INVALID_REQUEST, message, field=field, hint=f"one of {', '.join(GOALS)}")
    goal = given[0]
    for name, partner in PARTNERS.items():
        if name in keys and goal not in partner:
            message = f"{name} has no meaning beside {goal}"
            raise CommandError(ErrorCode.INVALID_REQUEST, message, field=name, hint=f"it belongs to {partner}")
    return goal


def _look(state: MarketState, keys: Mapping[str, Any], instant: Instant, search: Searching) -> Chore[int | None]:
    """Return the market time at which the goal is reached; None if it is not within the search's limit."""
    goal, here = _goal(keys), state.at if not state.moving else instant.here
    if goal == "time":
        return keys["time"].resolve(instant)  # type: ignore[no-any-return]
    if goal in ("phase", "event", "scenario_event"):
        return _moment(goal, keys[goal], here, search)
    symbol = _symbol(keys, search)
    if goal == "price":
        return (yield from search.crossing(here, symbol, keys["price"]))
    channel = keys.get("channel", "trading")
    stream = search.stream(channel, symbol, keys.get("interval", keys.get("depth")))
    last = yield from search.seq(stream)
    if keys["seq"] == last and not state.moving:
        return here
    if keys["seq"] <= last:
        message = f"Message {keys['seq']} of {stream.key} has been published: the last one is {last}"
        raise CommandError(ErrorCode.NOT_REACHED, message, field="seq", hint="seek or restart go back")
    return (yield from search.message(stream, keys["seq"]))


def _symbol(keys: Mapping[str, Any], search: Searching) -> str:
    if "symbol" in keys:
        return str(keys["symbol"])
    if len(search.symbols) > 1:
        hint = f"one of {', '.join(search.symbols)}"
        raise CommandError(ErrorCode.INVALID_REQUEST, "run_until needs a symbol here", field="symbol", hint=hint)
    return search.symbols[0]


def _moment(goal: str, name: str, here: int, search: Searching) -> int | None:
    """Return the market time of the next moment of that name."""
    what = goal.removeprefix("scenario_")
    word, _, last = name.rpartition(" ")
    wanted, edges = (word, (last,)) if word and last in EDGES else (name, EDGES)
    known = list(dict.fromkeys(moment.name for moment in search.moments if moment.what == what))
    if wanted not in known:
        near = nearest(wanted, known)
        listed = f"one of {', '.join(known[:20])}" if known else f"it has no {what} with a name"
        hint = f'did you mean "{near}"?' if near else listed
        raise CommandError(ErrorCode.NOT_REACHED, f"The scenario has no {what} {wanted[:64]!r}", field=goal, hint=hint)
    times = [m.time for m in search.moments if m.what == what and m.name == wanted and m.edge in edges]
    return next((time for time in times if time > here), None)


def _decide(state: MarketState, keys: Mapping[str, Any], instant: Instant, ahead: Lookahead) -> Decision:
    goal, at = _goal(keys), instant.found
    here = state.at if not state.moving else instant.here
    limit = keys.get("limit", DAY)
    if at is None or at > here + limit or (state.end is not None and at > state.end):
        hint = f"looked for up to {format_duration(limit)} ahead; a longer limit looks further"
        if goal in ("phase", "event", "scenario_event") and at is None:
            hint = "none is ahead; seek or restart go back to one that was"
        elif state.end is not None and state.end <= here + limit:
            hint = f"the market ends {format_duration(max(0, state.end - here))} ahead"
        raise CommandError(ErrorCode.NOT_REACHED, f"The {goal} is not reached", field=goal, hint=hint)
    if at < here:
        if goal != "time":
            message = f"The market has run past the {goal} while it was looked for"
            raise CommandError(ErrorCode.NOT_POSSIBLE, message, field=goal, hint="pause it first")
        shown = format_time((here + instant.shift) // MILLISECOND * MILLISECOND)
        message = f"{keys['time']} is behind the market, which is at {shown}"
        raise CommandError(ErrorCode.NOT_REACHED, message, field=goal, hint="seek goes back")
    speed = exact_speed(keys.get("speed", MAX_SPEED))
    if speed is None or at == here:
        # As a step: at once, at the pace of its readers.
        return Decision(state.stand(at), at, {"reached": True})
    usual = state.usual
    runs = replace(state.stand(here).run(instant.now), speed=speed, usual=usual, stop=at)
    return Decision(runs, here, {"reached": True}, until=at)


RUN_UNTIL = Action(
    "run_until",
    "Play up to there and stand at that very instant; if it is not there, nothing happens.",
    _decide,
    {
        "time": Key(read_market_time, 'a time of the scenario ("00:05:00"), from here ("+5m"), ISO 8601, or ms'),
        "seq": Key(_read_seq, "the number of a message of a stream, with `channel` and `symbol`"),
        "channel": Key(read_text, "the channel of `seq`; trading where it is missing"),
        "interval": Key(read_text, "the interval of `seq`, for candles"),
        "depth": Key(_read_depth, "the depth of `seq`, for a book"),
        "price": Key(_read_price, "the first trade at this price or through it, with `symbol`"),
        "symbol": Key(read_text, "the symbol of `seq` or `price`; may be missing where there is one"),
        "phase": Key(read_text, "the beginning of a phase of the scenario, by its name"),
        "event": Key(read_text, 'an event of the scenario by its name or kind: where it "begins" or "ends", or either'),
        "scenario_event": Key(read_text, "the same as `event`, for the socket, where `event` is taken"),
        "speed": Key(read_pace, "how fast it goes there: 0.1 to 1000, or max, which it is where it is missing"),
        "limit": Key(read_length, "how far to look ahead; 24h where it is missing"),
    },
    look=_look,
    reach=lambda keys: int(keys.get("limit", DAY)),
)
