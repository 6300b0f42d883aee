"""`freeze`: nothing at all, and the socket stays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from feed.faults.fault import Fault, FaultGroup, Strike, Subject
from feed.faults.link import Delivery, Parcel

__all__ = ["Freeze"]


class Freeze(Fault):
    """Fault that sends nothing at all; what the client sends is still read."""

    summary: ClassVar[str] = (
        "Nothing at all arrives, not even the answer to a close; the socket stays open. What was due is lost."
    )
    remedy: ClassVar[str] = (
        "Sees the silence by its own clock, gives the connection up and connects again; tells its user meanwhile."
    )
    group: ClassVar[FaultGroup] = "liveness"
    watched: ClassVar[str] = "resumed"
    subject: ClassVar[Subject] = "everything"

    kind: Literal["freeze"] = "freeze"
    direction: Literal["out"] = "out"

    def strike(self, parcel: Parcel, strike: Strike) -> Sequence[Delivery]:
        """Return no delivery."""
        return ()
