"""The ground truth of one market: which faults were armed, and what each of them did to which message."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any

from feed.faults.fault import Fault

__all__ = ["ArmedEntry", "Deed", "FaultLog"]

MAX_DEEDS = 10_000
"""Deeds that are kept; older ones are counted."""

MAX_ARMED = 1_000
"""Faults that are listed, the last ones."""


@dataclass(frozen=True, slots=True)
class Deed:
    """What one fault did to one message: it was `dropped`, `delayed` by so many ms, `changed`, or `cut` off.

    `seq` is that of the stream; without a stream it counts the client's messages.
    """

    fault: int
    kind: str
    connection: str
    direction: str
    stream: str | None
    seq: int
    deed: str
    ms: float | None = None


@dataclass(slots=True)
class ArmedEntry:
    """A fault on one connection. Numbers are the connection's own, from 1."""

    fault: int
    connection: str
    document: dict[str, Any]
    cleared: bool = False


class FaultLog:
    """Lists what was armed and what was done, in order."""

    __slots__ = ("_armed", "_deeds", "_total")

    def __init__(self) -> None:
        self._armed: deque[ArmedEntry] = deque(maxlen=MAX_ARMED)
        self._deeds: deque[Deed] = deque(maxlen=MAX_DEEDS)
        self._total = 0

    def arm(self, number: int, connection: str, fault: Fault) -> None:
        """Note that a fault is armed on a connection."""
        self._armed.append(ArmedEntry(number, connection, fault.document))

    def clear(self, number: int, connection: str) -> None:
        """Note that it ended."""
        for entry in self._armed:
            if (entry.fault, entry.connection) == (number, connection):
                entry.cleared = True

    def note(self, deed: Deed) -> None:
        """Note what was done."""
        self._deeds.append(deed)
        self._total += 1

    @property
    def deeds(self) -> tuple[Deed, ...]:
        """What was done, as far as it is kept."""
        return tuple(self._deeds)

    def document(self) -> dict[str, Any]:
        """All of it, for people and programs."""
        return {
            "armed": [
                {"fault": entry.fault, "connection": entry.connection, **entry.document, "cleared": entry.cleared}
                for entry in self._armed
            ],
            "done": [_without_nothing(deed) for deed in self._deeds],
            "forgotten": self._total - len(self._deeds),
        }


def _without_nothing(deed: Deed) -> dict[str, Any]:
    values = {name: getattr(deed, name) for name in Deed.__slots__}
    return {name: value for name, value in values.items() if value is not None}
