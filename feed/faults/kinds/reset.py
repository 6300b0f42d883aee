"""`reset`: the TCP connection breaks, and no close frame is seen."""

from __future__ import annotations

from typing import ClassVar, Literal

from feed.faults.fault import Fault, FaultGroup, Strike
from feed.faults.link import LinkCut, Parcel

__all__ = ["Reset"]


class Reset(Fault):
    """Fault that breaks the connection before the message that it strikes."""

    summary: ClassVar[str] = "The connection is reset in front of a message: an end without a close frame, 1006."
    remedy: ClassVar[str] = "Connects again after a moment, with back-off and jitter, and resumes where it was."
    group: ClassVar[FaultGroup] = "network"
    watched: ClassVar[str] = "resumed"
    once: ClassVar[bool] = True

    kind: Literal["reset"] = "reset"

    def strike(self, parcel: Parcel, strike: Strike) -> LinkCut:
        """Return a cut of the connection by a TCP reset."""
        return LinkCut("reset")
