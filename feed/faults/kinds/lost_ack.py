"""`lost-ack`: answers that never come."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from feed.faults.answers import ANSWERS
from feed.faults.fault import Fault, FaultGroup, Strike, Subject
from feed.faults.link import Delivery, Parcel

__all__ = ["LostAck"]


class LostAck(Fault):
    """Fault that drops answers to requests, although the request is carried out."""

    summary: ClassVar[str] = "Answers to requests do not arrive, although the request is carried out."
    remedy: ClassVar[str] = "Asks again after a while, and takes a second answer for no mistake."
    group: ClassVar[FaultGroup] = "liveness"
    watched: ClassVar[str] = "polite"
    subject: ClassVar[Subject] = "answers"

    kind: Literal["lost-ack"] = "lost-ack"
    direction: Literal["out"] = "out"

    def takes(self, parcel: Parcel) -> bool:
        """Return True for answers to requests."""
        return parcel.kind == "event" and parcel.name in ANSWERS

    def holds_up(self, parcel: Parcel) -> bool:
        """Return True for the same, and let everything else past them."""
        return self.takes(parcel)

    def strike(self, parcel: Parcel, strike: Strike) -> Sequence[Delivery]:
        """Return no delivery."""
        return ()
