"""`skip-seq`: numbers that jump although nothing is missing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field

from feed.faults.editing import read_document, write_document
from feed.faults.fault import Fault, Strike
from feed.faults.keeping import StatefulEffect
from feed.faults.link import Delivery, Parcel
from feed.protocol.effects import Stream

__all__ = ["SkipSeq"]


class SkipSeq(Fault):
    """Fault that leaves out numbers: from the struck message on, every number of the stream is larger."""

    summary: ClassVar[str] = "The seq jumps at a message and counts on from there, although nothing is missing."
    remedy: ClassVar[str] = "Takes it for a gap, asks for what is missing, and goes on with the fresh numbers."
    watched: ClassVar[str] = "resynced"

    kind: Literal["skip-seq"] = "skip-seq"
    by: int = Field(1, ge=1, le=1_000_000, strict=True, description="so many numbers are left out")
    direction: Literal["out"] = "out"

    def begin(self) -> _Skipping:
        """Return the effect on one connection."""
        return _Skipping(self.by)


class _Skipping(StatefulEffect):
    """Numbers left out so far, by stream; a new subscription begins with the true ones."""

    def __init__(self, by: int) -> None:
        super().__init__()
        self._by = by
        self._skipped: Counter[Stream | None] = Counter()

    def hear(self, name: str) -> None:
        """Count truly again once the client subscribes."""
        if name == "subscribe":
            self._skipped.clear()

    def strike(self, parcel: Parcel, strike: Strike) -> Sequence[Delivery]:
        """Return the message with a number further on."""
        self._skipped[parcel.stream] += self._by
        return self.let_by(parcel, strike)

    def let_by(self, parcel: Parcel, strike: Strike) -> Sequence[Delivery]:
        """Return the message with its number as far on as those before it."""
        skipped = self._skipped[parcel.stream] if parcel.kind == "data" else 0
        if not skipped:
            return strike.pass_on(parcel)
        document = read_document(strike.framing.payload(parcel.data))
        numbers = strike.shape.numbers(document)
        if not numbers:
            return strike.pass_on(parcel)
        for number in numbers:
            number.put(number.value + skipped)
        return strike.pass_on(parcel._replace(data=strike.framing.text(write_document(document))))
