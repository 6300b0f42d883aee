"""`close-without-frame`: an end of TCP without a close frame."""

from __future__ import annotations

from typing import ClassVar, Literal

from feed.faults.fault import Fault, FaultGroup, Strike
from feed.faults.link import LinkCut, Parcel

__all__ = ["CloseWithoutFrame"]


class CloseWithoutFrame(Fault):
    """Fault that ends the TCP connection as if all was said."""

    summary: ClassVar[str] = "The TCP connection is ended in order, but without a close frame: 1006, not clean."
    remedy: ClassVar[str] = "Connects again after a moment, with back-off and jitter, and resumes where it was."
    group: ClassVar[FaultGroup] = "network"
    watched: ClassVar[str] = "resumed"
    once: ClassVar[bool] = True

    kind: Literal["close-without-frame"] = "close-without-frame"

    def strike(self, parcel: Parcel, strike: Strike) -> LinkCut:
        """Return a cut by the end of the TCP stream."""
        return LinkCut("end")
