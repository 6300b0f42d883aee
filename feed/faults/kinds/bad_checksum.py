"""`bad-checksum`: checksums of books that are wrong."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from feed.faults.editing import EditFault
from feed.faults.fault import Strike

__all__ = ["BadChecksum"]


class BadChecksum(EditFault):
    """Fault that changes the checksum of a book."""

    summary: ClassVar[str] = "The checksum of a book is wrong, its levels are right."
    remedy: ClassVar[str] = "Takes its book for wrong, asks for a new snapshot, and compares again."
    watched: ClassVar[str] = "resynced"

    kind: Literal["bad-checksum"] = "bad-checksum"
    direction: Literal["out"] = "out"

    def edit(self, document: Any, strike: Strike) -> Any:
        """Return the document with a checksum that differs in its last bit."""
        checksum = strike.shape.checksum(document)
        if checksum is None:
            return None
        checksum.put(checksum.value ^ 1)
        return document
