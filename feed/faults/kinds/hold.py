"""`hold`: messages that are kept and arrive all together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field

from feed.faults.fault import Fault, Strike
from feed.faults.keeping import StatefulEffect
from feed.faults.link import Delivery, Parcel

__all__ = ["Hold"]


class Hold(Fault):
    """Fault that keeps messages until so many are there, or until it ends, and then sends them together."""

    summary: ClassVar[str] = "Messages are kept back and arrive together: a burst after a silence."
    remedy: ClassVar[str] = "Draws once for the whole burst, stays responsive, and shows the last state."
    watched: ClassVar[str] = "kept-up"
    deed: ClassVar[str | None] = "held"

    kind: Literal["hold"] = "hold"
    burst: int = Field(100, ge=1, le=100_000, strict=True, description="so many messages together")

    def begin(self) -> _Holding:
        """Return the effect on one connection."""
        return _Holding(self.burst)


class _Holding(StatefulEffect):
    """Messages kept for a burst; everything behind them waits as well, so that their order stays."""

    def __init__(self, burst: int) -> None:
        super().__init__()
        self._burst = burst

    def strike(self, parcel: Parcel, strike: Strike) -> Sequence[Delivery]:
        """Keep the message, or return it with all those kept if the burst is complete."""
        self._parcels.append(parcel)
        return [Delivery(strike.now, one) for one in self.release()] if len(self._parcels) >= self._burst else ()

    def let_by(self, parcel: Parcel, strike: Strike) -> Sequence[Delivery]:
        """Return those kept and the message: the first one that is not struck ends the burst."""
        if parcel.kind != "data" and parcel.kind != "request":
            return strike.pass_on(parcel)
        return [Delivery(strike.now, one) for one in (*self.release(), parcel)]
