"""`error`: errors of any code."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field

from feed.faults.acts import RefuseRequest, SayEvent
from feed.faults.fault import Fault, FaultGroup, Strike
from feed.faults.link import Delivery, Parcel, act_parcel
from feed.protocol.codes import ErrorCode
from feed.protocol.events import ErrorEvent

__all__ = ["ErrorMessage"]


class ErrorMessage(Fault):
    """Fault that sends an error: in front of a message, or with the direction `in` in answer to a request."""

    summary: ClassVar[str] = (
        "An error of any code: unasked in front of a message, or (direction in) in place of what a request asks for."
    )
    remedy: ClassVar[str] = (
        "Looks at the code; an error never closes the connection, and it does not ask the same again in a loop."
    )
    group: ClassVar[FaultGroup] = "protocol"
    watched: ClassVar[str] = "polite"
    once: ClassVar[bool] = True

    kind: Literal["error"] = "error"
    code: ErrorCode = Field(ErrorCode.NOT_POSSIBLE, description="the code of the error")
    message: str = Field("Asked for by a fault", min_length=1, max_length=200, description="the text of the error")

    def strike(self, parcel: Parcel, strike: Strike) -> Sequence[Delivery]:
        """Return the error and the message, or only the refusal of a request."""
        if parcel.kind == "request":
            return strike.pass_on(act_parcel(RefuseRequest(parcel.data, self.code, self.message)))
        error = act_parcel(SayEvent(ErrorEvent(message=self.message, code=self.code)))
        return [Delivery(strike.now, one) for one in (error, parcel)]
