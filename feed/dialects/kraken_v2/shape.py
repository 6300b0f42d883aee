"""Form of the exchange's messages, for faults that change them."""

from __future__ import annotations

from typing import ClassVar

from feed.protocol.shape import MessageShape

__all__ = ["KrakenShape"]


class KrakenShape(MessageShape):
    """Form of messages: books have no number, their checksum is all."""

    event_keys: ClassVar[tuple[str, ...]] = ("channel", "method")

    number_keys: ClassVar[tuple[str, ...]] = ("trade_id",)

    side_keys: ClassVar[tuple[tuple[str, str], ...]] = (("bids", "asks"), ("bid", "ask"))
