"""`late-ack`: answers that come late."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field

from feed.faults.answers import ANSWERS
from feed.faults.fault import Fault, FaultGroup, Span, Strike, Subject
from feed.faults.link import Delivery, Parcel

__all__ = ["LateAck"]


class LateAck(Fault):
    """Fault that holds answers to requests; data goes past them."""

    summary: ClassVar[str] = "Answers to requests come late; data may come before the answer."
    remedy: ClassVar[str] = "Takes data of a stream before its answer, and does not ask a second time at once."
    group: ClassVar[FaultGroup] = "liveness"
    watched: ClassVar[str] = "polite"
    subject: ClassVar[Subject] = "answers"

    kind: Literal["late-ack"] = "late-ack"
    direction: Literal["out"] = "out"
    by: Span = Field(description="how late")

    def takes(self, parcel: Parcel) -> bool:
        """Return True for answers to requests."""
        return parcel.kind == "event" and parcel.name in ANSWERS

    def holds_up(self, parcel: Parcel) -> bool:
        """Return True for the same, and let everything else past them."""
        return self.takes(parcel)

    def strike(self, parcel: Parcel, strike: Strike) -> Sequence[Delivery]:
        """Return the answer with its later time of delivery."""
        return (Delivery(strike.now + self.by, parcel),)
