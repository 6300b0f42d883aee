"""`delay`: messages that arrive late, in their order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field

from feed.faults.fault import Fault, Span, Strike
from feed.faults.link import Delivery, Parcel

__all__ = ["Delay"]


class Delay(Fault):
    """Fault that holds messages for a while; later messages that it concerns wait behind them."""

    summary: ClassVar[str] = "Messages arrive late and in their order; with a channel or symbol, others go past them."
    remedy: ClassVar[str] = "Shows by the timestamps how old its data is, and does not take the connection for dead."

    kind: Literal["delay"] = "delay"
    by: Span = Field(description="how late")
    jitter: Span = Field(0, description="up to so much more, by chance")

    def strike(self, parcel: Parcel, strike: Strike) -> Sequence[Delivery]:
        """Return the parcel with its later time of delivery."""
        more = int(self.jitter * strike.draw("jitter")) if self.jitter else 0
        return (Delivery(strike.now + self.by + more, parcel),)
