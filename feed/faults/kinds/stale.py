"""`stale`: old values under a new seq."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

from feed.faults.editing import read_document, write_document
from feed.faults.fault import Fault, Strike
from feed.faults.keeping import StatefulEffect
from feed.faults.link import Delivery, Parcel
from feed.protocol.effects import Stream

__all__ = ["Stale"]


class Stale(Fault):
    """Fault that repeats the last values of a stream in place of new ones, with the new number."""

    summary: ClassVar[str] = "A message has the values of the one before it, and only its seq is new."
    remedy: ClassVar[str] = "Sees by the timestamp that nothing is new, and tells its user how old the price is."
    watched: ClassVar[str] = "survived"

    kind: Literal["stale"] = "stale"
    direction: Literal["out"] = "out"

    def begin(self) -> _Staleness:
        """Return the effect on one connection."""
        return _Staleness()


class _Staleness(StatefulEffect):
    """Last document of each stream that was sent as it is."""

    def __init__(self) -> None:
        super().__init__()
        self._last: dict[Stream | None, Any] = {}

    def let_by(self, parcel: Parcel, strike: Strike) -> Sequence[Delivery]:
        """Return the message, and remember it."""
        if parcel.kind == "data":
            self._last[parcel.stream] = read_document(strike.framing.payload(parcel.data))
        return strike.pass_on(parcel)

    def strike(self, parcel: Parcel, strike: Strike) -> Sequence[Delivery]:
        """Return the message before, with the number of this one; the first one of a stream is its own past."""
        old = self._last.get(parcel.stream)
        new = read_document(strike.framing.payload(parcel.data))
        if old is None:
            self._last[parcel.stream] = new
            return strike.pass_on(parcel)
        there, here = strike.shape.number(old), strike.shape.number(new)
        if there is not None and here is not None:
            there.put(here.value)
        return strike.pass_on(parcel._replace(data=strike.framing.text(write_document(old))))
