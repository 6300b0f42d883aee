"""`half-open`: a peer that is gone without a word."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from feed.faults.fault import Fault, FaultGroup, Span, Strike
from feed.faults.link import LinkCut, Parcel
from feed.units import SECOND

__all__ = ["HalfOpen"]


class HalfOpen(Fault):
    """Fault after which the server neither sends nor reads: the connection is open on one side only."""

    summary: ClassVar[str] = (
        "The server is gone without a word: nothing arrives, nothing is read, no close is answered."
    )
    remedy: ClassVar[str] = (
        "Sees the silence by its own clock, waits for no answer to its close, connects again and resumes."
    )
    group: ClassVar[FaultGroup] = "network"
    watched: ClassVar[str] = "resumed"
    once: ClassVar[bool] = True

    kind: Literal["half-open"] = "half-open"
    reset_after: Span = Field(60 * SECOND, description="real time until the connection is reset")

    def strike(self, parcel: Parcel, strike: Strike) -> LinkCut:
        """Return an end of the connection that the client is not told of."""
        return LinkCut("vanish", lasts=self.reset_after)
