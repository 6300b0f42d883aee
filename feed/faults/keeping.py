"""Base for effects of faults that keep state of one connection."""

from __future__ import annotations

from collections.abc import Sequence

from feed.faults.fault import Strike
from feed.faults.link import Delivery, Parcel

__all__ = ["StatefulEffect"]


class StatefulEffect:
    """Effect that keeps parcels of one connection, and otherwise lets by what it does not strike."""

    def __init__(self) -> None:
        self._parcels: list[Parcel] = []

    def let_by(self, parcel: Parcel, strike: Strike) -> Sequence[Delivery]:
        """Return the message itself."""
        return strike.pass_on(parcel)

    def hear(self, name: str) -> None:
        """Note a request of the client."""

    def release(self) -> Sequence[Parcel]:
        """Return the parcels that it has kept, and forget them."""
        parcels, self._parcels = self._parcels, []
        return parcels

    @property
    def kept(self) -> int:
        """The number of bytes that it keeps."""
        return sum(len(parcel.data) for parcel in self._parcels)
