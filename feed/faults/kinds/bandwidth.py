"""`bandwidth`: a thin line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field

from feed.faults.fault import Fault, FaultGroup, Strike, Subject
from feed.faults.keeping import StatefulEffect
from feed.faults.link import Delivery, Parcel
from feed.units import SECOND

__all__ = ["Bandwidth"]


class Bandwidth(Fault):
    """Fault that limits the bytes a second."""

    summary: ClassVar[str] = (
        "Only so many bytes a second arrive; the rest waits, until the buffer is full and the server closes with 4409."
    )
    remedy: ClassVar[str] = (
        "Draws what there is, subscribes to less or with max_rate, and connects again after 4409 with back-off."
    )
    group: ClassVar[FaultGroup] = "network"
    watched: ClassVar[str] = "kept-up"
    subject: ClassVar[Subject] = "everything"

    kind: Literal["bandwidth"] = "bandwidth"
    bytes_per_second: int = Field(ge=100, le=10**9, strict=True, description="bytes a second")

    def begin(self) -> _ThinLine:
        """Return the effect on one connection."""
        return _ThinLine(self.bytes_per_second)


class _ThinLine(StatefulEffect):
    """Line that is busy until what it has taken is through."""

    def __init__(self, bytes_per_second: int) -> None:
        super().__init__()
        self._rate = bytes_per_second
        self._busy_until = 0

    def strike(self, parcel: Parcel, strike: Strike) -> Sequence[Delivery]:
        """Return the parcel with the time when its last byte is through."""
        self._busy_until = max(self._busy_until, strike.now) + len(parcel.data) * SECOND // self._rate
        return (Delivery(self._busy_until, parcel),)
