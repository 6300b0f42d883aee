"""`maintenance`: a planned interruption."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field

from feed.faults.acts import EnterMaintenance
from feed.faults.fault import Fault, FaultGroup, Span, Strike
from feed.faults.link import Delivery, Parcel, act_parcel
from feed.units import SECOND

__all__ = ["Maintenance"]

USUAL_DURATION = 30 * SECOND
"""The time that maintenance takes if none is given."""


class Maintenance(Fault):
    """Fault that announces maintenance, closes the connection, refuses new ones for a while, and lets them in again."""

    summary: ClassVar[str] = (
        "Status `maintenance`, `closing` and a close with 1012, then HTTP 503 with Retry-After until it is over."
    )
    remedy: ClassVar[str] = "Tells its user, waits as it is told, connects again with back-off and jitter, and resumes."
    group: ClassVar[FaultGroup] = "protocol"
    watched: ClassVar[str] = "backoff"
    once: ClassVar[bool] = True

    kind: Literal["maintenance"] = "maintenance"
    direction: Literal["out"] = "out"
    notice: Span = Field(0, description="real time from the announcement to the close")
    reason: str = Field("maintenance", min_length=1, max_length=100, description="why, for the close")

    def strike(self, parcel: Parcel, strike: Strike) -> Sequence[Delivery]:
        """Return the announcement, in front of the message."""
        return [Delivery(strike.now, one) for one in (act_parcel(self.act), parcel)]

    @property
    def act(self) -> EnterMaintenance:
        """What the server says and does."""
        return EnterMaintenance(self.reason, self.notice, self.lasts)

    @property
    def lasts(self) -> int:
        """The time for which new connections are refused, ns of market time."""
        return USUAL_DURATION if self.length is None else self.length
