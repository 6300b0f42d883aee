"""Binance: trade, aggTrade, bookTicker, depthUpdate, partial books and the REST snapshot of a book.

Messages come bare or as `{"stream": …, "data": …}`. Times are ms, or us if the session asked for that.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import orjson

from feed.venues.checks import ConsecutiveIds
from feed.venues.events import Event, Note, Quote, Side, Trade, VenueBookSnapshot, VenueBookUpdate
from feed.venues.values import decimal_text, guarded, levels, number_time, pair, whole

__all__ = ["Binance", "subscribe_messages"]

STREAMS = {"trading": "trade", "quote": "bookTicker", "book": "depth@100ms"}


class Binance:
    """Parser of one connection.

    Args:
        symbol: the symbol of a REST snapshot, which does not name it; by default the only symbol seen before.
    """

    def __init__(self, symbol: str | None = None) -> None:
        self._symbol = symbol
        self._seen: set[str] = set()
        self._trades = ConsecutiveIds("trading")
        self._aggregates = ConsecutiveIds("trading", "aggregate id")
        self._books = ConsecutiveIds("book", "update id")
        self._pending: set[str] = set()
        self._snapshots: set[str] = set()

    def parse(self, message: str, received: int) -> list[Event]:
        """Return the events of one message."""
        return guarded(self._read, message)

    def _read(self, message: Any) -> Iterator[Event]:
        stream = str(message.get("stream", "")) if isinstance(message, dict) else ""
        data = message["data"] if stream else message
        if not isinstance(data, dict):
            raise ValueError("is not an object")
        kind = data.get("e")
        if kind is None and "lastUpdateId" in data:
            yield from self._snapshot(data, stream)
        elif kind is None and {"b", "B", "a", "A"} <= data.keys():
            yield self._quote(data)
        elif kind in _READERS:
            yield from _READERS[kind](self, data)
        elif "result" in data or "error" in data:
            yield Note("reply", "", orjson.dumps(data).decode()[:200])
        else:
            yield Note("unknown", str(data.get("s", "")), f"event {kind!r}")

    def _name(self, data: dict[str, Any]) -> str:
        symbol = pair(data["s"])
        self._seen.add(symbol)
        return symbol

    def _trade(self, data: dict[str, Any]) -> Iterator[Event]:
        symbol, number = self._name(data), whole(data["t"])
        yield from self._trades.check(symbol, number)
        yield _fill(symbol, data, number)

    def _aggregate(self, data: dict[str, Any]) -> Iterator[Event]:
        symbol, number = self._name(data), whole(data["a"])
        yield from self._aggregates.check(symbol, number)
        yield _fill(symbol, data, number)

    def _quote(self, data: dict[str, Any]) -> Event:
        time = data.get("T", data.get("E"))
        return Quote(
            self._name(data),
            None if time is None else number_time(time),
            *(decimal_text(data[key]) for key in ("b", "B", "a", "A")),
        )

    def _quoted(self, data: dict[str, Any]) -> Iterator[Event]:
        yield self._quote(data)

    def _update(self, data: dict[str, Any]) -> Iterator[Event]:
        symbol = self._name(data)
        first, last = whole(data["U"]), whole(data["u"])
        if symbol not in self._snapshots:
            self._snapshots.add(symbol)
            yield Note("no-snapshot", symbol, "updates of the book come without a snapshot before them", "book")
        # Futures name the update before; first and last ids need not be consecutive.
        follows = whole(data["pu"]) + 1 if "pu" in data else first
        if symbol in self._pending:
            self._pending.discard(symbol)
            yield from self._after_snapshot(symbol, first, last)
        else:
            yield from self._books.check(symbol, follows, last)
        yield VenueBookUpdate(symbol, number_time(data["E"]), levels(data["b"]), levels(data["a"]))

    def _after_snapshot(self, symbol: str, first: int, last: int) -> Iterator[Note]:
        # The first update that is not older than the snapshot overlaps it or follows it directly.
        notes = list(self._books.check(symbol, first, last))
        if any(note.kind == "gap" for note in notes):
            yield from notes
        elif notes:
            self._pending.add(symbol)

    def _snapshot(self, data: dict[str, Any], stream: str) -> Iterator[Event]:
        bids, asks = levels(data["bids"]), levels(data["asks"])
        name, _, kind = stream.partition("@")
        symbol = pair(name) if name else self._symbol or (next(iter(self._seen)) if len(self._seen) == 1 else None)
        if symbol is None:
            yield Note("unknown", "", "a snapshot of a book does not tell its symbol")
            return
        time = number_time(data["E"]) if "E" in data else None
        self._snapshots.add(symbol)
        if kind.startswith("depth"):
            yield VenueBookSnapshot(symbol, time, bids, asks, kind.partition("@")[0].removeprefix("depth"))
            return
        self._books.forget(symbol)
        list(self._books.check(symbol, whole(data["lastUpdateId"])))
        self._pending.add(symbol)
        yield VenueBookSnapshot(symbol, time, bids, asks)


_READERS = {
    "trade": Binance._trade,
    "aggTrade": Binance._aggregate,
    "bookTicker": Binance._quoted,
    "depthUpdate": Binance._update,
}


def _fill(symbol: str, data: dict[str, Any], number: int) -> Trade:
    # `m` is true if the buyer's order was in the book: the seller was the taker.
    side: Side = "sell" if data["m"] else "buy"
    return Trade(symbol, number_time(data["T"]), decimal_text(data["p"]), decimal_text(data["q"]), side, number)


def subscribe_messages(channels: Sequence[str], symbols: Sequence[str]) -> list[str]:
    """Return the subscribe messages for channels (trading, quote, book, or a stream's own name) of symbols."""
    names = [
        f"{symbol.replace('/', '').lower()}@{STREAMS.get(channel, channel)}"
        for symbol in symbols
        for channel in channels
    ]
    return [orjson.dumps({"method": "SUBSCRIBE", "params": names, "id": 1}).decode()]
