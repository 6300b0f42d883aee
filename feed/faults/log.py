"""Ground truth of the faults of one market: the armed faults, and the effect of each on single messages."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from feed.faults.fault import Fault

__all__ = ["ArmedEntry", "Deed", "FaultLog"]

MAX_DEEDS = 10_000
"""The number of deeds kept; older ones are only counted."""

MAX_ARMED = 1_000
"""The number of faults listed, the last ones."""


@dataclass(frozen=True, slots=True)
class Deed:
    """Effect of one fault on one message.

    The message was `dropped`, `delayed` by `ms` milliseconds, `changed`, `repeated`, `moved`, `held`, `sliced`, or left
    `unchanged` because there was nothing to change; the connection was `cut`, or the server `acted`. A handshake was
    `refused`, `delayed`, `changed` or `cut`. `seq` is that of the stream; without a stream it counts the client's
    messages, the events or control frames that the fault was about, or the handshakes of the market.
    """

    fault: int
    kind: str
    connection: str
    direction: str
    stream: str | None
    seq: int
    deed: str
    ms: float | None = None
    source: str = "url"
    ordinal: int | None = None


@dataclass(slots=True)
class ArmedEntry:
    """Fault armed on one connection, or on a whole market. Numbers count from 1 on each connection and each market."""

    fault: int
    source: str
    connection: str | None
    document: dict[str, Any]
    cleared: bool = False


class FaultLog:
    """Log of armed faults and of their deeds, in order.

    Attributes:
        on_deed: called with each deed.
    """

    __slots__ = ("_armed", "_deeds", "_total", "on_deed")

    def __init__(self) -> None:
        self._armed: deque[ArmedEntry] = deque(maxlen=MAX_ARMED)
        self._deeds: deque[Deed] = deque(maxlen=MAX_DEEDS)
        self._total = 0
        self.on_deed: Callable[[Deed], None] | None = None

    def arm(self, number: int, connection: str | None, fault: Fault, source: str = "url") -> None:
        """Note that a fault is armed on a connection, or on all of the market."""
        self._armed.append(ArmedEntry(number, source, connection, fault.document))

    def clear(self, number: int, connection: str | None) -> None:
        """Note that a fault on a connection, or of the market, ended."""
        for entry in self._armed:
            if (entry.fault, entry.connection) == (number, connection):
                entry.cleared = True

    def note(self, deed: Deed) -> None:
        """Note the effect of a fault on a message."""
        self._deeds.append(deed)
        self._total += 1
        if self.on_deed is not None:
            self.on_deed(deed)

    @property
    def deeds(self) -> tuple[Deed, ...]:
        """The deeds still kept, in order."""
        return tuple(self._deeds)

    def document(self) -> dict[str, Any]:
        """Return the whole log as a JSON object, for people and programs."""
        return {
            "armed": [_armed_document(entry) for entry in self._armed],
            "done": [_deed_document(deed) for deed in self._deeds],
            "forgotten": self._total - len(self._deeds),
        }


def _armed_document(entry: ArmedEntry) -> dict[str, Any]:
    whom = {} if entry.connection is None else {"connection": entry.connection}
    return {"fault": entry.fault, "from": entry.source, **whom, "what": entry.document, "cleared": entry.cleared}


def _deed_document(deed: Deed) -> dict[str, Any]:
    document = {"from" if name == "source" else name: getattr(deed, name) for name in Deed.__slots__}
    return {name: value for name, value in document.items() if value is not None}
