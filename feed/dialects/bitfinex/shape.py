"""Form of the exchange's messages, for faults that change them: arrays whose parts have places and no names."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from feed.protocol.shape import MessageShape, Slot

__all__ = ["BitfinexShape"]

FIRST_TIME = 10**11
"""The least number behind the data that is a time; a smaller one is the connection's sequence number."""

FIRST_ORDER = 10**9
"""The least number in front of a level that is an order's id and no price."""

LEVEL, TICKER = 3, 10
"""Lengths of a level of a book and of a ticker."""


class BitfinexShape(MessageShape):
    """Form of arrays, and of the objects between them."""

    def event(self, document: Any) -> Slot | None:
        """Return the place of `te`, `tu`, `hb` or `cs`; an array of plain data has no name."""
        if isinstance(document, list):
            return Slot(document, 1) if len(document) > 1 and isinstance(document[1], str) else None
        return super().event(document)

    def number(self, document: Any) -> Slot | None:
        """Return the place of the connection's sequence number where it has one, else that of a trade's id."""
        if not isinstance(document, list) or len(document) < 2:
            return None
        named = isinstance(document[1], str)
        behind = 3 if named and document[1] != "hb" else 2
        if len(document) > behind and type(document[behind]) is int and document[behind] < FIRST_TIME:
            return Slot(document, behind)
        if named and document[1] in ("te", "tu") and isinstance(document[2], list):
            return Slot(document[2], 0)
        return None

    def checksum(self, document: Any) -> Slot | None:
        """Return the place of the checksum of a book."""
        is_one = isinstance(document, list) and len(document) > 2 and document[1] == "cs"
        return Slot(document, 2) if is_one else None

    def sides(self, document: Any) -> tuple[Slot, Slot] | None:
        """Return the places of the best prices of a ticker."""
        data = document[1] if isinstance(document, list) and len(document) > 1 else None
        return (Slot(data, 0), Slot(data, 2)) if isinstance(data, list) and len(data) == TICKER else None

    def cross(self, document: Any) -> bool:
        """Put a bid above a book; a message of one level becomes that bid."""
        data = document[1] if isinstance(document, list) and len(document) > 1 else None
        if not isinstance(data, list) or not data:
            return False
        levels = data if isinstance(data[0], list) else [data]
        if any(len(level) != LEVEL for level in levels):
            return False
        place = 1 if levels[0][0] > FIRST_ORDER else 0
        highest = max(Decimal(str(level[place])) for level in levels)
        bid = levels[0].copy()
        bid[place], bid[2] = (highest * 11 / 10).quantize(Decimal("0.01")), 1
        if place == 0:
            bid[1] = 1
        if levels is data:
            data.insert(0, bid)
        else:
            document[1] = bid
        return True
