"""`mute`: no data, while the connection is well."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from feed.faults.fault import Fault, FaultGroup, Strike
from feed.faults.link import Delivery, Parcel

__all__ = ["Mute"]


class Mute(Fault):
    """Fault that sends no data; heartbeats and answers go on, and tell how far the streams are."""

    summary: ClassVar[str] = "No data arrives any more, while heartbeats and answers go on."
    remedy: ClassVar[str] = "Sees by the heartbeat's `last` or by the clock that its streams stand still, and resumes."
    group: ClassVar[FaultGroup] = "liveness"
    watched: ClassVar[str] = "resynced"

    kind: Literal["mute"] = "mute"
    direction: Literal["out"] = "out"

    def strike(self, parcel: Parcel, strike: Strike) -> Sequence[Delivery]:
        """Return no delivery."""
        return ()
