"""Form of the exchange's messages, for faults that change them."""

from __future__ import annotations

from typing import Any, ClassVar

from feed.dialects.exchange.shape import cross_levels
from feed.protocol.shape import MessageShape, Slot

__all__ = ["CoinbaseShape"]


class CoinbaseShape(MessageShape):
    """Form of messages: changes of a book name their side and have no number."""

    event_keys: ClassVar[tuple[str, ...]] = ("type",)

    number_keys: ClassVar[tuple[str, ...]] = ("sequence",)

    side_keys: ClassVar[tuple[tuple[str, str], ...]] = (("bids", "asks"), ("best_bid", "best_ask"))

    def numbers(self, document: Any) -> list[Slot]:
        """Return the places of the sequence and of the trade's id, which are the same number."""
        if not isinstance(document, dict):
            return []
        keys = ("sequence", "trade_id", "last_trade_id")
        return [Slot(document, key) for key in keys if type(document.get(key)) is int]

    def cross(self, document: Any) -> bool:
        """Put a bid above the changes of a book."""
        changes = document.get("changes") if isinstance(document, dict) else None
        return isinstance(changes, list) and cross_levels(changes, 0, 1, 2, bid="buy")
