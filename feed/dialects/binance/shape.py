"""Form of the exchange's messages, for faults that change them."""

from __future__ import annotations

from typing import Any, ClassVar

from feed.protocol.shape import MessageShape, Slot

__all__ = ["BinanceShape"]

COUNTED = {
    "depthUpdate": ("u", "U"), "trade": ("t",), "aggTrade": ("a", "f", "l"), "kline": ("L", "f"),
    "24hrTicker": ("L", "F"), "1hTicker": ("L", "F"), "4hTicker": ("L", "F"), "1dTicker": ("L", "F"),
}  # fmt: skip
"""Keys of the ids in each event: the first one counts messages or trades. Messages without an event have one id."""


class BinanceShape(MessageShape):
    """Form of raw and of combined messages."""

    event_keys: ClassVar[tuple[str, ...]] = ("e", "method")

    def event(self, document: Any) -> Slot | None:
        """Return the place of the name of the event, which combined messages have inside."""
        return super().event(_inner(document))

    def number(self, document: Any) -> Slot | None:
        """Return the place of the id."""
        return next(iter(self.numbers(document)), None)

    def numbers(self, document: Any) -> list[Slot]:
        """Return the places of all ids of a message."""
        inner = _inner(document)
        if not isinstance(inner, dict):
            return []
        keys = COUNTED.get(inner.get("e", ""), ("lastUpdateId", "u"))
        holders = [inner, inner.get("k")]
        return [
            Slot(holder, key)
            for key in keys
            for holder in holders
            if isinstance(holder, dict) and type(holder.get(key)) is int
        ]


def _inner(document: Any) -> Any:
    return document["data"] if isinstance(document, dict) and "stream" in document and "data" in document else document
