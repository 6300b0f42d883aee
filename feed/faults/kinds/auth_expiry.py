"""`auth-expiry`: authentication that runs out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from feed.faults.acts import SayEvent, SayFarewell
from feed.faults.fault import Fault, FaultGroup, Strike
from feed.faults.link import Delivery, Parcel, act_parcel
from feed.protocol import codes
from feed.protocol.codes import ErrorCode
from feed.protocol.events import ErrorEvent

__all__ = ["AuthExpiry"]

EXPIRED = "The token has expired"


class AuthExpiry(Fault):
    """Fault that says that the token has expired, and closes the connection."""

    summary: ClassVar[str] = "The error TOKEN_EXPIRED, and a close with 4401."
    remedy: ClassVar[str] = "Does not connect again with the same token: gets a new one, or asks its user to sign in."
    group: ClassVar[FaultGroup] = "protocol"
    watched: ClassVar[str] = "terminal"
    once: ClassVar[bool] = True

    kind: Literal["auth-expiry"] = "auth-expiry"

    def strike(self, parcel: Parcel, strike: Strike) -> Sequence[Delivery]:
        """Return the error and the close, in front of the message."""
        error = ErrorEvent(message=EXPIRED, code=ErrorCode.TOKEN_EXPIRED)
        said = act_parcel(SayEvent(error)), act_parcel(SayFarewell(codes.NOT_AUTHENTICATED, EXPIRED.lower()))
        return [Delivery(strike.now, one) for one in (*said, parcel)]
