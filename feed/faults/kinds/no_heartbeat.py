"""`no-heartbeat`: no heartbeats."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from feed.faults.fault import Fault, FaultGroup, Strike, Subject
from feed.faults.link import Delivery, Parcel
from feed.protocol.events import Heartbeat

__all__ = ["NoHeartbeat"]


class NoHeartbeat(Fault):
    """Fault that sends no heartbeats."""

    summary: ClassVar[str] = "Heartbeats do not arrive, while everything else does."
    remedy: ClassVar[str] = "Takes a silent connection for dead after two or three intervals, and connects again."
    group: ClassVar[FaultGroup] = "liveness"
    watched: ClassVar[str] = "resumed"
    subject: ClassVar[Subject] = "heartbeats"

    kind: Literal["no-heartbeat"] = "no-heartbeat"
    direction: Literal["out"] = "out"

    def takes(self, parcel: Parcel) -> bool:
        """Return True for heartbeats."""
        return parcel.kind == "event" and parcel.name == Heartbeat.__name__

    def holds_up(self, parcel: Parcel) -> bool:
        """Return True for the same, and let everything else past them."""
        return self.takes(parcel)

    def strike(self, parcel: Parcel, strike: Strike) -> Sequence[Delivery]:
        """Return no delivery."""
        return ()
