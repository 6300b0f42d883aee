"""Names and keys of events in the native dialect: a frame has the keys of its event in this order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from feed.protocol.events import (
    Authenticated,
    Closing,
    CommandDone,
    ErrorEvent,
    Event,
    Heartbeat,
    MarketChanged,
    PingEvent,
    PongEvent,
    Status,
    Subscribed,
    Subscriptions,
    Unsubscribed,
)

if TYPE_CHECKING:
    from feed.data.ticks import Instrument

__all__ = ["EVENTS", "KEYS", "described", "encode"]

EVENTS: dict[str, type[Event]] = {
    "status": Status,
    "subscribed": Subscribed,
    "unsubscribed": Unsubscribed,
    "subscriptions": Subscriptions,
    "error": ErrorEvent,
    "pong": PongEvent,
    "ping": PingEvent,
    "heartbeat": Heartbeat,
    "authenticated": Authenticated,
    "market": MarketChanged,
    "done": CommandDone,
    "closing": Closing,
}
"""Each event under the name that its frame has."""

NULLABLE: set[tuple[type[Event], str]] = {(PongEvent, "timestamp"), (Authenticated, "expires_at")}
"""Keys that are there without a value too; all others are left out then."""

KEYS: dict[type[Event], tuple[str, ...]] = {
    Status: (
        "status", "version", "connection", "market", "scenario", "seed", "epoch", "digest", "state", "virtual_time",
        "speed", "channels", "symbols", "limits",
    ),
    Subscribed: ("channel", "symbol", "interval", "depth", "seq", "epoch", "recovered", "max_rate", "id"),
    Unsubscribed: ("channel", "symbol", "interval", "depth", "seq", "epoch", "id"),
    Subscriptions: ("subscriptions", "epoch", "id"),
    ErrorEvent: ("message", "code", "id", "field", "hint", "channel", "symbol"),
    PongEvent: ("timestamp", "server_time", "id"),
    PingEvent: ("timestamp",),
    Heartbeat: ("timestamp", "last"),
    Authenticated: ("scopes", "expires_at", "id"),
    MarketChanged: ("state", "virtual_time", "speed", "epoch", "real_speed", "behind_ms"),
    CommandDone: ("action", "log", "epoch", "virtual_time", "state", "seq", "trades", "id"),
    Closing: ("code", "reason", "in_ms", "reconnect"),
}  # fmt: skip

_NAMES = {kind: name for name, kind in EVENTS.items()}


def encode(event: Event) -> bytes:
    """One event as the payload of a text frame; empty for one that has no name here."""
    kind = type(event)
    if kind not in _NAMES:
        return b""
    document: dict[str, Any] = {"event": _NAMES[kind]}
    for key in KEYS[kind]:
        value = getattr(event, key)
        if value is not None or (kind, key) in NULLABLE:
            document[key] = value
    return orjson.dumps(document)


def described(instrument: Instrument) -> dict[str, Any]:
    """A symbol as the status frame describes it."""
    return {
        "symbol": instrument.symbol,
        "tick_size": orjson.Fragment(f"{instrument.tick_size:f}"),
        "lot_size": orjson.Fragment(f"{instrument.lot_size:f}"),
        "price_decimals": instrument.price_decimals,
        "size_decimals": instrument.size_decimals,
    }
