"""Kraken, version 1: arrays of channel number, one or two objects, channel name and pair.

Trades carry no number. A book's update ends with a checksum of the ten best levels of each side.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import orjson

from feed.data.keptbook import KeptBook, text_digits
from feed.venues.checks import StreamedBooks, lost_stream
from feed.venues.events import Event, Note, Quote, Side, Trade, VenueBookSnapshot, VenueBookUpdate, VenueStatus
from feed.venues.values import decimal_text, guarded, levels, seconds_time, whole

__all__ = ["Kraken", "renew_messages", "subscribe_messages"]

NAMES = {"trading": "trade", "quote": "spread", "book": "book"}

SIDES: dict[str, Side] = {"b": "buy", "s": "sell"}


class Kraken:
    """Parser of a session, which keeps its books for their checksums.

    Attributes:
        awaiting: the symbols whose book needs a snapshot.
    """

    def __init__(self) -> None:
        self.awaiting: dict[str, str] = {}
        self._kept: dict[tuple[str, str], KeptBook[str]] = {}
        self._books = StreamedBooks()
        # Streams whose lost messages no number tells.
        self._unnumbered: dict[tuple[str, str], None] = {}

    def parse(self, message: str | bytes, received: int) -> list[Event]:
        """Return the events of one message."""
        return guarded(self._read, message)

    def disconnected(self) -> list[Event]:
        """Return the losses of a broken connection that no number of the next messages will tell."""
        return [*(lost_stream(stream, symbol) for stream, symbol in self._unnumbered), *self._books.disconnected()]

    def finish(self) -> list[Event]:
        """Return the doubts that remain at the end of a session."""
        return self._books.finish()

    def _read(self, message: Any) -> Iterator[Event]:
        if isinstance(message, dict):
            yield from _event(message)
            return
        *parts, name, symbol = message[1:]
        if not isinstance(symbol, str):
            raise ValueError(f"{symbol!r} is no pair")
        kind, _, depth = str(name).partition("-")
        if kind == "trade":
            self._unnumbered["trading", symbol] = None
            yield from (_trade(symbol, row) for row in parts[0])
        elif kind in ("ticker", "spread"):
            self._unnumbered["quote", symbol] = None
            yield (_ticker if kind == "ticker" else _spread)(symbol, parts[0])
        elif kind == "book":
            yield from self._book(symbol, parts, depth)
        else:
            yield Note("unknown", symbol, f"channel {name!r}")

    def _book(self, symbol: str, parts: list[dict[str, Any]], depth: str) -> Iterator[Event]:
        fields = {key: value for part in parts for key, value in part.items()}
        if "as" in fields or "bs" in fields:
            bids, asks = levels(fields.get("bs", ())), levels(fields.get("as", ()))
            book = self._kept[symbol, depth] = KeptBook(int(depth or 0), text_digits)
            book.apply(bids, asks)
            self._books.begin(symbol, depth)
            self.awaiting.pop(symbol, None)
            yield VenueBookSnapshot(symbol, _latest(fields, "as", "bs"), bids, asks, depth)
            return
        if not {"a", "b"} & fields.keys():
            raise KeyError("a")
        bids, asks = levels(fields.get("b", ())), levels(fields.get("a", ()))
        event = VenueBookUpdate(symbol, _latest(fields, "a", "b"), bids, asks, depth)
        if not self._books.applies(symbol, depth):
            self.awaiting[symbol] = symbol
            yield replace(event, applies=False)
            return
        wrong = list(self._check(event, fields.get("c")))
        yield from wrong
        # What shows that changes are missing is no change of the known book any more.
        yield replace(event, applies=not wrong)

    def _check(self, event: VenueBookUpdate, told: Any) -> Iterator[Event]:
        book = self._kept[event.symbol, event.depth]
        book.apply(event.bids, event.asks)
        if told is not None and book.checksum() != whole(told):
            text = f"checksum {told} is not that of the book, {book.checksum()}"
            yield Note("checksum", event.symbol, text, "book")
            yield from self._books.end(event.symbol, event.depth, text)
            self.awaiting[event.symbol] = event.symbol


def _event(message: dict[str, Any]) -> Iterator[Event]:
    kind = message["event"]
    if kind == "systemStatus":
        yield VenueStatus("", None, str(message["status"]))
    elif kind == "subscriptionStatus":
        told = message.get("errorMessage") or f"{message['status']} {message.get('channelName', '')}".strip()
        yield Note("reply", str(message.get("pair", "")), str(told))
    elif kind not in ("heartbeat", "pong", "ping"):
        yield Note("unknown", "", f"event {kind!r}")


def _trade(symbol: str, row: list[Any]) -> Trade:
    return Trade(symbol, seconds_time(row[2]), decimal_text(row[0]), decimal_text(row[1]), SIDES[row[3]])


def _ticker(symbol: str, data: dict[str, Any]) -> Quote:
    # Price, whole lots, lots.
    bid, ask = data["b"], data["a"]
    return Quote(symbol, None, *(decimal_text(value) for value in (bid[0], bid[2], ask[0], ask[2])))


def _spread(symbol: str, data: list[Any]) -> Quote:
    bid, ask, time, bid_size, ask_size = data[:5]
    return Quote(symbol, seconds_time(time), *(decimal_text(value) for value in (bid, bid_size, ask, ask_size)))


def _latest(fields: dict[str, Any], *keys: str) -> int | None:
    """Return the latest time of the levels: a book's message has no other time."""
    times = [seconds_time(row[2]) for key in keys for row in fields.get(key, ())]
    return max(times, default=None)


def renew_messages(symbol: str) -> list[str]:
    """Return the messages that end the subscription of a symbol's book and begin it anew, with a snapshot."""
    subscription = {"pair": [symbol], "subscription": {"name": "book"}}
    return [orjson.dumps({"event": event, **subscription}).decode() for event in ("unsubscribe", "subscribe")]


def subscribe_messages(channels: Sequence[str], symbols: Sequence[str]) -> list[str]:
    """Return subscribe messages for channels (trading, quote, book, or Kraken's own names) of pairs like XBT/USD."""
    return [
        orjson.dumps(
            {"event": "subscribe", "pair": list(symbols), "subscription": {"name": NAMES.get(channel, channel)}}
        ).decode()
        for channel in channels
    ]
