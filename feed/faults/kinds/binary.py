"""`binary`: messages in a binary frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from feed.faults.fault import Fault, FaultGroup, Strike
from feed.faults.link import Delivery, Parcel

__all__ = ["Binary"]


class Binary(Fault):
    """Fault that sends a message in a binary frame."""

    summary: ClassVar[str] = "A message comes in a binary frame: in a browser, `data` is a Blob."
    remedy: ClassVar[str] = "Reads it all the same or ignores it; does not stop."
    group: ClassVar[FaultGroup] = "content"
    watched: ClassVar[str] = "survived"

    kind: Literal["binary"] = "binary"
    direction: Literal["out"] = "out"

    def strike(self, parcel: Parcel, strike: Strike) -> Sequence[Delivery]:
        """Return the same payload in a binary frame."""
        return strike.pass_on(parcel._replace(data=strike.framing.binary(strike.framing.payload(parcel.data))))
