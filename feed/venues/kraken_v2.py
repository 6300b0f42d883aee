"""Kraken, version 2: objects of channel, type and data, whose numbers are JSON numbers in full precision."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import orjson

from feed.data.keptbook import KeptBook, text_digits
from feed.venues.checks import ConsecutiveIds
from feed.venues.events import Event, Levels, Note, Quote, Trade, VenueBookSnapshot, VenueBookUpdate, VenueStatus
from feed.venues.values import decimal_text, guarded, iso_time, whole

__all__ = ["KrakenV2", "subscribe_messages"]

NAMES = {"trading": "trade", "quote": "ticker", "book": "book"}

SILENT = ("heartbeat", "instrument", "ohlc")
"""Channels without data on trades, quotes and books."""


class KrakenV2:
    """Parser of one connection, which keeps its books for their checksums.

    Args:
        depth: the number of levels of the subscribed books, which a snapshot does not give.
    """

    def __init__(self, depth: int = 0) -> None:
        self._depth = depth
        self._books: dict[str, KeptBook[str]] = {}
        self._unknown: set[str] = set()
        self._trades = ConsecutiveIds("trading")

    def parse(self, message: str, received: int) -> list[Event]:
        """Return the events of one message."""
        return guarded(self._read, message)

    def _read(self, message: Any) -> Iterator[Event]:
        if "method" in message:
            yield self._reply(message)
            return
        channel = message["channel"]
        for data in message.get("data", ()):
            if channel == "trade":
                yield from self._trade(data, message["type"])
            elif channel == "ticker":
                yield _ticker(data)
            elif channel == "book":
                yield from self._book(data, message["type"])
            elif channel == "status":
                yield VenueStatus("", None, str(data["system"]))
            elif channel not in SILENT:
                yield Note("unknown", str(data.get("symbol", "")), f"channel {channel!r}")

    def _reply(self, message: dict[str, Any]) -> Note:
        result = message.get("result") or {}
        if result.get("channel") == "book":
            self._depth = int(result.get("depth", self._depth))
        told = message.get("error") or f"{message['method']} {result.get('channel', '')}".strip()
        return Note("reply", str(result.get("symbol", "")), str(told))

    def _trade(self, data: dict[str, Any], kind: str) -> Iterator[Event]:
        symbol, number = str(data["symbol"]), whole(data["trade_id"])
        if kind == "snapshot":
            # The last fifty trades before the session: not part of it, and repeated at each new connection.
            return
        side = data["side"]
        if side not in ("buy", "sell"):
            raise ValueError(f"{side!r} is not a side")
        yield from self._trades.check(symbol, number)
        price, size = decimal_text(data["price"]), decimal_text(data["qty"])
        yield Trade(symbol, iso_time(data["timestamp"]), price, size, side, number)

    def _book(self, data: dict[str, Any], kind: str) -> Iterator[Event]:
        symbol = str(data["symbol"])
        bids, asks = _levels(data.get("bids", ())), _levels(data.get("asks", ()))
        time = iso_time(data["timestamp"]) if "timestamp" in data else None
        depth = str(self._depth or "")
        if kind == "snapshot":
            # Without a reply that gives the depth, the depth is the number of levels received.
            self._books[symbol] = KeptBook(self._depth or max(len(bids), len(asks)), text_digits)
        yield from self._check(symbol, bids, asks, data.get("checksum"))
        if kind == "snapshot":
            yield VenueBookSnapshot(symbol, time, bids, asks, depth)
        else:
            yield VenueBookUpdate(symbol, time, bids, asks, depth)

    def _check(self, symbol: str, bids: Levels, asks: Levels, told: Any) -> Iterator[Note]:
        book = self._books.get(symbol)
        if book is None:
            if symbol not in self._unknown:
                self._unknown.add(symbol)
                yield Note("no-snapshot", symbol, "updates of the book come without a snapshot before them", "book")
            return
        book.apply(bids, asks)
        if told is not None and book.checksum() != whole(told):
            yield Note("checksum", symbol, f"checksum {told} is not that of the book, {book.checksum()}", "book")


def _ticker(data: dict[str, Any]) -> Quote:
    time = iso_time(data["timestamp"]) if "timestamp" in data else None
    return Quote(str(data["symbol"]), time, *(decimal_text(data[key]) for key in ("bid", "bid_qty", "ask", "ask_qty")))


def _levels(rows: Any) -> Levels:
    return tuple((decimal_text(row["price"]), decimal_text(row["qty"])) for row in rows)


def subscribe_messages(channels: Sequence[str], symbols: Sequence[str]) -> list[str]:
    """Return subscribe messages for channels (trading, quote, book, or Kraken's own names) of pairs like BTC/USD."""
    requests = []
    for channel in channels:
        params: dict[str, Any] = {"channel": NAMES.get(channel, channel), "symbol": list(symbols)}
        if params["channel"] == "ticker":
            # On every change of the best bid and ask, and not only on trades.
            params["event_trigger"] = "bbo"
        requests.append(orjson.dumps({"method": "subscribe", "params": params}).decode())
    return requests
