"""Faults that are armed in a whole market: each has a number, and is a part of the market's state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from feed.faults.fault import TRIGGERS, Fault
from feed.faults.registry import read_fault

__all__ = ["StandingFault", "standing_from"]


@dataclass(frozen=True, slots=True)
class StandingFault:
    """Fault of a market, in force on every connection that it concerns.

    Attributes:
        number: its number in the market, from 1, by which a command ends it.
        fault: what goes wrong, when, and for whom.
        since: the time into the scenario at which it was armed, ns; None: with the market.
    """

    number: int
    fault: Fault
    since: int | None = None

    def document(self) -> dict[str, Any]:
        """Return the fault as JSON values."""
        return {"number": self.number, "since": self.since, "fault": self.fault.document}

    def written(self) -> dict[str, Any]:
        """Return the fault as an entry of a scenario's `[[faults]]`: one that was armed later begins at that time."""
        document = self.fault.document
        if self.since is None or any(document.get(key) is not None for key in TRIGGERS):
            return document
        return {**document, "at": f"{self.since}ns"}


def standing_from(document: dict[str, Any]) -> StandingFault:
    """Return the fault that `document()` has written; raise `FaultError` if it is none."""
    return StandingFault(document["number"], read_fault(document["fault"]), document["since"])
