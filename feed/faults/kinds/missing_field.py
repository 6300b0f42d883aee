"""`missing-field`: fields that are missing."""

from __future__ import annotations

from typing import ClassVar, Literal

from feed.faults.editing import FieldFault
from feed.faults.fault import Strike
from feed.protocol.shape import Slot

__all__ = ["MissingField"]


class MissingField(FieldFault):
    """Fault that leaves out a field."""

    summary: ClassVar[str] = "A field is not there."
    remedy: ClassVar[str] = "Keeps the last good value; never shows undefined or NaN."
    watched: ClassVar[str] = "survived"

    kind: Literal["missing-field"] = "missing-field"
    direction: Literal["out"] = "out"

    def change(self, slot: Slot, strike: Strike) -> None:
        """Take out the field."""
        slot.remove()
