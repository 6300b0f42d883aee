"""`refuse`: handshakes that are refused."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from feed.faults.door import HandshakeFault, Welcome

__all__ = ["Refuse"]


class Refuse(HandshakeFault):
    """Fault that answers a handshake with an HTTP status in place of opening the connection."""

    summary: ClassVar[str] = "The handshake is refused with an HTTP status; a page sees 1006 and no reason."
    remedy: ClassVar[str] = (
        "Tries again with a growing pause and jitter, or stops and tells its user; never in a tight loop."
    )
    watched: ClassVar[str] = "backoff"

    kind: Literal["refuse"] = "refuse"
    status: int = Field(503, ge=400, le=599, strict=True, description="the HTTP status")
    retry_after: int | None = Field(None, ge=0, le=86400, strict=True, description="the header Retry-After, seconds")

    def welcome(self) -> Welcome:
        """Return the refusal."""
        return Welcome("refuse", status=self.status, retry_after=self.retry_after)
