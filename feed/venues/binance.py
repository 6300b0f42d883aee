"""Binance: trade, aggTrade, bookTicker, depthUpdate, partial books and the REST snapshot of a book.

Messages come bare or as `{"stream": …, "data": …}`. Times are ms, or us if the session asked for that. Updates and
snapshots of a book are joined by their update ids, as the venue's documents say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson

from feed.venues.checks import ConsecutiveIds, lost_stream
from feed.venues.events import Event, Note, Quote, Side, Trade, VenueBookSnapshot, VenueBookUpdate
from feed.venues.splicing import SplicedBook
from feed.venues.values import decimal_text, guarded, levels, number_time, pair, whole

__all__ = ["Binance", "snapshot_symbol", "snapshot_url", "subscribe_messages"]

STREAMS = {"trading": "trade", "quote": "bookTicker", "book": "depth@100ms"}

NEAR_IDS = 1_000_000
"""Distance of update ids up to which a snapshot without a symbol may belong to a symbol's book."""

SNAPSHOT_LEVELS = 5000

SNAPSHOT_PATHS = {
    "fstream": ("https://fapi.binance.com", "/fapi/v1/depth", 1000),
    "dstream": ("https://dapi.binance.com", "/dapi/v1/depth", 1000),
    "binance.us": ("https://api.binance.us", "/api/v3/depth", SNAPSHOT_LEVELS),
    "": ("https://api.binance.com", "/api/v3/depth", SNAPSHOT_LEVELS),
}
"""Place of the snapshots: host, path and levels, by a part of the URL of the streams that tells the market."""


class Binance:
    """Parser of a session.

    Args:
        symbol: the symbol of a REST snapshot, which does not name it; by default the one whose update ids are near.

    Attributes:
        awaiting: the symbols whose book needs a snapshot, as the venue writes them.
    """

    def __init__(self, symbol: str | None = None) -> None:
        self.awaiting: dict[str, str] = {}
        self._symbol = symbol
        # Symbols as the venue writes them; pairs with a slash.
        self._pairs: dict[str, str] = {}
        self._trades = ConsecutiveIds("trading")
        self._aggregates = ConsecutiveIds("trading", "aggregate id")
        self._books: dict[str, SplicedBook] = {}
        self._ids: dict[str, int] = {}
        # Streams of states, whose lost messages no number tells.
        self._states: dict[tuple[str, str], None] = {}
        self._nameless: dict[str, Any] | None = None

    def parse(self, message: str | bytes, received: int) -> list[Event]:
        """Return the events of one message."""
        return guarded(self._read, message)

    def snapshot(self, symbol: str, body: str | bytes, received: int) -> list[Event]:
        """Return the events of the REST snapshot of a symbol's book."""
        return guarded(lambda data: self._whole_book(pair(symbol), data), body)

    def disconnected(self) -> list[Event]:
        """Return the losses of a broken connection that the ids of the next messages will not tell."""
        return [lost_stream(stream, symbol) for stream, symbol in self._states]

    def finish(self) -> list[Event]:
        """Return the doubts that remain at the end of a session."""
        text = "updates of the book came without a snapshot: it has only the levels that changed"
        return [
            Note("no-snapshot", symbol, text, "book") for symbol, book in self._books.items() if not book.had_snapshot
        ]

    def _read(self, message: Any) -> Iterable[Event]:
        stream = str(message.get("stream", "")) if isinstance(message, dict) else ""
        data = message["data"] if stream else message
        if not isinstance(data, dict):
            raise ValueError("is not an object")
        kind = data.get("e")
        if kind in _READERS:
            return _READERS[kind](self, data)
        if kind is None and "lastUpdateId" in data:
            return self._any_book(data, stream)
        if kind is None and {"b", "B", "a", "A"} <= data.keys():
            return self._quote(data)
        if "result" in data or "error" in data:
            return (Note("reply", "", orjson.dumps(data).decode()[:200]),)
        return (Note("unknown", str(data.get("s", "")), f"event {kind!r}"),)

    def _name(self, data: dict[str, Any]) -> str:
        name = data["s"]
        known = self._pairs.get(name)
        if known is None:
            known = self._pairs[name] = pair(name)
        return known

    def _trade(self, data: dict[str, Any]) -> Iterable[Event]:
        symbol, number = self._name(data), whole(data["t"])
        fill = _fill(symbol, data, number)
        return (*self._trades.check(symbol, number), fill)

    def _aggregate(self, data: dict[str, Any]) -> Iterable[Event]:
        symbol, number = self._name(data), whole(data["a"])
        fill = _fill(symbol, data, number)
        return (*self._aggregates.check(symbol, number), fill)

    def _quote(self, data: dict[str, Any]) -> Iterable[Event]:
        time, symbol = data.get("T", data.get("E")), self._name(data)
        self._states["quote", symbol] = None
        quote = Quote(
            symbol,
            None if time is None else number_time(time),
            decimal_text(data["b"]),
            decimal_text(data["B"]),
            decimal_text(data["a"]),
            decimal_text(data["A"]),
            update_id=whole(data["u"]) if "u" in data else None,
        )
        return (quote,)

    def _update(self, data: dict[str, Any]) -> Iterator[Event]:
        symbol, first, last = self._name(data), whole(data["U"]), whole(data["u"])
        event = VenueBookUpdate(
            symbol, number_time(data["E"]), levels(data["b"]), levels(data["a"]), "", first, last
        )  # fmt: skip
        book = self._books.setdefault(symbol, SplicedBook())
        # Futures name the update before; first and last ids need not be consecutive.
        yield from book.update(event, last, whole(data["pu"]) if "pu" in data else first - 1)
        self._ids[symbol] = last
        if self._nameless is not None and self._is_of(symbol, self._nameless):
            held, self._nameless = self._nameless, None
            yield from self._whole_book(symbol, held)
        if not book.joined:
            self.awaiting[symbol] = data["s"]

    def _any_book(self, data: dict[str, Any], stream: str) -> Iterator[Event]:
        name, _, kind = stream.partition("@")
        if kind.startswith("depth"):
            symbol, depth = pair(name), kind.partition("@")[0].removeprefix("depth")
            self._states["book", symbol] = None
            bids, asks = levels(data["bids"]), levels(data["asks"])
            yield VenueBookSnapshot(symbol, _time(data), bids, asks, depth, whole(data["lastUpdateId"]))
            return
        known = pair(name) if name else self._symbol_of(data)
        if known is not None:
            yield from self._whole_book(known, data)
            return
        self._nameless = data
        yield Note("unknown", "", "a snapshot of a book does not tell its symbol: it waits for updates with such ids")

    def _symbol_of(self, data: dict[str, Any]) -> str | None:
        """Return the symbol of a snapshot: the one that it names, the only one, or the one with such update ids."""
        if "symbol" in data:
            return pair(data["symbol"])
        if self._symbol is not None:
            return self._symbol
        if len(self._pairs) == 1:
            return next(iter(self._pairs.values()))
        near = [symbol for symbol in self._books if self._is_of(symbol, data)]
        return near[0] if len(near) == 1 else None

    def _is_of(self, symbol: str, data: dict[str, Any]) -> bool:
        return abs(self._ids[symbol] - whole(data["lastUpdateId"])) <= NEAR_IDS

    def _whole_book(self, symbol: str, data: dict[str, Any]) -> Iterator[Event]:
        number, bids, asks = whole(data["lastUpdateId"]), levels(data["bids"]), levels(data["asks"])
        book = self._books.setdefault(symbol, SplicedBook())
        yield from book.snapshot(VenueBookSnapshot(symbol, _time(data), bids, asks), number)
        if book.joined:
            self.awaiting.pop(symbol, None)


_READERS: dict[str, Callable[[Binance, dict[str, Any]], Iterable[Event]]] = {
    "trade": Binance._trade,
    "aggTrade": Binance._aggregate,
    "bookTicker": Binance._quote,
    "depthUpdate": Binance._update,
}


def _fill(symbol: str, data: dict[str, Any], number: int) -> Trade:
    # `m` is true if the buyer's order was in the book: the seller was the taker.
    side: Side = "sell" if data["m"] else "buy"
    return Trade(symbol, number_time(data["T"]), decimal_text(data["p"]), decimal_text(data["q"]), side, number)


def _time(data: dict[str, Any]) -> int | None:
    return number_time(data["E"]) if "E" in data else None


def snapshot_url(symbol: str, stream_url: str = "", rest: str | None = None) -> str:
    """Return the URL of the snapshot of a symbol's book.

    Args:
        symbol: as the venue writes it.
        stream_url: the URL of the streams, which tells spot from futures.
        rest: the host, in place of the venue's.
    """
    host, path, most = next(place for part, place in SNAPSHOT_PATHS.items() if part in stream_url)
    return f"{(rest or host).rstrip('/')}{path}?symbol={symbol.upper()}&limit={most}"


def snapshot_symbol(url: str) -> str | None:
    """Return the symbol whose book a URL gives; None if it gives none."""
    parts = urlsplit(url)
    return parse_qs(parts.query).get("symbol", [None])[0] if parts.path.endswith("/depth") else None


def subscribe_messages(channels: Sequence[str], symbols: Sequence[str]) -> list[str]:
    """Return the subscribe messages for channels (trading, quote, book, or a stream's own name) of symbols."""
    names = [
        f"{symbol.replace('/', '').lower()}@{STREAMS.get(channel, channel)}"
        for symbol in symbols
        for channel in channels
    ]
    return [orjson.dumps({"method": "SUBSCRIBE", "params": names, "id": 1}).decode()]
