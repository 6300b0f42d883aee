"""`huge`: messages of 1 MiB."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field

from feed.faults.fault import Fault, FaultGroup, Strike
from feed.faults.link import Delivery, Parcel

__all__ = ["Huge"]


class Huge(Fault):
    """Fault that adds a very long text to a message."""

    summary: ClassVar[str] = "A message is larger than any other, 1 MiB by default; its additional key may be ignored."
    remedy: ClassVar[str] = "Reads it without stopping the page, or ends the connection with 1009 and connects again."
    group: ClassVar[FaultGroup] = "content"
    watched: ClassVar[str] = "survived"

    kind: Literal["huge"] = "huge"
    direction: Literal["out"] = "out"
    size: int = Field(1024 * 1024, ge=1024, le=16 * 1024 * 1024, strict=True, description="bytes of the message")

    def strike(self, parcel: Parcel, strike: Strike) -> Sequence[Delivery]:
        """Return the message with an additional text, or behind so much white space if it is no object."""
        payload = strike.framing.payload(parcel.data)
        missing = self.size - len(payload)
        if missing <= 0:
            return strike.pass_on(parcel)
        if payload.endswith(b"}"):
            frame = b',"padding":""}'
            payload = payload[:-1] + frame[:-2] + b"x" * max(0, missing - len(frame) + 1) + frame[-2:]
        else:
            payload += b" " * missing
        return strike.pass_on(parcel._replace(data=strike.framing.text(payload)))
