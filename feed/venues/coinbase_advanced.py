"""Coinbase Advanced Trade: envelopes of a channel with events, numbered over all channels of a connection.

A number that is left out means that messages are missing, whichever channel they were of: trades have ids of their own
that tell it, a book ends.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import orjson

from feed.venues.checks import ConsecutiveIds, SharedNumbers, StreamedBooks, lost_stream
from feed.venues.events import Event, Note, Quote, Side, Trade, VenueBookSnapshot, VenueBookUpdate, VenueStatus
from feed.venues.values import decimal_text, guarded, iso_time, pair, whole

__all__ = ["CoinbaseAdvanced", "renew_messages", "subscribe_messages"]

NAMES = {"trading": "market_trades", "quote": "ticker", "book": "level2"}

TAKERS: dict[str, Side] = {"BUY": "buy", "SELL": "sell"}

SIDES = {"bid": 0, "offer": 1}

SILENT = ("heartbeats", "candles", "ticker_batch")
"""Channels without data on trades, quotes and books."""

NO_TIME = "1970"
"""Beginning of the times of levels that have none."""


class CoinbaseAdvanced:
    """Parser of a session.

    Attributes:
        awaiting: the symbols whose book needs a snapshot.
    """

    def __init__(self) -> None:
        self.awaiting: dict[str, str] = {}
        self._numbers = SharedNumbers()
        self._trades = ConsecutiveIds("trading")
        self._books = StreamedBooks()
        self._quoted: dict[str, None] = {}

    def parse(self, message: str | bytes, received: int) -> list[Event]:
        """Return the events of one message."""
        return guarded(self._read, message)

    def disconnected(self) -> list[Event]:
        """Return the losses of a broken connection that the ids of the next messages will not tell."""
        self._numbers.begin()
        return [*(lost_stream("quote", symbol) for symbol in self._quoted), *self._books.disconnected()]

    def finish(self) -> list[Event]:
        """Return the doubts that remain at the end of a session."""
        return self._books.finish()

    def _read(self, message: Any) -> Iterator[Event]:
        if message.get("type") == "error":
            yield Note("reply", "", str(message.get("message")))
            return
        channel, events = message["channel"], message["events"]
        if "sequence_num" in message:
            yield from self._counted(whole(message["sequence_num"]))
        time = iso_time(message["timestamp"]) if "timestamp" in message else None
        if channel == "subscriptions":
            yield Note("reply", "", orjson.dumps(events).decode()[:200])
        elif channel in _READERS:
            for event in events:
                yield from _READERS[channel](self, event, time)
        elif channel not in SILENT:
            yield Note("unknown", "", f"channel {channel!r}")

    def _counted(self, number: int) -> Iterator[Event]:
        if number == 0 and self._numbers.last is not None:
            # Another connection, of a recorder that does not tell of connections.
            yield from self.disconnected()
        text = self._numbers.missing(number)
        if text:
            yield from (Note("gap", symbol, text, "quote") for symbol in self._quoted)
            for symbol in self._books.known():
                yield Note("gap", symbol, text, "book")
                yield from self._books.end(symbol, "", text)
                self.awaiting[symbol] = symbol

    def _trading(self, event: Any, time: int | None) -> Iterator[Event]:
        # The newest comes first.
        trades = sorted((_trade(row) for row in event["trades"]), key=lambda trade: trade.trade_id or 0)
        yield from self._trades.take(trades, repeated=event["type"] == "snapshot")

    def _book(self, event: Any, time: int | None) -> Iterator[Event]:
        symbol = pair(event["product_id"])
        sides: tuple[list[tuple[str, str]], list[tuple[str, str]]] = ([], [])
        for level in event["updates"]:
            price, size = decimal_text(level["price_level"]), decimal_text(level["new_quantity"])
            sides[SIDES[level["side"]]].append((price, size))
        told = event["updates"][-1].get("event_time", NO_TIME) if event["updates"] else NO_TIME
        time = time if told.startswith(NO_TIME) else iso_time(told)
        bids, asks = tuple(sides[0]), tuple(sides[1])
        if event["type"] == "snapshot":
            self._books.begin(symbol)
            self.awaiting.pop(symbol, None)
            yield VenueBookSnapshot(symbol, time, bids, asks)
            return
        update = VenueBookUpdate(symbol, time, bids, asks, applies=self._books.applies(symbol))
        if not update.applies:
            self.awaiting[symbol] = symbol
        yield update

    def _ticker(self, event: Any, time: int | None) -> Iterator[Event]:
        for row in event["tickers"]:
            if "best_bid" not in row:
                continue
            symbol = pair(row["product_id"])
            self._quoted[symbol] = None
            keys = ("best_bid", "best_bid_quantity", "best_ask", "best_ask_quantity")
            yield Quote(symbol, time, *(decimal_text(row[key]) for key in keys))

    def _status(self, event: Any, time: int | None) -> Iterator[Event]:
        for row in event["products"]:
            yield VenueStatus(pair(row["id"]), time, str(row["status"]))


_READERS = {
    "market_trades": CoinbaseAdvanced._trading,
    "l2_data": CoinbaseAdvanced._book,
    "ticker": CoinbaseAdvanced._ticker,
    "status": CoinbaseAdvanced._status,
}


def _trade(row: dict[str, Any]) -> Trade:
    price, size = decimal_text(row["price"]), decimal_text(row["size"])
    side = TAKERS.get(str(row["side"]).upper())
    return Trade(pair(row["product_id"]), iso_time(row["time"]), price, size, side, whole(row["trade_id"]))


def _products(symbols: Sequence[str]) -> list[str]:
    return [symbol.replace("/", "-").upper() for symbol in symbols]


def renew_messages(symbol: str) -> list[str]:
    """Return the messages that end the subscription of a symbol's book and begin it anew, with a snapshot."""
    told = {"product_ids": _products([symbol]), "channel": NAMES["book"]}
    return [orjson.dumps({"type": kind, **told}).decode() for kind in ("unsubscribe", "subscribe")]


def subscribe_messages(channels: Sequence[str], symbols: Sequence[str]) -> list[str]:
    """Return the subscribe messages for channels (trading, quote, book, or the venue's own names) of symbols."""
    names = [NAMES.get(channel, channel) for channel in channels]
    # A quiet connection without heartbeats is closed.
    requests: list[dict[str, Any]] = [{"type": "subscribe", "channel": "heartbeats"}]
    requests += [{"type": "subscribe", "product_ids": _products(symbols), "channel": name} for name in names]
    return [orjson.dumps(request).decode() for request in requests]
