"""Bitfinex, version 2: arrays that begin with the number of a channel, whose meaning its subscription tells.

With the flags that a recorder asks for, every array ends with a number of the connection and a time, and books are
followed by checksums. Without numbers only a checksum tells that messages are missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from feed.units import MILLISECOND
from feed.venues.bitfinexbooks import FlatBook, OrderedBook
from feed.venues.checks import SharedNumbers, StreamedBooks, lost_stream
from feed.venues.events import Event, Note, Quote, Side, Trade, VenueBookSnapshot, VenueBookUpdate, VenueStatus
from feed.venues.values import decimal_text, exact, guarded, pair, whole

__all__ = ["Bitfinex", "renew_messages", "subscribe_messages"]

NAMES = {"trading": "trades", "quote": "ticker", "book": "book"}

TIMESTAMP, SEQUENCE, CHECKSUMS, BULK = 32768, 65536, 131072, 536870912
"""Flags: a time and a number in every array, checksums of books, several levels in one array."""

SILENT = ("candles", "status", "fte", "ftu")

MAX_ANNOUNCED_TRADES = 10_000
"""The largest number of trades that were announced by `te` and not yet repeated by `tu`."""

BOOK_LENGTH = "100"
"""Levels of a side that a recorder asks for."""


@dataclass(slots=True)
class _Channel:
    """Channel of a subscription; `fresh` until its first array, which is a snapshot."""

    kind: str
    symbol: str
    name: str = ""
    precision: str = ""
    depth: str = ""
    fresh: bool = True
    book: FlatBook | OrderedBook | None = None
    announced: dict[int, None] = field(default_factory=dict)


class Bitfinex:
    """Parser of a session.

    Attributes:
        awaiting: the symbols whose book needs a snapshot, with their channel for `renew_messages`.
    """

    def __init__(self) -> None:
        self.awaiting: dict[str, str] = {}
        self._channels: dict[int, _Channel] = {}
        self._flags = 0
        self._numbers = SharedNumbers()
        self._books = StreamedBooks()
        self._quoted: dict[str, None] = {}
        # The last trade by symbol, and the symbols whose connection broke behind it.
        self._last: dict[str, int] = {}
        self._broken: dict[str, None] = {}

    def parse(self, message: str | bytes, received: int) -> list[Event]:
        """Return the events of one message."""
        return guarded(self._read, message, exact)

    def disconnected(self) -> list[Event]:
        """Return the losses of a broken connection that the next messages will not tell."""
        self._channels.clear()
        self._numbers.begin()
        self._flags = 0
        self._broken |= dict.fromkeys(self._last)
        return [*(lost_stream("quote", symbol) for symbol in self._quoted), *self._books.disconnected()]

    def finish(self) -> list[Event]:
        """Return the doubts that remain at the end of a session."""
        lost, self._broken = self._broken, {}
        return [*(lost_stream("trading", symbol) for symbol in lost), *self._books.finish()]

    def _read(self, message: Any) -> Iterator[Event]:
        if isinstance(message, dict):
            yield from self._event(message)
            return
        (number, *data), count, time = self._stripped(message)
        yield from self._counted(count)
        channel = self._channels.get(whole(number))
        if channel is None:
            yield Note("unknown", "", f"channel {number} was not subscribed in this session")
        elif data[0] == "hb" or channel.kind in SILENT:
            return
        elif channel.kind == "trades":
            yield from self._trading(channel, data)
        elif channel.kind == "ticker":
            yield from self._ticker(channel, data[0], time)
        elif channel.kind == "book":
            yield from self._book(whole(number), channel, data, time)

    def _stripped(self, message: list[Any]) -> tuple[list[Any], int | None, int | None]:
        """Return an array without its number in the connection and its time, and these two, the time in ns."""
        left = list(message)
        time = whole(left.pop()) * MILLISECOND if self._flags & TIMESTAMP else None
        count = whole(left.pop()) if self._flags & SEQUENCE else None
        return left, count, time

    def _event(self, message: dict[str, Any]) -> Iterator[Event]:
        kind = message["event"]
        if kind == "info" and "version" in message:
            if self._channels:
                # Another connection, of a recorder that does not tell of connections.
                yield from self.disconnected()
            up = (message.get("platform") or {}).get("status", 1)
            yield VenueStatus("", None, "operative" if up else "maintenance")
        elif kind == "info" and message.get("code") in (20060, 20061):
            yield VenueStatus("", None, "maintenance" if message["code"] == 20060 else "operative")
        elif kind == "subscribed":
            name = str(message.get("symbol") or message.get("key") or message.get("pair", ""))
            precision = str(message.get("prec", "P0"))
            self._channels[whole(message["chanId"])] = _Channel(
                str(message["channel"]), _pair(name), name, precision, str(message.get("len", ""))
            )
            yield Note("reply", _pair(name), f"subscribed {message['channel']}")
        else:
            if kind == "unsubscribed":
                self._channels.pop(whole(message["chanId"]), None)
            if kind == "conf" and message.get("status") == "OK":
                self._flags = whole(message.get("flags", 0))
            yield Note("reply", "", str(message.get("msg") or kind))

    def _counted(self, number: int | None) -> Iterator[Event]:
        text = "" if number is None else self._numbers.missing(number)
        if not text:
            return
        for stream, symbols in (("trading", self._last), ("quote", self._quoted)):
            yield from (Note("gap", symbol, text, stream) for symbol in symbols)
        for chan, channel in self._channels.items():
            if channel.kind == "book" and not channel.fresh:
                yield from self._ended(chan, channel, "gap", text)

    def _ended(self, number: int, channel: _Channel, kind: Any, text: str) -> Iterator[Event]:
        if self._books.is_known(channel.symbol, channel.depth):
            yield Note(kind, channel.symbol, text, "book")
            yield from self._books.end(channel.symbol, channel.depth, text)
        self.awaiting[channel.symbol] = f"{number} {channel.name} {channel.precision} {channel.depth}"

    def _trading(self, channel: _Channel, data: list[Any]) -> Iterator[Event]:
        symbol = channel.symbol
        if isinstance(data[0], list):
            yield from self._again(symbol, sorted((_trade(symbol, row) for row in data[0]), key=_id))
            return
        if data[0] not in ("te", "tu"):
            return
        trade = _trade(symbol, data[1])
        # Each trade comes twice.
        if data[0] == "tu" and _id(trade) in channel.announced:
            del channel.announced[_id(trade)]
            return
        if data[0] == "te":
            channel.announced[_id(trade)] = None
            if len(channel.announced) > MAX_ANNOUNCED_TRADES:
                del channel.announced[next(iter(channel.announced))]
        if symbol in self._broken:
            del self._broken[symbol]
            yield lost_stream("trading", symbol)
        self._last[symbol] = max(self._last.get(symbol, 0), _id(trade))
        yield trade

    def _again(self, symbol: str, trades: list[Trade]) -> Iterator[Event]:
        """Yield the last trades of before a session: of the past, or those that were missed since the last session."""
        last = self._last.get(symbol)
        if not trades:
            return
        self._broken.pop(symbol, None)
        self._last[symbol] = max(_id(trades[-1]), last or 0)
        if last is None:
            yield from (Trade(it.symbol, it.time, it.price, it.size, it.side, it.trade_id, past=True) for it in trades)
            return
        if _id(trades[0]) > last:
            yield lost_stream("trading", symbol)
        yield from (trade for trade in trades if _id(trade) > last)

    def _ticker(self, channel: _Channel, row: list[Any], time: int | None) -> Iterator[Event]:
        if channel.name.startswith("f") or None in row[:4]:
            return
        self._quoted[channel.symbol] = None
        yield Quote(channel.symbol, time, *(decimal_text(value) for value in row[:4]))

    def _book(self, number: int, channel: _Channel, data: list[Any], time: int | None) -> Iterator[Event]:
        if channel.precision not in ("P0", "R0"):
            if channel.fresh:
                yield Note("unknown", channel.symbol, f"a book of rounded prices ({channel.precision}) is left out")
            channel.fresh = False
            return
        if data[0] == "cs":
            if channel.book is not None and channel.book.checksum() != whole(data[1]):
                text = f"checksum {data[1]} is not that of the book, {channel.book.checksum()}"
                yield from self._ended(number, channel, "checksum", text)
            return
        rows = data[0] if not data[0] or isinstance(data[0][0], list) else [data[0]]
        if channel.fresh:
            channel.fresh, channel.book = False, OrderedBook() if channel.precision == "R0" else FlatBook()
            channel.book.apply(rows)
            self._books.begin(channel.symbol, channel.depth)
            self.awaiting.pop(channel.symbol, None)
            yield VenueBookSnapshot(channel.symbol, time, *channel.book.levels(), channel.depth)
            return
        assert channel.book is not None
        bids, asks = channel.book.apply(rows)
        applies = self._books.applies(channel.symbol, channel.depth)
        yield VenueBookUpdate(channel.symbol, time, bids, asks, channel.depth, applies=applies)


def _id(trade: Trade) -> int:
    return trade.trade_id or 0


def _trade(symbol: str, row: list[Any]) -> Trade:
    amount = str(row[2])
    side: Side = "sell" if amount.startswith("-") else "buy"
    time = whole(row[1]) * MILLISECOND
    return Trade(symbol, time, decimal_text(row[3]), decimal_text(amount.lstrip("-")), side, whole(row[0]))


def _pair(name: str) -> str:
    """Return `tBTCUSD` and `tDUSK:USD` with a slash; Bitfinex's names of USDT and USDC become the usual ones."""
    text = name.rpartition(":t")[2] if name.startswith("trade:") else name.removeprefix("t")
    base, mark, quote = text.partition(":")
    if not mark:
        base, quote = (text[:3], text[3:]) if len(text) == 6 else (text, "")
    if not quote:
        return pair(text)
    usual = {"UST": "USDT", "UDC": "USDC"}
    return f"{usual.get(base, base)}/{usual.get(quote, quote)}"


def _name(symbol: str) -> str:
    own = {"USDT": "UST", "USDC": "UDC"}
    base, _, quote = symbol.upper().partition("/")
    base, quote = own.get(base, base), own.get(quote, quote)
    return f"t{base}:{quote}" if max(len(base), len(quote)) > 3 else f"t{base}{quote}"


def renew_messages(name: str) -> list[str]:
    """Return the messages that end the subscription of a book and begin it anew; `name` is that of `awaiting`."""
    number, symbol, precision, length = name.split(" ")
    again = {"event": "subscribe", "channel": "book", "symbol": symbol, "prec": precision, "len": length}
    return [orjson.dumps(it).decode() for it in ({"event": "unsubscribe", "chanId": int(number)}, again)]


def subscribe_messages(channels: Sequence[str], symbols: Sequence[str]) -> list[str]:
    """Return the messages that ask for numbers, times and checksums, and subscribe channels of symbols."""
    requests: list[dict[str, Any]] = [{"event": "conf", "flags": TIMESTAMP | SEQUENCE | CHECKSUMS | BULK}]
    for channel in channels:
        name = NAMES.get(channel, channel)
        more = {"prec": "P0", "freq": "F0", "len": BOOK_LENGTH} if name == "book" else {}
        requests += [{"event": "subscribe", "channel": name, "symbol": _name(symbol), **more} for symbol in symbols]
    return [orjson.dumps(request).decode() for request in requests]
