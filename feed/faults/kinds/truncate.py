"""`truncate`: messages that break off."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field

from feed.faults.fault import Fault, FaultGroup, Strike
from feed.faults.link import Delivery, Parcel

__all__ = ["Truncate"]


class Truncate(Fault):
    """Fault that sends only the beginning of a message, in a frame of its own."""

    summary: ClassVar[str] = "A message breaks off in the middle of its text."
    remedy: ClassVar[str] = "Ignores the message, says so in its log, and goes on with the next one."
    group: ClassVar[FaultGroup] = "content"
    watched: ClassVar[str] = "survived"

    kind: Literal["truncate"] = "truncate"
    direction: Literal["out"] = "out"
    keep: float = Field(0.5, ge=0, lt=1, description="the share of the text that arrives")

    def strike(self, parcel: Parcel, strike: Strike) -> Sequence[Delivery]:
        """Return the beginning of the message; a character is never cut in two."""
        payload = strike.framing.payload(parcel.data)
        begin = payload[: max(1, int(len(payload) * self.keep))].decode(errors="ignore").encode()
        return strike.pass_on(parcel._replace(data=strike.framing.text(begin)))
