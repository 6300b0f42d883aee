"""Faults that are armed in a whole market: each has a number, and is a part of the market's state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from feed.faults.fault import Fault
from feed.faults.registry import read_fault

__all__ = ["StandingFault", "standing_from"]


@dataclass(frozen=True, slots=True)
class StandingFault:
    """Fault of a market, in force on every connection that it concerns.

    Attributes:
        number: its number in the market, from 1, by which a command ends it.
        fault: what goes wrong, when, and for whom.
    """

    number: int
    fault: Fault

    def document(self) -> dict[str, Any]:
        """Return the fault as JSON values."""
        return {"number": self.number, **self.fault.document}


def standing_from(document: dict[str, Any]) -> StandingFault:
    """Return the fault that `document()` has written; raise `FaultError` if it is none."""
    keys = dict(document)
    return StandingFault(int(keys.pop("number")), read_fault(keys))
