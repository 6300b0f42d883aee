"""Coinbase Exchange: match, last_match, ticker, snapshot and l2update."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import orjson

from feed.venues.checks import ConsecutiveIds, StreamedBooks, lost_stream
from feed.venues.events import Event, Note, Quote, Side, Trade, VenueBookSnapshot, VenueBookUpdate, VenueStatus
from feed.venues.values import decimal_text, guarded, iso_time, levels, pair, whole

__all__ = ["Coinbase", "subscribe_messages"]

NAMES = {"trading": "matches", "quote": "ticker", "book": "level2_batch"}

SIDES = {"buy": 0, "sell": 1}

# The side of a match is the maker's.
TAKERS: dict[str, Side] = {"buy": "sell", "sell": "buy"}


class Coinbase:
    """Parser of a session."""

    def __init__(self) -> None:
        self.awaiting: dict[str, str] = {}
        self._trades = ConsecutiveIds("trading")
        self._books = StreamedBooks()
        self._quoted: dict[str, None] = {}

    def parse(self, message: str | bytes, received: int) -> list[Event]:
        """Return the events of one message."""
        return guarded(self._read, message)

    def disconnected(self) -> list[Event]:
        """Return the losses of a broken connection that the ids of the next messages will not tell."""
        return [*(lost_stream("quote", symbol) for symbol in self._quoted), *self._books.disconnected()]

    def finish(self) -> list[Event]:
        """Return the doubts that remain at the end of a session."""
        return self._books.finish()

    def _read(self, message: Any) -> Iterator[Event]:
        kind = message["type"]
        if kind in ("match", "matches"):
            yield from self._trade(message)
        elif kind == "last_match":
            # The last trade before this connection; after another connection it may have been missed.
            yield from self._trades.again([_match(message)])
        elif kind == "ticker":
            quote = _ticker(message)
            self._quoted[quote.symbol] = None
            yield quote
        elif kind == "snapshot":
            symbol = pair(message["product_id"])
            event = VenueBookSnapshot(symbol, _time(message), levels(message["bids"]), levels(message["asks"]))
            self._books.begin(symbol)
            yield event
        elif kind == "l2update":
            yield from self._update(message)
        elif kind == "status":
            yield from (VenueStatus(pair(each["id"]), None, str(each["status"])) for each in message["products"])
        elif kind in ("subscriptions", "error"):
            yield Note("reply", "", str(message.get("reason") or message.get("message") or kind))
        elif kind != "heartbeat":
            yield Note("unknown", str(message.get("product_id", "")), f"type {kind!r}")

    def _trade(self, data: dict[str, Any]) -> Iterator[Event]:
        trade = _match(data)
        yield from self._trades.check(trade.symbol, trade.trade_id or 0)
        yield trade

    def _update(self, data: dict[str, Any]) -> Iterator[Event]:
        symbol = pair(data["product_id"])
        sides: tuple[list[Any], list[Any]] = ([], [])
        for side, price, size in data["changes"]:
            sides[SIDES[side]].append((price, size))
        bids, asks = levels(sides[0]), levels(sides[1])
        yield VenueBookUpdate(symbol, _time(data), bids, asks, applies=self._books.applies(symbol))


def _match(data: dict[str, Any]) -> Trade:
    symbol, number = pair(data["product_id"]), whole(data["trade_id"])
    price, size = decimal_text(data["price"]), decimal_text(data["size"])
    return Trade(symbol, iso_time(data["time"]), price, size, TAKERS[data["side"]], number)


def _ticker(data: dict[str, Any]) -> Quote:
    # Tickers of old sessions have no sizes.
    sizes = [decimal_text(data.get(f"best_{side}_size", "0")) for side in ("bid", "ask")]
    bid, ask = decimal_text(data["best_bid"]), decimal_text(data["best_ask"])
    return Quote(pair(data["product_id"]), _time(data), bid, sizes[0], ask, sizes[1])


def _time(data: dict[str, Any]) -> int | None:
    return iso_time(data["time"]) if "time" in data else None


def subscribe_messages(channels: Sequence[str], symbols: Sequence[str]) -> list[str]:
    """Return the subscribe messages for channels (trading, quote, book, or Coinbase's own names) of symbols."""
    products = [symbol.replace("/", "-").upper() for symbol in symbols]
    names = [NAMES.get(channel, channel) for channel in channels]
    return [orjson.dumps({"type": "subscribe", "product_ids": products, "channels": names}).decode()]
