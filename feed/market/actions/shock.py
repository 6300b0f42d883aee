"""`shock`: let an event of a scenario happen now, in a new epoch that goes on without a seam."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from feed.market.actions.base import Action, Decision, Instant, Lookahead
from feed.market.commands import CommandError
from feed.market.state import MarketState
from feed.protocol.codes import ErrorCode
from feed.scenario.events import EVENT_KINDS, Event, event_from
from feed.scenario.mistakes import problems_in

__all__ = ["SHOCK"]

FREE_KEYS = "those of one of a scenario's `[[events]]`, without `at`: `kind`, `size` …"

EXAMPLE = 'like {"kind":"flash-crash","size":"-8%"}'


def _read(given: Mapping[str, object]) -> dict[str, Any]:
    for name, message in (("at", "A shock happens now"), ("once", "A shock always happens once")):
        if name in given:
            hint = f"leave {name} out" if name == "once" else "leave at out; run_until or seek goes to a time first"
            raise CommandError(ErrorCode.INVALID_REQUEST, message, field=name, hint=hint)
    if "kind" not in given:
        hint = f"one of {', '.join(EVENT_KINDS)}"
        raise CommandError(ErrorCode.INVALID_REQUEST, "A shock needs a kind", field="kind", hint=hint)
    symbols = given.get("symbols")
    listed = {"symbols": symbols.split(",")} if isinstance(symbols, str) else {}
    document = {**given, **listed, "at": 0}
    try:
        return {"event": event_from(document)}
    except ValidationError as error:
        # As in a file, where the keys of events are known by their place.
        details = [{**each, "loc": ("events", 0, *each["loc"])} for each in error.errors(include_url=False)]
        problem = problems_in(details)[0]  # type: ignore[arg-type]  # the same, with a longer place
        place = problem.where.partition(".")[2] or problem.where.partition("]")[0].partition("[")[0]
        message = f"{place} {problem.message}" if place else problem.message
        hint = problem.hint or EXAMPLE
        raise CommandError(ErrorCode.INVALID_REQUEST, message, field=place[:64] or None, hint=hint) from None


def _decide(state: MarketState, keys: Mapping[str, Any], instant: Instant, ahead: Lookahead) -> Decision:
    event: Event = keys["event"]
    here = instant.here if state.moving else state.at
    begins = max(here + 1, instant.start)
    if state.end is not None and begins >= state.end:
        hint = "seek or restart begins a new epoch"
        raise CommandError(ErrorCode.NOT_POSSIBLE, "The market has ended", hint=hint)
    happening = event.model_copy(update={"at": begins - instant.start, "once": True})
    shocked = ahead.opening(replace(state.plan, shocks=(*state.shocks, happening)), begins).after(state)
    if state.moving:
        shocked = shocked.run(instant.now)
    return Decision(shocked, here)


SHOCK = Action(
    "shock",
    "Let an event of a scenario happen now: a new epoch from here on, with prices, ids and the day's figures going on.",
    _decide,
    {},
    read_all=_read,
    free_keys=FREE_KEYS,
)
