"""Outline of a scenario: its phases and events on one timeline, for pictures and pages."""

from __future__ import annotations

from typing import Any

from feed.scenario.model import Scenario
from feed.units import MILLISECOND

__all__ = ["outline_of"]

MAX_LISTED = 1000
"""The most phases, and the most events, that an outline lists."""


def outline_of(scenario: Scenario, shift: int = 0) -> dict[str, Any]:
    """Return phases and events with their times in milliseconds from the scenario's start.

    `shift`, in ns, is added to the start, for the time that clients see. `script_end` is the end of the last phase or
    event; None if the scenario has neither.
    """
    phases, at = [], 0
    for phase in scenario.phases[:MAX_LISTED]:
        at = at if phase.at is None else phase.at
        length = None if phase.for_ is None else phase.for_ // MILLISECOND
        phases.append({"name": phase.name, "at": at // MILLISECOND, "for": length, "status": phase.status})
        at += phase.for_ or 0
    events = [
        {
            "kind": event.kind,
            "at": event.at // MILLISECOND,
            "for": event.length // MILLISECOND,
            "symbols": list(event.symbols or ()),
        }
        for event in sorted(scenario.events, key=lambda each: each.at)[:MAX_LISTED]
    ]
    end = scenario.script_end
    return {
        "name": scenario.name,
        "description": scenario.description,
        "start": (scenario.start + shift) // MILLISECOND,
        "script_end": None if end is None else end // MILLISECOND,
        "symbols": [symbol.symbol for symbol in scenario.symbols],
        "phases": phases,
        "events": events,
    }
