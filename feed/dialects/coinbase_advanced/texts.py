"""Envelope of messages, and the descriptions of products."""

from __future__ import annotations

from typing import Any

import orjson

from feed.data.ticks import Instrument
from feed.dialects.coinbase.names import product_id
from feed.dialects.exchange.texts import fixed
from feed.dialects.times import micros

__all__ = ["UNNUMBERED", "envelope", "status_event", "status_row"]

UNNUMBERED = b'"sequence_num":0,'
"""Place of the number that each connection counts by itself."""


def envelope(channel: str, time: int, event: str) -> bytes:
    """Return a message with one event; its number is put in when it is sent."""
    return (
        f'{{"channel":"{channel}","client_id":"","timestamp":"{micros(time)}000Z","sequence_num":0,"events":[{event}]}}'
    ).encode()


def status_event(rows: list[dict[str, Any]]) -> str:
    """Return the event about the status of products."""
    return orjson.dumps({"type": "snapshot", "products": rows}).decode()


def status_row(each: Instrument, status: str) -> dict[str, Any]:
    """Return the status of a product."""
    base, _, quote = each.symbol.partition("/")
    shown = {"halted": "cancel_only", "maintenance": "cancel_only"}.get(status, "online")
    return {
        "product_type": "SPOT",
        "id": product_id(each.symbol),
        "base_currency": base,
        "quote_currency": quote,
        "base_increment": fixed(each.lot_units, each.size_decimals),
        "quote_increment": fixed(each.tick_units, each.price_decimals),
        "display_name": each.symbol,
        "status": shown,
        "status_message": "",
        "min_market_funds": "1",
    }
