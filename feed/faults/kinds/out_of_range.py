"""`out-of-range`: prices and sizes that can not be."""

from __future__ import annotations

from decimal import Decimal
from typing import ClassVar, Literal

from pydantic import Field

from feed.faults.editing import FieldFault
from feed.faults.fault import Strike
from feed.protocol.shape import Slot

__all__ = ["OutOfRange"]

VALUES = {"negative": Decimal(-1), "zero": Decimal(0), "enormous": Decimal("1e308")}


class OutOfRange(FieldFault):
    """Fault that gives a price or size a value out of any range."""

    summary: ClassVar[str] = "A price or a size is negative, zero or enormous."
    remedy: ClassVar[str] = "Does not show it as a price: keeps the last good value, and its chart keeps its scale."
    watched: ClassVar[str] = "survived"

    kind: Literal["out-of-range"] = "out-of-range"
    direction: Literal["out"] = "out"
    value: Literal["negative", "zero", "enormous"] = Field("negative", description="-1, 0 or 1e308")

    def change(self, slot: Slot, strike: Strike) -> None:
        """Write the value, as a text where the field was one."""
        value = VALUES[self.value]
        slot.put(value if not isinstance(slot.value, str) else f"{Decimal(value):f}"[:32])
