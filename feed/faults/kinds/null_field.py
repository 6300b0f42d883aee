"""`null-field`: fields that are null."""

from __future__ import annotations

from typing import ClassVar, Literal

from feed.faults.editing import FieldFault
from feed.faults.fault import Strike
from feed.protocol.shape import Slot

__all__ = ["NullField"]


class NullField(FieldFault):
    """Fault that sets a field to null."""

    summary: ClassVar[str] = "A field is null."
    remedy: ClassVar[str] = "Keeps the last good value; never shows 0 or NaN for it."
    watched: ClassVar[str] = "survived"

    kind: Literal["null-field"] = "null-field"
    direction: Literal["out"] = "out"

    def change(self, slot: Slot, strike: Strike) -> None:
        """Set the field to null."""
        slot.put(None)
