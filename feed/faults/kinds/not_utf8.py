"""`not-utf8`: text frames that are not UTF-8."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from feed.faults.fault import Fault, FaultGroup, Strike
from feed.faults.link import Delivery, Parcel

__all__ = ["NotUtf8"]


class NotUtf8(Fault):
    """Fault that puts bytes that are not UTF-8 into a text frame."""

    summary: ClassVar[str] = "A text frame is not UTF-8; browsers and most libraries end the connection with 1007."
    remedy: ClassVar[str] = "Sees an end that it did not ask for, and connects again as after any other."
    group: ClassVar[FaultGroup] = "content"
    watched: ClassVar[str] = "resumed"

    kind: Literal["not-utf8"] = "not-utf8"
    direction: Literal["out"] = "out"

    def strike(self, parcel: Parcel, strike: Strike) -> Sequence[Delivery]:
        """Return the message with two bytes that no UTF-8 text has."""
        payload = strike.framing.payload(parcel.data)
        return strike.pass_on(parcel._replace(data=strike.framing.text(payload[:-1] + b"\xc3\x28")))
