"""Bitstamp: live_trades, order_book (the first hundred levels), diff_order_book and detail_order_book (orders)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

import orjson

from feed.units import MICROSECOND
from feed.venues.checks import CONNECTION_LOST, lost_stream
from feed.venues.events import Event, Levels, Note, Side, Trade, VenueBookSnapshot, VenueBookUpdate
from feed.venues.splicing import SplicedBook
from feed.venues.values import decimal_text, exact, guarded, levels, number_time, pair, whole

__all__ = ["Bitstamp", "snapshot_symbol", "snapshot_url", "subscribe_messages"]

NAMES = {"trading": "live_trades", "quote": "order_book", "book": "diff_order_book"}

SIDES: dict[int, Side] = {0: "buy", 1: "sell"}


HOST = "https://www.bitstamp.net"

SNAPSHOT_PATH = "/api/v2/order_book/"


class Bitstamp:
    """Parser of a session. Trade ids grow over all pairs, so that a missing one cannot be detected.

    Attributes:
        awaiting: the symbols whose book of changes needs a snapshot, as the venue writes them.
    """

    def __init__(self) -> None:
        self.awaiting: dict[str, str] = {}
        self._books: dict[str, SplicedBook] = {}
        self._last: dict[str, int] = {}
        # Streams whose lost messages no number tells.
        self._unnumbered: dict[tuple[str, str], None] = {}

    def parse(self, message: str | bytes, received: int) -> list[Event]:
        """Return the events of one message."""
        return guarded(self._read, message, exact)

    def snapshot(self, symbol: str, body: str | bytes, received: int) -> list[Event]:
        """Return the events of the REST snapshot of a symbol's book."""
        return guarded(lambda data: self._whole_book(pair(symbol), data), body, exact)

    def disconnected(self) -> list[Event]:
        """Return the losses of a broken connection that no number of the next messages will tell."""
        ends = [event for name, book in self._books.items() for event in book.end(name, CONNECTION_LOST)]
        return [*(lost_stream(stream, symbol) for stream, symbol in self._unnumbered), *ends]

    def finish(self) -> list[Event]:
        """Return the doubts that remain at the end of a session."""
        text = "updates of the book came without a snapshot: it has only the levels that changed"
        return [
            Note("no-snapshot", symbol, text, "book") for symbol, book in self._books.items() if not book.had_snapshot
        ]

    def _read(self, message: Any) -> Iterator[Event]:
        event, channel = str(message["event"]), str(message.get("channel", ""))
        kind, _, name = channel.rpartition("_")
        if event.startswith("bts:"):
            text = str((message.get("data") or {}).get("message", "")) or event
            yield Note("reply", pair(name) if name else "", f"{text} {channel}".strip())
        elif event == "trade" and kind == "live_trades":
            yield from self._trade(pair(name), message["data"])
        elif event == "data" and kind in ("order_book", "diff_order_book", "detail_order_book"):
            yield from self._book(kind, pair(name), name, message["data"])
        else:
            yield Note("unknown", pair(name) if name else "", f"event {event!r} of channel {channel!r}")

    def _trade(self, symbol: str, data: dict[str, Any]) -> Iterator[Event]:
        number = whole(data["id"])
        last = self._last.get(symbol, -1)
        self._last[symbol] = max(last, number)
        if number <= last:
            text = f"trade id {number} comes after {last}: it was there, or is late"
            yield Note("duplicate", symbol, text, "trading", last, number)
        self._unnumbered["trading", symbol] = None
        price = decimal_text(data.get("price_str", data["price"]))
        size = decimal_text(data.get("amount_str", data["amount"]))
        yield Trade(symbol, _time(data), price, size, SIDES[whole(data["type"])], number)

    def _book(self, kind: str, symbol: str, name: str, data: dict[str, Any]) -> Iterator[Event]:
        time, bids, asks = _time(data), levels(data["bids"]), levels(data["asks"])
        self._unnumbered["book", symbol] = None
        if kind == "diff_order_book":
            book = self._books.setdefault(symbol, SplicedBook())
            number = _number(data)
            yield from book.update(VenueBookUpdate(symbol, time, bids, asks, "", number, number), number, None)
            if not book.joined:
                self.awaiting[symbol] = name
        else:
            yield VenueBookSnapshot(symbol, time, _joined(bids), _joined(asks), str(max(len(bids), len(asks))))

    def _whole_book(self, symbol: str, data: dict[str, Any]) -> Iterator[Event]:
        event = VenueBookSnapshot(symbol, _time(data), _joined(levels(data["bids"])), _joined(levels(data["asks"])))
        book = self._books.setdefault(symbol, SplicedBook())
        yield from book.snapshot(event, _number(data))
        if book.joined:
            self.awaiting.pop(symbol, None)


def _joined(orders: Levels) -> Levels:
    """Merge orders of the same price, which detail_order_book lists one by one, into levels."""
    if len({price for price, _ in orders}) == len(orders):
        return orders
    sizes: dict[str, Decimal] = {}
    for price, size in orders:
        sizes[price] = sizes.get(price, Decimal(0)) + Decimal(size)
    return tuple((price, f"{size:f}") for price, size in sizes.items())


def _number(data: dict[str, Any]) -> int:
    """Return the time of a book's state, us: the venue's only number of it."""
    return whole(data["microtimestamp"]) if "microtimestamp" in data else number_time(data["timestamp"]) // MICROSECOND


def _time(data: dict[str, Any]) -> int:
    if "microtimestamp" in data:
        return whole(data["microtimestamp"]) * MICROSECOND
    return number_time(data["timestamp"])


def snapshot_url(symbol: str, stream_url: str = "", rest: str | None = None) -> str:
    """Return the URL of the snapshot of a symbol's book, at the host `rest` in place of the venue's."""
    return f"{(rest or HOST).rstrip('/')}{SNAPSHOT_PATH}{symbol}/"


def snapshot_symbol(url: str) -> str | None:
    """Return the symbol whose book a URL gives; None if it gives none."""
    _, found, name = url.partition("?")[0].partition(SNAPSHOT_PATH)
    return name.strip("/") or None if found else None


def subscribe_messages(channels: Sequence[str], symbols: Sequence[str]) -> list[str]:
    """Return the subscribe messages for channels (trading, quote, book, or Bitstamp's own names) of symbols."""
    return [
        orjson.dumps({"event": "bts:subscribe", "data": {"channel": f"{NAMES.get(channel, channel)}_{name}"}}).decode()
        for channel in channels
        for name in (symbol.replace("/", "").lower() for symbol in symbols)
    ]
