"""Sessions of venues that are known by their messages, and not read: an error names the venue."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson

from feed.importing.lines import Line

__all__ = ["SESSIONS", "unread_session"]

Keys = Callable[[Mapping[str, Any]], bool]

HOSTS = {
    "bitget": "bitget.com",
    "bitmex": "bitmex.com",
    "bybit": "bybit.com",
    "crypto.com": "crypto.com",
    "deribit": "deribit.com",
    "dydx": "dydx.exchange",
    "gate.io": "gateio.ws",
    "gemini": "gemini.com",
    "huobi": "huobi.pro",
    "hyperliquid": "hyperliquid.xyz",
    "kucoin": "kucoin.com",
    "mexc": "mexc.com",
    "okx": "okx.com",
    "upbit": "upbit.com",
}
"""Venues by the hosts of their sockets."""


def _text(message: Mapping[str, Any], key: str) -> str:
    value = message.get(key)
    return value if isinstance(value, str) else ""


SESSIONS: dict[str, Keys] = {
    "bybit": lambda it: _text(it, "topic").startswith(
        ("orderbook.", "publicTrade.", "tickers.", "trade.", "orderBookL2")
    ),
    "okx": lambda it: isinstance(it.get("arg"), dict) and "channel" in it["arg"],
    "deribit": lambda it: it.get("jsonrpc") == "2.0" and _text(it, "method") == "subscription",
    "bitmex": lambda it: "table" in it and "action" in it and "data" in it,
    "huobi": lambda it: _text(it, "ch").startswith("market."),
    "hyperliquid": lambda it: _text(it, "channel") in ("l2Book", "trades", "bbo", "allMids") and "data" in it,
    "kucoin": lambda it: _text(it, "topic").startswith(("/market/", "/spotMarket/", "/contractMarket/")),
    "gate.io": lambda it: _text(it, "channel").startswith(("spot.", "futures.")) and "result" in it,
    "gemini": lambda it: "socket_sequence" in it or _text(it, "type") == "l2_updates",
    "crypto.com": lambda it: _text(it, "method") in ("subscribe", "public/heartbeat") and "code" in it,
    "dydx": lambda it: _text(it, "type") in ("channel_data", "channel_batch_data") and "contents" in it,
    "upbit": lambda it: _text(it, "type") in ("trade", "orderbook", "ticker") and "stream_type" in it,
}
"""Venues by what their messages have."""


def unread_session(lines: Sequence[Line]) -> str | None:
    """Return the venue whose session these lines are, of those that are known and not read; None of any other."""
    url = next((line.url for line in lines if line.url), "")
    if (venue := next((name for name, host in HOSTS.items() if host in url), None)) is not None:
        return venue
    for line in lines:
        try:
            message = orjson.loads(line.message) if line.message else None
        except orjson.JSONDecodeError:
            continue
        if isinstance(message, dict) and (found := _venue_of(message)) is not None:
            return found
    return None


def _venue_of(message: Mapping[str, Any]) -> str | None:
    return next((name for name, fits in SESSIONS.items() if fits(message)), None)
