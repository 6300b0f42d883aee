"""`rate-limit`: requests that are too many."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field

from feed.faults.acts import RefuseRequest, SayFarewell
from feed.faults.fault import Fault, FaultGroup, Strike
from feed.faults.keeping import StatefulEffect
from feed.faults.link import Delivery, Parcel, act_parcel
from feed.protocol import codes
from feed.protocol.codes import ErrorCode

__all__ = ["RateLimit"]


class RateLimit(Fault):
    """Fault that refuses requests of the client as too many, whatever their number."""

    summary: ClassVar[str] = (
        "Requests are answered with RATE_LIMITED and not carried out; after `warnings` of them comes a close with 1008."
    )
    remedy: ClassVar[str] = "Asks again later and less often, with a growing pause."
    group: ClassVar[FaultGroup] = "protocol"
    watched: ClassVar[str] = "polite"

    kind: Literal["rate-limit"] = "rate-limit"
    direction: Literal["in"] = "in"
    warnings: int | None = Field(
        None, ge=1, le=1000, strict=True, description="refusals up to the close; where missing: none"
    )

    def begin(self) -> _Refusing:
        """Return the effect on one connection."""
        return _Refusing(self.warnings)


class _Refusing(StatefulEffect):
    """Refusals so far."""

    def __init__(self, warnings: int | None) -> None:
        super().__init__()
        self._warnings = warnings
        self._refused = 0

    def strike(self, parcel: Parcel, strike: Strike) -> Sequence[Delivery]:
        """Return the refusal in place of the request."""
        self._refused += 1
        refusal = act_parcel(RefuseRequest(parcel.data, ErrorCode.RATE_LIMITED, "Too many messages", "ask less often"))
        if self._warnings is None or self._refused < self._warnings:
            return strike.pass_on(refusal)
        farewell = act_parcel(SayFarewell(codes.POLICY, "too many messages, after warnings"))
        return [Delivery(strike.now, one) for one in (refusal, farewell)]
