"""`close`: any close code."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from feed.faults.answers import CloseNumber
from feed.faults.fault import Fault, FaultGroup, Strike
from feed.faults.link import LinkCut, Parcel

__all__ = ["CloseFrame"]


class CloseFrame(Fault):
    """Fault that closes the connection in front of the message that it strikes."""

    summary: ClassVar[str] = (
        "The connection is closed with a close frame of any code and reason, without an announcement."
    )
    remedy: ClassVar[str] = "Looks at the code: connects again at once, with back-off, or never."
    group: ClassVar[FaultGroup] = "network"
    watched: ClassVar[str] = "terminal"
    once: ClassVar[bool] = True

    kind: Literal["close"] = "close"
    code: CloseNumber = Field(4499, description="1000 to 1003, 1007 to 1014, 3000 to 4999")
    reason: str = Field("asked for by a fault", max_length=123, description="at most 123 bytes")

    def strike(self, parcel: Parcel, strike: Strike) -> LinkCut:
        """Return a cut by a close frame."""
        return LinkCut("close", self.code, self.reason)
