"""`no-pong`: pings without an answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from feed.faults.fault import Fault, FaultGroup, Strike, Subject
from feed.faults.link import PONG_FRAME, Delivery, Parcel
from feed.protocol.events import PongEvent

__all__ = ["NoPong"]


class NoPong(Fault):
    """Fault that answers no ping, neither frames nor events."""

    summary: ClassVar[str] = "Pings of the client are not answered."
    remedy: ClassVar[str] = "Takes the connection for dead when an answer is overdue, and connects again."
    group: ClassVar[FaultGroup] = "liveness"
    watched: ClassVar[str] = "resumed"
    subject: ClassVar[Subject] = "pongs"

    kind: Literal["no-pong"] = "no-pong"
    direction: Literal["out"] = "out"

    def takes(self, parcel: Parcel) -> bool:
        """Return True for pong frames and pong events."""
        return parcel.name in (PONG_FRAME, PongEvent.__name__)

    def holds_up(self, parcel: Parcel) -> bool:
        """Return True for the same, and let everything else past them."""
        return self.takes(parcel)

    def strike(self, parcel: Parcel, strike: Strike) -> Sequence[Delivery]:
        """Return no delivery."""
        return ()
