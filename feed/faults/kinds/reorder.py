"""`reorder`: messages that arrive behind later ones of their stream."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field

from feed.faults.fault import Fault, Strike
from feed.faults.keeping import StatefulEffect
from feed.faults.link import Delivery, Parcel

__all__ = ["Reorder"]


class Reorder(Fault):
    """Fault that moves a message behind the next `by` ones of its stream."""

    summary: ClassVar[str] = "A message arrives behind the next ones of its stream."
    remedy: ClassVar[str] = "Sorts by seq, or takes it for a gap and resumes; never shows the older value as the newer."
    watched: ClassVar[str] = "resynced"
    deed: ClassVar[str | None] = "moved"

    kind: Literal["reorder"] = "reorder"
    by: int = Field(1, ge=1, le=1000, strict=True, description="behind so many later messages")

    def begin(self) -> _Reordering:
        """Return the effect on one connection."""
        return _Reordering(self.by)


class _Reordering(StatefulEffect):
    """Messages that wait for later ones to go past them."""

    def __init__(self, by: int) -> None:
        super().__init__()
        self._by = by
        # The number of later messages that each kept parcel still waits for.
        self._left: list[int] = []

    def strike(self, parcel: Parcel, strike: Strike) -> Sequence[Delivery]:
        """Keep the message; it counts as a later one for those kept before it."""
        freed = self._count(parcel)
        self._parcels.append(parcel)
        self._left.append(self._by)
        return [Delivery(strike.now, one) for one in freed]

    def let_by(self, parcel: Parcel, strike: Strike) -> Sequence[Delivery]:
        """Return the message, and behind it those that have waited long enough."""
        return [Delivery(strike.now, one) for one in (parcel, *self._count(parcel))]

    def release(self) -> Sequence[Parcel]:
        """Return the parcels that it has kept, and forget them."""
        self._left.clear()
        return super().release()

    def _count(self, parcel: Parcel) -> list[Parcel]:
        freed: list[Parcel] = []
        for place in range(len(self._parcels) - 1, -1, -1):
            if self._parcels[place].stream == parcel.stream:
                self._left[place] -= 1
                if not self._left[place]:
                    del self._left[place]
                    freed.insert(0, self._parcels.pop(place))
        return freed
