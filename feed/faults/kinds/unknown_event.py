"""`unknown-event`: messages of a kind that nobody knows."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from feed.faults.editing import EditFault
from feed.faults.fault import Strike

__all__ = ["UnknownEvent"]


class UnknownEvent(EditFault):
    """Fault that gives a message a kind that is in no documentation."""

    summary: ClassVar[str] = "A message names an event that is in no documentation."
    remedy: ClassVar[str] = "Ignores what it does not know, and sees the gap that is left."
    watched: ClassVar[str] = "survived"

    kind: Literal["unknown-event"] = "unknown-event"
    direction: Literal["out"] = "out"
    name: str = Field("surprise", min_length=1, max_length=64, description="the event")

    def edit(self, document: Any, strike: Strike) -> Any:
        """Return the document with another event, or as an event if it has none."""
        event = strike.shape.event(document)
        if event is None:
            return {"event": self.name, "data": document}
        event.put(self.name)
        return document
