"""The lab through every dialect: private markets, time that stands, the oracle, faults in the exchange's own form."""

from __future__ import annotations

import asyncio
import json
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect

from tests.dialects.exchanges import KeptLevels, bitfinex_checksum, plain_text, wild
from tests.server.conftest import Running, Serve, serve
from tests.support.waiting import PATIENCE

__all__ = ["serve"]


@dataclass
class Client:
    """A client of an exchange that keeps a book by the exchange's rules."""

    socket: ClientConnection
    reads: Callable[[Client, Any], None]
    book: KeptLevels = field(default_factory=KeptLevels)
    messages: list[Any] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    last: int | None = None

    async def read(self) -> None:
        """Read until the connection ends."""
        async for text in self.socket:
            message = json.loads(text, parse_float=str)
            self.messages.append(message)
            self.reads(self, message)

    def numbered(self, first: int, last: int) -> None:
        """Check that numbers follow each other."""
        if self.last is not None and first != self.last + 1:
            self.problems.append("gap")
        self.last = last


def binance(client: Client, message: Any) -> None:
    """Partial books, and the ids of trades."""
    if "lastUpdateId" in message:
        client.book = KeptLevels()
        client.book.apply(0, message["bids"])
        client.book.apply(1, message["asks"])
    elif message.get("e") == "trade":
        client.numbered(message["t"], message["t"])


def kraken(client: Client, message: Any) -> None:
    """Snapshot, changes and checksums."""
    if message.get("channel") != "book":
        return
    [data] = message["data"]
    for side, name in enumerate(("bids", "asks")):
        client.book.apply(side, [(level["price"], level["qty"]) for level in data[name]])
    for levels in client.book.sides:
        # The client cuts its book, as the exchange wants it.
        for price in sorted(levels, reverse=levels is client.book.sides[0])[10:]:
            del levels[price]
    client.messages[-1] = data["checksum"]


def coinbase(client: Client, message: Any) -> None:
    """Snapshot and changes, and the sequence of matches."""
    if message["type"] == "snapshot":
        client.book.apply(0, message["bids"])
        client.book.apply(1, message["asks"])
    elif message["type"] == "l2update":
        for side, price, size in message["changes"]:
            client.book.apply(int(side == "sell"), [(price, size)])
    elif message["type"] == "match":
        client.numbered(message["sequence"], message["sequence"])


def advanced(client: Client, message: Any) -> None:
    """Every message has the connection's number."""
    client.numbered(message["sequence_num"], message["sequence_num"])
    if message["channel"] == "l2_data":
        for update in message["events"][0]["updates"]:
            client.book.apply(int(update["side"] == "offer"), [(update["price_level"], update["new_quantity"])])


def bitfinex(client: Client, message: Any) -> None:
    """Levels one by one, and the checksum of 25 of them."""
    if not isinstance(message, list) or message[1] == "hb":
        return
    if message[1] == "cs":
        if message[2] != bitfinex_checksum(client.book):
            client.problems.append("checksum")
        return
    for price, count, amount in message[1] if isinstance(message[1][0], list) else [message[1]]:
        side, size = int(str(amount).startswith("-")), str(amount).removeprefix("-")
        client.book.apply(side, [(price, size if count else 0)])


@dataclass(frozen=True)
class Case:
    """What a dialect's client does."""

    path: str
    requests: tuple[Any, ...]
    reads: Callable[[Client, Any], None]
    depth: int
    fault: str
    problem: str
    code: int


SIGNED = dict.fromkeys(("signature", "key", "passphrase", "timestamp"), "x")

CASES = {
    "binance": Case("/binance/ws/btcusdt@depth20@100ms/btcusdt@trade", (), binance, 20, "skip-seq", "gap", 1001),
    "kraken": Case(
        "/kraken/v2",
        ({"method": "subscribe", "params": {"channel": "book", "symbol": ["BTC/USD"]}},),
        kraken, 10, "bad-checksum", "", 1012,
    ),
    "coinbase": Case(
        "/coinbase",
        ({"type": "subscribe", "product_ids": ["BTC-USD"], "channels": ["level2", "matches"], **SIGNED},),
        coinbase, 100, "skip-seq", "gap", 1012,
    ),
    "coinbase-advanced": Case(
        "/coinbase-advanced",
        ({"type": "subscribe", "channel": "level2"}, {"type": "subscribe", "channel": "market_trades"}),
        advanced, 100, "skip-seq", "gap", 1012,
    ),
    "bitfinex": Case(
        "/bitfinex/ws/2",
        (
            {"event": "conf", "flags": 131072},
            {"event": "subscribe", "channel": "book", "symbol": "tBTCUSD", "len": "25"},
        ),
        bitfinex, 25, "bad-checksum", "checksum", 1012,
    ),
}  # fmt: skip


async def call(running: Running, method: str, path: str) -> Any:
    """The answer to a request."""

    def fetch() -> Any:
        request = urllib.request.Request(running.url.replace("ws:", "http:") + path, method=method)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as response:
                return json.loads(response.read(), parse_float=str)
        except urllib.error.HTTPError as error:
            with error:
                raise AssertionError(error.read()) from None

    return await asyncio.to_thread(fetch)


@asynccontextmanager
async def reading(running: Running, case: Case) -> Any:
    """A client that reads on its own."""
    async with connect(f"{running.url}/@lab{case.path}", max_queue=None) as socket:
        client = Client(socket, case.reads)
        task = asyncio.create_task(client.read())
        for request in case.requests:
            await socket.send(json.dumps(request))
        yield client
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def agrees(running: Running, client: Client, depth: int) -> None:
    """Wait until the client's book is the oracle's."""
    state = await call(running, "GET", "/markets/lab/state?channel=book&depth=100&symbol=BTC/USD")
    wanted = tuple(
        [(plain_text(price), plain_text(size)) for price, size in state["book"][side]][:depth]
        for side in ("bids", "asks")
    )
    async with asyncio.timeout(PATIENCE):
        while tuple(side[: len(want)] for side, want in zip(client.book.best(), wanted, strict=True)) != wanted:
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("name", CASES)
async def test_a_market_of_ones_own(serve: Serve, name: str) -> None:
    """Time stands and goes on as told; the oracle agrees; a fault shows in the exchange's form and in the report."""
    case = CASES[name]
    async with serve(wild()) as running:
        await call(running, "POST", "/markets/lab?paused=true&wait_for=0")
        async with reading(running, case) as client:
            for _ in range(3):
                done = await call(running, "POST", "/markets/lab/run_until?time=%2B2s&settle=true")
                assert done["state"] == "paused"
                await agrees(running, client, case.depth)
            assert client.problems == []
            seen = len(client.messages)
            await call(running, "POST", "/markets/lab/speed?value=2&settle=true")
            assert len(client.messages) == seen
            armed = await call(running, "POST", f"/markets/lab/fault?kind={case.fault}")
            await call(running, "POST", "/markets/lab/run_until?time=%2B6s&settle=true")
            await agrees(running, client, case.depth)
            await call(running, "POST", "/markets/lab/fault?clear=all")
            known = await call(running, "GET", "/markets/lab/faults")
            assert str(armed["fault"]) in json.dumps(known)
            assert case.fault in json.dumps(known["done"])
            if case.problem:
                assert client.problems
                assert set(client.problems) == {case.problem}
            report = await call(running, "GET", "/markets/lab/report")
            assert report["clients"]
            await call(running, "POST", "/markets/lab/restart")
            async with asyncio.timeout(PATIENCE):
                await client.socket.wait_closed()
            assert client.socket.close_code == case.code
        async with reading(running, case) as again:
            await call(running, "POST", "/markets/lab/run_until?time=%2B2s&settle=true")
            await agrees(running, again, case.depth)
