"""Form of the exchange's messages, for faults that change them."""

from __future__ import annotations

from typing import Any, ClassVar

from feed.dialects.exchange.shape import cross_levels
from feed.protocol.shape import MessageShape

__all__ = ["AdvancedShape"]


class AdvancedShape(MessageShape):
    """Form of messages: an envelope with the connection's number, and levels that name their side."""

    event_keys: ClassVar[tuple[str, ...]] = ("channel", "type")

    number_keys: ClassVar[tuple[str, ...]] = ("sequence_num",)

    side_keys: ClassVar[tuple[tuple[str, str], ...]] = (("best_bid", "best_ask"),)

    def cross(self, document: Any) -> bool:
        """Put a bid above the levels of a book."""
        events = document.get("events") if isinstance(document, dict) else None
        if not isinstance(events, list) or not events or not isinstance(events[0], dict):
            return False
        levels = events[0].get("updates")
        return isinstance(levels, list) and cross_levels(levels, "side", "price_level", "new_quantity", bid="bid")
