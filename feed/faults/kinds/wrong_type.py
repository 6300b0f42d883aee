"""`wrong-type`: fields of another type."""

from __future__ import annotations

from decimal import Decimal
from typing import ClassVar, Literal

from feed.faults.editing import FieldFault
from feed.faults.fault import Strike
from feed.protocol.shape import Slot

__all__ = ["WrongType"]


class WrongType(FieldFault):
    """Fault that gives a field a value of another type."""

    summary: ClassVar[str] = "A field has a value of another type: a text where a number was, or an object."
    remedy: ClassVar[str] = "Checks what it reads and keeps the last good value; never shows NaN."
    watched: ClassVar[str] = "survived"

    kind: Literal["wrong-type"] = "wrong-type"
    direction: Literal["out"] = "out"

    def change(self, slot: Slot, strike: Strike) -> None:
        """Turn a number into a text, and everything else into an object."""
        number = isinstance(slot.value, int | Decimal) and not isinstance(slot.value, bool)
        slot.put("not a number" if number else {"unexpected": True})
