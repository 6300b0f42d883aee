"""Kraken, version 2: objects of channel, type and data, whose numbers are JSON numbers in full precision."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import orjson

from feed.data.keptbook import KeptBook, text_digits
from feed.venues.checks import ConsecutiveIds, StreamedBooks, lost_stream
from feed.venues.events import Event, Levels, Note, Quote, Trade, VenueBookSnapshot, VenueBookUpdate, VenueStatus
from feed.venues.values import decimal_text, exact, guarded, iso_time, whole

__all__ = ["KrakenV2", "renew_messages", "subscribe_messages"]

NAMES = {"trading": "trade", "quote": "ticker", "book": "book"}

SILENT = ("heartbeat", "instrument", "ohlc")
"""Channels without data on trades, quotes and books."""


DEPTHS = (10, 25, 100, 500, 1000)
"""Depths of a book that may be subscribed, in levels of each side."""


class KrakenV2:
    """Parser of a session, which keeps its books for their checksums.

    Args:
        depth: the number of levels of the subscribed books, which a snapshot does not give.

    Attributes:
        awaiting: the symbols whose book needs a snapshot.
    """

    def __init__(self, depth: int = 0) -> None:
        self.awaiting: dict[str, str] = {}
        self._depth = depth
        # The depths that the venue confirmed, by symbol.
        self._depths: dict[str, int] = {}
        self._kept: dict[str, KeptBook[str]] = {}
        self._books = StreamedBooks()
        self._trades = ConsecutiveIds("trading")
        self._quoted: dict[str, None] = {}

    def parse(self, message: str | bytes, received: int) -> list[Event]:
        """Return the events of one message."""
        return guarded(self._read, message, exact)

    def disconnected(self) -> list[Event]:
        """Return the losses of a broken connection that the ids of the next messages will not tell."""
        return [*(lost_stream("quote", symbol) for symbol in self._quoted), *self._books.disconnected()]

    def finish(self) -> list[Event]:
        """Return the doubts that remain at the end of a session."""
        return self._books.finish()

    def _read(self, message: Any) -> Iterator[Event]:
        if "method" in message:
            yield self._reply(message)
            return
        channel = message["channel"]
        if channel == "trade":
            trades = [_trade(data) for data in message["data"]]
            # Repeated are the last fifty before this connection; after another connection some may have been missed.
            yield from self._trades.take(trades, repeated=message["type"] == "snapshot")
            return
        for data in message.get("data", ()):
            if channel == "ticker":
                self._quoted[str(data["symbol"])] = None
                yield _ticker(data)
            elif channel == "book":
                yield from self._book(data, message["type"])
            elif channel == "status":
                yield VenueStatus("", None, str(data["system"]))
            elif channel not in SILENT:
                yield Note("unknown", str(data.get("symbol", "")), f"channel {channel!r}")

    def _reply(self, message: dict[str, Any]) -> Note:
        result = message.get("result") or {}
        if result.get("channel") == "book" and "depth" in result:
            self._depths[str(result.get("symbol", ""))] = int(result["depth"])
        told = message.get("error") or f"{message['method']} {result.get('channel', '')}".strip()
        return Note("reply", str(result.get("symbol", "")), str(told))

    def _book(self, data: dict[str, Any], kind: str) -> Iterator[Event]:
        symbol = str(data["symbol"])
        bids, asks = _levels(data.get("bids", ())), _levels(data.get("asks", ()))
        time = iso_time(data["timestamp"]) if "timestamp" in data else None
        if kind == "snapshot":
            depth = self._depth_of(symbol, max(len(bids), len(asks)))
            self._kept[symbol] = KeptBook(depth, text_digits)
            self._books.begin(symbol)
            self.awaiting.pop(symbol, None)
            yield VenueBookSnapshot(symbol, time, bids, asks, str(depth))
            yield from self._check(symbol, bids, asks, data.get("checksum"))
            return
        known = self._depths.get(symbol, self._depth)
        event = VenueBookUpdate(symbol, time, bids, asks, str(known or ""), applies=self._books.applies(symbol))
        if not event.applies:
            self.awaiting[symbol] = symbol
            yield event
            return
        wrong = list(self._check(symbol, bids, asks, data.get("checksum")))
        yield from wrong
        # What shows that changes are missing is no change of the known book any more.
        yield replace(event, applies=not wrong)

    def _depth_of(self, symbol: str, levels: int) -> int:
        """Return the depth of a book: as confirmed, or the least that has the levels of its snapshot."""
        known = self._depths.get(symbol, self._depth)
        if not known:
            known = self._depths[symbol] = next((depth for depth in DEPTHS if depth >= levels), levels)
        return known

    def _check(self, symbol: str, bids: Levels, asks: Levels, told: Any) -> Iterator[Event]:
        book = self._kept[symbol]
        book.apply(bids, asks)
        if told is not None and book.checksum() != whole(told):
            text = f"checksum {told} is not that of the book, {book.checksum()}"
            yield Note("checksum", symbol, text, "book")
            for end in self._books.end(symbol, "", text):
                yield replace(end, depth=str(self._depths.get(symbol, self._depth) or ""))
            self.awaiting[symbol] = symbol


def _trade(data: dict[str, Any]) -> Trade:
    side = data["side"]
    if side not in ("buy", "sell"):
        raise ValueError(f"{side!r} is not a side")
    price, size = decimal_text(data["price"]), decimal_text(data["qty"])
    return Trade(str(data["symbol"]), iso_time(data["timestamp"]), price, size, side, whole(data["trade_id"]))


def _ticker(data: dict[str, Any]) -> Quote:
    time = iso_time(data["timestamp"]) if "timestamp" in data else None
    return Quote(str(data["symbol"]), time, *(decimal_text(data[key]) for key in ("bid", "bid_qty", "ask", "ask_qty")))


def _levels(rows: Any) -> Levels:
    return tuple((decimal_text(row["price"]), decimal_text(row["qty"])) for row in rows)


def renew_messages(symbol: str) -> list[str]:
    """Return the messages that end the subscription of a symbol's book and begin it anew, with a snapshot."""
    params = {"channel": "book", "symbol": [symbol]}
    return [orjson.dumps({"method": method, "params": params}).decode() for method in ("unsubscribe", "subscribe")]


def subscribe_messages(channels: Sequence[str], symbols: Sequence[str]) -> list[str]:
    """Return subscribe messages for channels (trading, quote, book, or Kraken's own names) of pairs like BTC/USD."""
    requests = []
    for channel in channels:
        params: dict[str, Any] = {"channel": NAMES.get(channel, channel), "symbol": list(symbols)}
        if params["channel"] == "ticker":
            # On every change of the best bid and ask, and not only on trades.
            params["event_trigger"] = "bbo"
        if params["channel"] == "trade":
            # The last trades: those that were missed while there was no connection are among them.
            params["snapshot"] = True
        requests.append(orjson.dumps({"method": "subscribe", "params": params}).decode())
    return requests
