"""Bitstamp: live_trades, order_book (the first hundred levels), diff_order_book and detail_order_book (orders)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

import orjson

from feed.units import MICROSECOND
from feed.venues.events import Event, Note, Side, Trade, VenueBookSnapshot, VenueBookUpdate
from feed.venues.values import decimal_text, guarded, levels, number_time, pair, whole

__all__ = ["Bitstamp", "subscribe_messages"]

NAMES = {"trading": "live_trades", "quote": "order_book", "book": "diff_order_book"}

SIDES: dict[int, Side] = {0: "buy", 1: "sell"}


class Bitstamp:
    """Parser of one connection. Trade ids grow over all pairs, so that a missing one cannot be detected."""

    def __init__(self) -> None:
        self._known: set[str] = set()
        self._last: dict[str, int] = {}

    def parse(self, message: str, received: int) -> list[Event]:
        """Return the events of one message."""
        return guarded(self._read, message)

    def _read(self, message: Any) -> Iterator[Event]:
        event, channel = str(message["event"]), str(message.get("channel", ""))
        kind, _, name = channel.rpartition("_")
        if event.startswith("bts:"):
            text = str((message.get("data") or {}).get("message", "")) or event
            yield Note("reply", pair(name) if name else "", f"{text} {channel}".strip())
        elif event == "trade" and kind == "live_trades":
            yield from self._trade(pair(name), message["data"])
        elif event == "data" and kind in ("order_book", "diff_order_book", "detail_order_book"):
            yield from self._book(kind, pair(name), message["data"])
        else:
            yield Note("unknown", pair(name) if name else "", f"event {event!r} of channel {channel!r}")

    def _trade(self, symbol: str, data: dict[str, Any]) -> Iterator[Event]:
        number = whole(data["id"])
        last = self._last.get(symbol, -1)
        self._last[symbol] = max(last, number)
        if number <= last:
            text = f"trade id {number} comes after {last}: it was there, or is late"
            yield Note("duplicate", symbol, text, "trading", last, number)
        price = decimal_text(data.get("price_str", data["price"]))
        size = decimal_text(data.get("amount_str", data["amount"]))
        yield Trade(symbol, _time(data), price, size, SIDES[whole(data["type"])], number)

    def _book(self, kind: str, symbol: str, data: dict[str, Any]) -> Iterator[Event]:
        bids, asks = levels(data["bids"]), levels(data["asks"])
        if kind == "diff_order_book":
            if symbol not in self._known:
                self._known.add(symbol)
                yield Note("no-snapshot", symbol, "updates of the book come without a snapshot before them", "book")
            yield VenueBookUpdate(symbol, _time(data), bids, asks)
        else:
            self._known.add(symbol)
            yield VenueBookSnapshot(symbol, _time(data), _joined(bids), _joined(asks), str(max(len(bids), len(asks))))


def _joined(orders: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """Merge orders of the same price, which detail_order_book lists one by one, into levels."""
    if len({price for price, _ in orders}) == len(orders):
        return orders
    sizes: dict[str, Decimal] = {}
    for price, size in orders:
        sizes[price] = sizes.get(price, Decimal(0)) + Decimal(size)
    return tuple((price, f"{size:f}") for price, size in sizes.items())


def _time(data: dict[str, Any]) -> int:
    if "microtimestamp" in data:
        return whole(data["microtimestamp"]) * MICROSECOND
    return number_time(data["timestamp"])


def subscribe_messages(channels: Sequence[str], symbols: Sequence[str]) -> list[str]:
    """Return the subscribe messages for channels (trading, quote, book, or Bitstamp's own names) of symbols."""
    return [
        orjson.dumps({"event": "bts:subscribe", "data": {"channel": f"{NAMES.get(channel, channel)}_{name}"}}).decode()
        for channel in channels
        for name in (symbol.replace("/", "").lower() for symbol in symbols)
    ]
