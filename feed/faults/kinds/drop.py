"""`drop`: messages that never arrive."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from feed.faults.fault import Fault, Strike
from feed.faults.link import Delivery, Parcel

__all__ = ["Drop"]


class Drop(Fault):
    """Fault that drops messages; the next one has the same `seq` as without the fault."""

    summary: ClassVar[str] = "Messages never arrive, as if something between market and client had lost them."
    remedy: ClassVar[str] = "Sees the gap in seq and resumes, or subscribes anew; what it shows is right again then."
    watched: ClassVar[str] = "resynced"

    kind: Literal["drop"] = "drop"

    def strike(self, parcel: Parcel, strike: Strike) -> Sequence[Delivery]:
        """Return no delivery, so that the message is dropped."""
        return ()
