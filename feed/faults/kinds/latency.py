"""`latency`: a line with a long way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field

from feed.faults.fault import Fault, FaultGroup, Span, Strike, Subject
from feed.faults.link import Delivery, Parcel

__all__ = ["Latency"]


class Latency(Fault):
    """Fault that delays everything on the connection, in its order."""

    summary: ClassVar[str] = "Everything arrives late and in its order: data, answers, heartbeats and pongs."
    remedy: ClassVar[str] = "Works as ever; shows how late it is, and does not take the connection for dead."
    group: ClassVar[FaultGroup] = "network"
    watched: ClassVar[str] = "kept-up"
    subject: ClassVar[Subject] = "everything"

    kind: Literal["latency"] = "latency"
    by: Span = Field(description="how late")
    jitter: Span = Field(0, description="up to so much more, by chance; the order stays")

    def strike(self, parcel: Parcel, strike: Strike) -> Sequence[Delivery]:
        """Return the parcel with its later time of delivery."""
        more = int(self.jitter * strike.draw("jitter")) if self.jitter else 0
        return (Delivery(strike.now + self.by + more, parcel),)
