"""`crossed-book`: bids above asks."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar, Literal

from feed.faults.editing import EditFault
from feed.faults.fault import Strike
from feed.protocol.shape import Slot, is_decimal, slots_in

__all__ = ["CrossedBook"]


class CrossedBook(EditFault):
    """Fault that puts a bid above every ask."""

    summary: ClassVar[str] = "The best bid is above the best ask; the checksum of a book stays that of the true one."
    remedy: ClassVar[str] = (
        "Sees that the book cannot be right, asks for a new snapshot, and does not show a negative spread."
    )
    watched: ClassVar[str] = "resynced"

    kind: Literal["crossed-book"] = "crossed-book"
    direction: Literal["out"] = "out"

    def edit(self, document: Any, strike: Strike) -> Any:
        """Return the document with both sides exchanged, or with one bid more above all levels of a book."""
        if strike.shape.cross(document):
            return document
        sides = strike.shape.sides(document)
        if sides is None:
            return None
        bid, ask = sides
        if not isinstance(bid.value, list):
            best = bid.value
            bid.put(ask.value)
            ask.put(best)
            return document
        level = _level_above(bid.value, ask.value)
        if level is None:
            return None
        bid.put([level, *bid.value])
        return document


def _level_above(bids: list[Any], asks: list[Any]) -> Any:
    """Return a level with the form of those that are there, a tenth above the highest price."""
    highest = max([*bids, *asks], key=_price_of, default=None)
    if highest is None:
        return None
    slot = _price_slot(highest)
    price = Decimal(str(slot.value))
    raised = (price * 11 / 10).quantize(price)
    level = dict(highest) if isinstance(highest, dict) else list(highest)
    Slot(level, slot.key).put(str(raised) if isinstance(slot.value, str) else raised)
    sizes = [each for each in slots_in(level) if each.key != slot.key and is_decimal(each.value)]
    for size in sizes[:1]:
        size.put("1.0" if isinstance(size.value, str) else Decimal("1.0"))
    return level


def _price_slot(level: Any) -> Slot:
    return next(slot for slot in slots_in(level) if slot.key in ("price", "price_level", 0))


def _price_of(level: Any) -> Decimal:
    return Decimal(str(_price_slot(level).value))
