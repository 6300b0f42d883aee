"""Exchanges that play a made-up session in their own words, with cuts, skips and bursts, and know what was lost."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import zlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

__all__ = ["WRITERS", "FakeExchange", "Happening", "session_of"]

MS = 1_700_000_000_000

MISSED = 7
"""Messages that go by while nobody is connected after a cut."""

Kind = Literal["trade", "quote", "book"]
Sides = tuple[dict[str, str], dict[str, str]]


@dataclass(frozen=True)
class Happening:
    """One message of a session. Its number is in its size, so that a row tells which one it is of."""

    number: int
    kind: Kind
    side: int
    price: str

    @property
    def size(self) -> str:
        """Its number and a quarter; a book's level is removed by every third."""
        return f"{self.number}.25"

    @property
    def time(self) -> int:
        """Exchange time, ms."""
        return MS + self.number

    @property
    def iso(self) -> str:
        """The same as text."""
        return f"2023-11-14T22:13:{20 + self.number // 1000}.{self.number % 1000:03d}000Z"


def session_of(count: int) -> list[Happening]:
    """Trades, quotes and changes of a book of at most eight levels a side."""
    dice = random.Random(3)
    made = []
    for number in range(count):
        kind: Kind = ("trade", "quote", "book")[number % 3]
        side = dice.randrange(2)
        price = f"{99 - dice.randrange(8)}.0" if side == 0 else f"{101 + dice.randrange(8)}.0"
        made.append(Happening(number, kind, side, price))
    return made


class Writer:
    """Words of one exchange. `streams` are those whose single lost messages its numbers or checksums tell."""

    streams: tuple[Kind, ...] = ()
    channels: tuple[str, ...] = ("trading", "quote", "book")
    path = ""

    def __init__(self) -> None:
        self.book: Sides = ({}, {})
        self.trades: list[Happening] = []

    def greeting(self) -> Iterator[str]:
        """What comes unasked."""
        return iter(())

    def answers(self, request: Any) -> Iterator[str]:
        """Answers to a request, snapshots among them."""
        return iter(())

    def happen(self, it: Happening) -> None:
        """Take a message into the state that snapshots show."""
        if it.kind == "trade":
            self.trades.append(it)
        elif it.kind == "book":
            self.book[it.side][it.price] = it.size

    def message(self, it: Happening) -> str:
        """The message."""
        raise NotImplementedError

    def begins(self, request: Any) -> bool:
        """Whether a request asks for the whole book."""
        return "book" in json.dumps(request) and "unsub" not in json.dumps(request)

    def levels(self) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
        """The book, the best first."""
        bids, asks = self.book
        return (
            sorted(bids.items(), key=lambda level: -float(level[0])),
            sorted(asks.items(), key=lambda level: float(level[0])),
        )

    def checksum(self) -> int:
        """Kraken's, of the ten best asks and bids."""
        bids, asks = self.levels()
        digits = [text.replace(".", "").lstrip("0") for level in (*asks[:10], *bids[:10]) for text in level]
        return zlib.crc32("".join(digits).encode())


class Coinbase(Writer):
    """Coinbase Exchange: trades are numbered, books are not."""

    streams = ("trade",)

    def answers(self, request: Any) -> Iterator[str]:
        """The last match, and the book."""
        yield json.dumps({"type": "subscriptions", "channels": []})
        for it in self.trades[-1:]:
            yield self.message(it).replace('"match"', '"last_match"')
        bids, asks = self.levels()
        yield json.dumps({"type": "snapshot", "product_id": "BTC-USD", "bids": bids, "asks": asks})

    def message(self, it: Happening) -> str:
        """By its type."""
        told: dict[str, Any] = {"product_id": "BTC-USD", "time": it.iso}
        if it.kind == "trade":
            side = ("sell", "buy")[it.side]
            told |= {"type": "match", "trade_id": it.number // 3, "side": side, "size": it.size, "price": it.price}
        elif it.kind == "quote":
            told |= {"type": "ticker", "best_bid": "99.0", "best_bid_size": it.size, "best_ask": "101.0"}
            told |= {"best_ask_size": "1.0"}
        else:
            told |= {"type": "l2update", "changes": [[("buy", "sell")[it.side], it.price, it.size]]}
        return json.dumps(told)


class Advanced(Writer):
    """Coinbase Advanced Trade: all messages of a connection are numbered."""

    streams = ("trade", "quote", "book")

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def greeting(self) -> Iterator[str]:
        """Nothing; the numbers begin anew."""
        self.count = 0
        return iter(())

    def wrapped(self, channel: str, event: dict[str, Any], time: str) -> str:
        """In an envelope with the next number."""
        told = {"channel": channel, "client_id": "", "timestamp": time, "sequence_num": self.count, "events": [event]}
        self.count += 1
        return json.dumps(told)

    def answers(self, request: Any) -> Iterator[str]:
        """The channel's snapshot, and the subscriptions."""
        if request["type"] == "subscribe" and request["channel"] == "market_trades":
            rows = [self.row(it) for it in reversed(self.trades[-2:])]
            yield self.wrapped("market_trades", {"type": "snapshot", "trades": rows}, "2023-11-14T22:13:20Z")
        if request["type"] == "subscribe" and request["channel"] == "level2":
            levels = [*(("bid", *it) for it in self.levels()[0]), *(("offer", *it) for it in self.levels()[1])]
            updates = [self.update(*level, "1970-01-01T00:00:00Z") for level in levels]
            event = {"type": "snapshot", "product_id": "BTC-USD", "updates": updates}
            yield self.wrapped("l2_data", event, "2023-11-14T22:13:20Z")
        yield self.wrapped("subscriptions", {"subscriptions": {}}, "2023-11-14T22:13:20Z")

    def begins(self, request: Any) -> bool:
        """The channel of books."""
        return bool(request == {"type": "subscribe", "product_ids": ["BTC-USD"], "channel": "level2"})

    def update(self, side: str, price: str, size: str, time: str) -> dict[str, str]:
        """A level."""
        return {"side": side, "event_time": time, "price_level": price, "new_quantity": size}

    def row(self, it: Happening) -> dict[str, str]:
        """A trade."""
        told = {"product_id": "BTC-USD", "trade_id": str(it.number // 3), "price": it.price, "size": it.size}
        return {**told, "time": it.iso, "side": ("BUY", "SELL")[it.side]}

    def message(self, it: Happening) -> str:
        """By its channel."""
        if it.kind == "trade":
            return self.wrapped("market_trades", {"type": "update", "trades": [self.row(it)]}, it.iso)
        if it.kind == "quote":
            row = {"product_id": "BTC-USD", "best_bid": "99.0", "best_ask": "101.0"}
            row |= {"best_bid_quantity": it.size, "best_ask_quantity": "1.0"}
            return self.wrapped("ticker", {"type": "update", "tickers": [row]}, it.iso)
        updates = [self.update(("bid", "offer")[it.side], it.price, it.size, it.iso)]
        return self.wrapped("l2_data", {"type": "update", "product_id": "BTC-USD", "updates": updates}, it.iso)


class KrakenTwo(Writer):
    """Kraken, version 2: trades are numbered, books have checksums."""

    streams = ("trade", "book")

    def answers(self, request: Any) -> Iterator[str]:
        """A confirmation, and the channel's snapshot."""
        channel = request["params"]["channel"]
        result = {"channel": channel, "symbol": "BTC/USD", **({"depth": 10} if channel == "book" else {})}
        yield json.dumps({"method": request["method"], "success": True, "result": result})
        if request["method"] == "subscribe" and channel == "trade":
            rows = [self.row(it) for it in self.trades[-2:]]
            yield self.whole("trade", "snapshot", rows)
        if request["method"] == "subscribe" and channel == "book":
            bids, asks = ([{"price": price, "qty": size} for price, size in side] for side in self.levels())
            row = {"symbol": "BTC/USD", "bids": bids, "asks": asks, "checksum": self.checksum()}
            yield self.whole("book", "snapshot", [row])

    def row(self, it: Happening) -> dict[str, Any]:
        """A trade."""
        told = {"symbol": "BTC/USD", "side": ("buy", "sell")[it.side], "price": it.price, "qty": it.size}
        return {**told, "trade_id": it.number // 3, "timestamp": it.iso}

    def whole(self, channel: str, kind: str, rows: list[Any]) -> str:
        """A message, whose numbers are numbers."""
        text = json.dumps({"channel": channel, "type": kind, "data": rows})
        for key in ("price", "qty", "bid", "bid_qty", "ask", "ask_qty"):
            parts = text.split(f'"{key}": "')
            text = f'"{key}": '.join([parts[0], *(part.replace('"', "", 1) for part in parts[1:])])
        return text

    def message(self, it: Happening) -> str:
        """By its channel."""
        if it.kind == "trade":
            return self.whole("trade", "update", [self.row(it)])
        if it.kind == "quote":
            quote = {"symbol": "BTC/USD", "bid": "99.0", "bid_qty": it.size, "ask": "101.0", "ask_qty": "1.0"}
            return self.whole("ticker", "update", [{**quote, "timestamp": it.iso}])
        levels: dict[str, list[Any]] = {"bids": [], "asks": []}
        levels[("bids", "asks")[it.side]].append({"price": it.price, "qty": it.size})
        row: dict[str, Any] = {"symbol": "BTC/USD", **levels, "checksum": self.checksum(), "timestamp": it.iso}
        return self.whole("book", "update", [row])


class KrakenOne(Writer):
    """Kraken, version 1: only books have checksums."""

    streams = ("book",)

    def answers(self, request: Any) -> Iterator[str]:
        """A confirmation, and the book."""
        name = request["subscription"]["name"]
        yield json.dumps(
            {"event": "subscriptionStatus", "status": "subscribed", "pair": "BTC/USD", "channelName": name}
        )
        if request["event"] == "subscribe" and name == "book":
            bids, asks = ([[*level, f"{MS / 1000:.6f}"] for level in side] for side in self.levels())
            yield json.dumps([1, {"as": asks, "bs": bids}, "book-10", "BTC/USD"])

    def message(self, it: Happening) -> str:
        """By the name of its channel."""
        time = f"{it.time / 1000:.6f}"
        if it.kind == "trade":
            return json.dumps([2, [[it.price, it.size, time, ("b", "s")[it.side], "l", ""]], "trade", "BTC/USD"])
        if it.kind == "quote":
            return json.dumps([3, ["99.0", "101.0", time, it.size, "1.0"], "spread", "BTC/USD"])
        changes = {("b", "a")[it.side]: [[it.price, it.size, time]], "c": str(self.checksum())}
        return json.dumps([1, changes, "book-10", "BTC/USD"])


class BitfinexTwo(Writer):
    """Bitfinex, version 2, with the numbers that a recorder asks for."""

    streams = ("trade", "quote", "book")

    def __init__(self) -> None:
        super().__init__()
        self.count = 0
        self.flags = 0

    def greeting(self) -> Iterator[str]:
        """The platform's status."""
        self.count = self.flags = 0
        yield json.dumps({"event": "info", "version": 2, "platform": {"status": 1}})

    def counted(self, data: list[Any], time: int) -> str:
        """With number and time."""
        self.count += 1
        assert self.flags & (65536 | 32768) == 65536 | 32768
        return json.dumps([*data, self.count, time])

    def answers(self, request: Any) -> Iterator[str]:
        """A confirmation, and the channel's snapshot."""
        if request["event"] == "conf":
            self.flags = request["flags"]
            yield json.dumps({"event": "conf", "status": "OK", "flags": self.flags})
            return
        if request["event"] == "unsubscribe":
            yield json.dumps({"event": "unsubscribed", "status": "OK", "chanId": request["chanId"]})
            return
        number = {"trades": 1, "ticker": 2, "book": 3}[request["channel"]]
        yield json.dumps({**request, "event": "subscribed", "chanId": number})
        if number == 1:
            rows = [[it.number // 3, it.time, self.amount(it), float(it.price)] for it in reversed(self.trades[-2:])]
            yield self.counted([1, rows], MS)
        elif number == 3:
            bids, asks = self.levels()
            rows = [[float(p), 1, sign * float(s)] for sign, side in ((1, bids), (-1, asks)) for p, s in side]
            yield self.counted([3, rows], MS)

    def amount(self, it: Happening) -> float:
        """Negative where it is of the other side."""
        return (1, -1)[it.side] * float(it.size)

    def message(self, it: Happening) -> str:
        """By the number of its channel."""
        if it.kind == "trade":
            return self.counted([1, "te", [it.number // 3, it.time, self.amount(it), float(it.price)]], it.time)
        if it.kind == "quote":
            return self.counted([2, [99.0, float(it.size), 101.0, 1.0, 0, 0, 0, 0, 0, 0]], it.time)
        return self.counted([3, [float(it.price), 1, self.amount(it)]], it.time)


class Bitstamp(Writer):
    """Bitstamp, without its books: those are fetched beside the stream. Nothing is numbered one by one."""

    channels = ("trading",)

    def answers(self, request: Any) -> Iterator[str]:
        """A confirmation."""
        yield json.dumps({"event": "bts:subscription_succeeded", "channel": request["data"]["channel"], "data": {}})

    def message(self, it: Happening) -> str:
        """Trades; of everything else a heartbeat."""
        if it.kind != "trade":
            return json.dumps({"event": "bts:heartbeat", "channel": "", "data": {"status": "success"}})
        data = {"id": it.number // 3, "microtimestamp": str(it.time * 1000), "type": it.side, "price_str": it.price}
        data |= {"amount_str": it.size, "price": float(it.price), "amount": float(it.size)}
        return json.dumps({"event": "trade", "channel": "live_trades_btcusd", "data": data})


WRITERS: dict[str, type[Writer]] = {
    "bitfinex": BitfinexTwo,
    "bitstamp": Bitstamp,
    "coinbase": Coinbase,
    "coinbase-advanced": Advanced,
    "kraken": KrakenOne,
    "kraken-v2": KrakenTwo,
}


class FakeExchange:
    """Exchange that plays a session.

    Args:
        writer: its words.
        session: what happens.
        skipped: numbers that are not sent.
        cuts: numbers in front of which the connection breaks.

    Attributes:
        sent: what was sent, in order.
        books: the book after each change, by its number.
        over: set once everything happened.
    """

    def __init__(self, writer: Writer, session: list[Happening], skipped: set[int], cuts: set[int]) -> None:
        self.writer = writer
        self.sent: list[Happening] = []
        self.books: dict[int, Sides] = {-1: ({}, {})}
        self.connections = 0
        self.over = asyncio.Event()
        self._left = list(session)
        self._skipped = skipped
        self._cuts = cuts
        self._begun = asyncio.Event()

    @contextlib.asynccontextmanager
    async def open(self, requests: int) -> AsyncIterator[str]:
        """Serve; a connection hears the session behind so many requests."""

        async def handle(connection: ServerConnection) -> None:
            self.connections += 1
            for text in self.writer.greeting():
                await connection.send(text)
            for _ in range(requests):
                await self._answer(connection, await connection.recv())
            listening = asyncio.create_task(self._listen(connection))
            try:
                await self._play(connection)
                self.over.set()
                await connection.wait_closed()
            except ConnectionClosed:
                pass
            finally:
                listening.cancel()
                with contextlib.suppress(asyncio.CancelledError, ConnectionClosed):
                    await listening

        async with serve(handle, "127.0.0.1", 0, ping_interval=None, close_timeout=0.1) as server:
            host, port = server.sockets[0].getsockname()[:2]
            yield f"ws://{host}:{port}"

    async def _listen(self, connection: ServerConnection) -> None:
        async for request in connection:
            await self._answer(connection, request)

    async def _answer(self, connection: ServerConnection, text: str | bytes) -> None:
        request = json.loads(text)
        for answer in self.writer.answers(request):
            await connection.send(answer)
        if self.writer.begins(request):
            self._begun.set()

    async def _play(self, connection: ServerConnection) -> None:
        lost_book = False
        while self._left:
            it = self._left[0]
            if it.number in self._cuts:
                self._cuts.discard(it.number)
                for missed in self._left[:MISSED]:
                    self._happen(missed)
                self._left = self._left[MISSED:]
                connection.transport.abort()
                await connection.wait_closed()
                raise ConnectionClosed(None, None)
            self._left.pop(0)
            self._happen(it)
            text = self.writer.message(it)
            if it.number in self._skipped:
                lost_book |= it.kind == "book"
                continue
            self._begun.clear()
            await connection.send(text)
            self.sent.append(it)
            if lost_book and it.kind == "book":
                # It sees now that a change is missing, and asks for the whole book.
                await self._begun.wait()
                lost_book = False

    def _happen(self, it: Happening) -> None:
        self.writer.happen(it)
        if it.kind == "book":
            self.books[it.number] = (dict(self.writer.book[0]), dict(self.writer.book[1]))
