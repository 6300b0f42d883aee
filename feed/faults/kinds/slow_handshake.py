"""`slow-handshake`: handshakes that take long."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from feed.faults.door import HandshakeFault, Welcome
from feed.faults.fault import Span

__all__ = ["SlowHandshake"]


class SlowHandshake(HandshakeFault):
    """Fault that lets a handshake wait."""

    summary: ClassVar[str] = "The handshake is answered late."
    remedy: ClassVar[str] = (
        "Shows that it is connecting, gives up after some seconds of its own, and tries again with back-off."
    )
    watched: ClassVar[str] = "backoff"

    kind: Literal["slow-handshake"] = "slow-handshake"
    by: Span = Field(description="how late, in real time; at most 1m")

    def welcome(self) -> Welcome:
        """Return the delay."""
        return Welcome("wait", by=self.by)
