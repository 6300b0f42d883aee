"""`slice`: frames in small pieces."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field

from feed.faults.fault import Fault, FaultGroup, Span, Strike, Subject
from feed.faults.link import Delivery, Parcel

__all__ = ["SlicedFrames"]


class SlicedFrames(Fault):
    """Fault that sends every frame in small pieces, each a TCP segment of its own."""

    summary: ClassVar[str] = "Frames arrive in small pieces: a frame is rarely whole when the client reads."
    remedy: ClassVar[str] = "Notices nothing: its library puts frames together."
    group: ClassVar[FaultGroup] = "network"
    watched: ClassVar[str] = "survived"
    subject: ClassVar[Subject] = "everything"

    kind: Literal["slice"] = "slice"
    size: int = Field(16, ge=1, le=65536, strict=True, description="bytes of a piece")
    pause: Span = Field(0, description="time between two pieces")
    direction: Literal["out"] = "out"

    def strike(self, parcel: Parcel, strike: Strike) -> Sequence[Delivery]:
        """Return the pieces, each a little later than the one before."""
        data, size = parcel.data, self.size
        pieces = [data[at : at + size] for at in range(0, len(data), size)] or [data]
        last = len(pieces) - 1
        return [
            Delivery(strike.now + place * self.pause, parcel._replace(data=piece, whole=place == last))
            for place, piece in enumerate(pieces)
        ]
