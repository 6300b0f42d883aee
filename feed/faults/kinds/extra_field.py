"""`extra-field`: fields that nobody knows."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from feed.faults.editing import EditFault
from feed.faults.fault import Strike

__all__ = ["ExtraField"]


class ExtraField(EditFault):
    """Fault that adds a field that is in no documentation."""

    summary: ClassVar[str] = "A message has a field that is in no documentation."
    remedy: ClassVar[str] = "Ignores what it does not know."
    watched: ClassVar[str] = "survived"

    kind: Literal["extra-field"] = "extra-field"
    direction: Literal["out"] = "out"
    name: str = Field("surprise", min_length=1, max_length=64, description="name of the field")

    def edit(self, document: Any, strike: Strike) -> Any:
        """Return the document with one more field beside its data."""
        measures = strike.shape.measures(document)
        holders = [slot.holder for slot in measures if isinstance(slot.holder, dict)]
        holder = holders[0] if holders else document
        if isinstance(holder, dict):
            holder[self.name] = {"since": "v99", "values": [1, None, "x"]}
        elif isinstance(holder, list):
            holder.append({self.name: [1, None, "x"]})
        else:
            return None
        return document
