"""`fault`: arm a fault in the whole market, or end one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from feed.faults.fault import Fault
from feed.faults.registry import FaultError, check_names, read_fault
from feed.market.actions.base import Action, Decision, Instant, Lookahead, read_count
from feed.market.commands import CommandError
from feed.market.market_faults import StandingFault
from feed.market.state import MarketState
from feed.protocol.codes import ErrorCode

__all__ = ["FAULT"]

ALL = "all"

MAX_STANDING = 256
"""The most faults that may be armed in a market at a time."""


def _read(given: Mapping[str, object]) -> dict[str, Any]:
    if "clear" not in given:
        try:
            return {"fault": read_fault(dict(given))}
        except FaultError as error:
            field = error.field.removeprefix("fault.")
            hint = error.hint or "GET /faults shows what there is"
            raise CommandError(ErrorCode.INVALID_REQUEST, str(error), field=field, hint=hint) from None
    if len(given) > 1:
        other = next(name for name in given if name != "clear")
        hint = "clear stands alone: a number, or all"
        raise CommandError(ErrorCode.INVALID_REQUEST, "Unknown key", field=other[:64], hint=hint)
    value = given["clear"]
    return {"clear": ALL if value == ALL else read_count(value)}


def _decide(state: MarketState, keys: Mapping[str, Any], instant: Instant, ahead: Lookahead) -> Decision:
    if "clear" in keys:
        return _end(state, keys["clear"], instant)
    fault: Fault = keys["fault"]
    try:
        check_names([fault], ahead.channels, ahead.symbols)
    except FaultError as error:
        field = error.field.removeprefix("faults[0].")
        raise CommandError(ErrorCode.INVALID_REQUEST, str(error), field=field, hint=error.hint) from None
    if len(state.faults) >= MAX_STANDING:
        message = f"The market has all the {MAX_STANDING} faults that it takes"
        raise CommandError(
            ErrorCode.LIMIT_EXCEEDED, message, hint='end some with {"clear": NUMBER} or {"clear": "all"}'
        )
    number = state.armed + 1
    standing = StandingFault(number, fault, instant.here + 1 - instant.start)
    armed = replace(state, faults=(*state.faults, standing), armed=number)
    return Decision(armed, instant.here, {"fault": number})


def _end(state: MarketState, which: int | str, instant: Instant) -> Decision:
    ended = tuple(each.number for each in state.faults if which in (ALL, each.number))
    if not ended and which != ALL:
        known = ", ".join(str(each.number) for each in state.faults)
        hint = f"there is {known}" if known else "no fault is armed in this market"
        raise CommandError(ErrorCode.NOT_POSSIBLE, f"There is no fault {which}", field="clear", hint=hint)
    left = tuple(each for each in state.faults if each.number not in ended)
    return Decision(replace(state, faults=left), instant.here, {"cleared": ended})


FAULT = Action(
    "fault",
    "Arm a fault from now on, for everybody or whom it names; or end faults.",
    _decide,
    {},
    read_all=_read,
    free_keys="those of a fault (see GET /faults), or `clear`: a fault's number, or all",
)
