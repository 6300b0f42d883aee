"""Coinbase Exchange: match, last_match, ticker, snapshot and l2update."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import orjson

from feed.venues.checks import ConsecutiveIds
from feed.venues.events import Event, Note, Quote, Side, Trade, VenueBookSnapshot, VenueBookUpdate, VenueStatus
from feed.venues.values import decimal_text, guarded, iso_time, levels, pair, whole

__all__ = ["Coinbase", "subscribe_messages"]

NAMES = {"trading": "matches", "quote": "ticker", "book": "level2_batch"}

SIDES = {"buy": 0, "sell": 1}

# The side of a match is the maker's.
TAKERS: dict[str, Side] = {"buy": "sell", "sell": "buy"}


class Coinbase:
    """Parser of one connection."""

    def __init__(self) -> None:
        self._trades = ConsecutiveIds("trading")
        self._known: set[str] = set()

    def parse(self, message: str, received: int) -> list[Event]:
        """Return the events of one message."""
        return guarded(self._read, message)

    def _read(self, message: Any) -> Iterator[Event]:
        kind = message["type"]
        if kind in ("match", "matches"):
            yield from self._trade(message)
        elif kind == "last_match":
            # The trade before the session: only its number is used, to check that the next one follows.
            list(self._trades.check(pair(message["product_id"]), whole(message["trade_id"])))
        elif kind == "ticker":
            yield _ticker(message)
        elif kind == "snapshot":
            symbol = pair(message["product_id"])
            self._known.add(symbol)
            yield VenueBookSnapshot(symbol, _time(message), levels(message["bids"]), levels(message["asks"]))
        elif kind == "l2update":
            yield from self._update(message)
        elif kind == "status":
            yield from (VenueStatus(pair(each["id"]), None, str(each["status"])) for each in message["products"])
        elif kind in ("subscriptions", "error"):
            yield Note("reply", "", str(message.get("reason") or message.get("message") or kind))
        elif kind != "heartbeat":
            yield Note("unknown", str(message.get("product_id", "")), f"type {kind!r}")

    def _trade(self, data: dict[str, Any]) -> Iterator[Event]:
        symbol, number = pair(data["product_id"]), whole(data["trade_id"])
        yield from self._trades.check(symbol, number)
        price, size = decimal_text(data["price"]), decimal_text(data["size"])
        yield Trade(symbol, iso_time(data["time"]), price, size, TAKERS[data["side"]], number)

    def _update(self, data: dict[str, Any]) -> Iterator[Event]:
        symbol = pair(data["product_id"])
        if symbol not in self._known:
            self._known.add(symbol)
            yield Note("no-snapshot", symbol, "updates of the book come without a snapshot before them", "book")
        sides: tuple[list[Any], list[Any]] = ([], [])
        for side, price, size in data["changes"]:
            sides[SIDES[side]].append((price, size))
        yield VenueBookUpdate(symbol, _time(data), levels(sides[0]), levels(sides[1]))


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
