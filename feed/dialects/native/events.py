"""Names and keys of events in the native dialect: a frame has the keys of its event in the order given here."""

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
    StateTold,
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
    "state": StateTold,
    "closing": Closing,
}
"""Event classes by the name in their frames."""

NULLABLE: set[tuple[type[Event], str]] = {(PongEvent, "timestamp"), (Authenticated, "expires_at")}
"""Keys that are written as null without a value; all others are left out then."""

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
    CommandDone: (
        "action", "log", "epoch", "virtual_time", "state", "seq", "trades", "reached", "fault", "cleared", "settled",
        "unsettled", "id",
    ),
    StateTold: (
        "channel", "symbol", "interval", "depth", "seq", "epoch", "timestamp", "last", "bid", "ask", "trade", "book",
        "candles", "ticker", "status", "id",
    ),
    Closing: ("code", "reason", "in_ms", "reconnect"),
}  # fmt: skip

_NAMES = {kind: name for name, kind in EVENTS.items()}


def encode(event: Event) -> bytes:
    """Return an event as the payload of a text frame; empty for an event without a name in this dialect."""
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
    """Return the description of a symbol in the status frame."""
    return {
        "symbol": instrument.symbol,
        "tick_size": orjson.Fragment(f"{instrument.tick_size:f}"),
        "lot_size": orjson.Fragment(f"{instrument.lot_size:f}"),
        "price_decimals": instrument.price_decimals,
        "size_decimals": instrument.size_decimals,
    }
