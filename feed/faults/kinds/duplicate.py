"""`duplicate`: messages that arrive more than once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field

from feed.faults.fault import Fault, Strike
from feed.faults.link import Delivery, Parcel

__all__ = ["Duplicate"]


class Duplicate(Fault):
    """Fault that sends messages again, at once."""

    summary: ClassVar[str] = "Messages arrive more than once, with the same seq."
    remedy: ClassVar[str] = "Ignores a seq that it has seen: no volume is counted twice, no trade listed twice."

    kind: Literal["duplicate"] = "duplicate"
    copies: int = Field(1, ge=1, le=100, strict=True, description="how many times more")

    def strike(self, parcel: Parcel, strike: Strike) -> Sequence[Delivery]:
        """Return the parcel and its copies."""
        return (Delivery(strike.now, parcel),) * (1 + self.copies)
