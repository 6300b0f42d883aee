"""The past by HTTP: the same numbers as on the wire, up to the message that the stream goes on behind."""

from __future__ import annotations

import asyncio
import itertools
from decimal import Decimal
from typing import Any

import orjson
import pytest

from feed.engine.source import EngineSource
from feed.scenario.load import scenario_from
from feed.units import MINUTE, SECOND
from tests.server.conftest import Running, Serve, receive_event, send

DOCUMENT = {"name": "any", "market": {"orders_per_second": 20}}


def market_source() -> EngineSource:
    """A market with a past."""
    return EngineSource(scenario_from(DOCUMENT, "test"))


async def get(running: Running, path: str, *headers: str) -> tuple[int, Any]:
    """Status and body of an answer."""
    reader, writer = await asyncio.open_connection(*running.address)
    lines = "".join(f"{header}\r\n" for header in headers)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n".encode())
    answer = await asyncio.wait_for(reader.read(), 20)
    writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split(b" ")[1]), orjson.loads(body)


async def test_trades_meet_the_stream(serve: Serve) -> None:
    """The last trade of the answer is the message with its seq, and the one before the next on the stream."""
    async with serve(market_source(), speed=10.0) as running:
        client = await running.subscriber()
        live: dict[int, dict[str, Any]] = {}
        while len(live) < 50:
            message = await receive_event(client, "data")
            live[message["seq"]] = message["data"]
        status, past = await get(running, "/markets/main/trades?symbol=BTC/USD&limit=300")
        assert status == 200
        while max(live) < past["seq"]:
            message = await receive_event(client, "data")
            live[message["seq"]] = message["data"]
        assert past["epoch"] == running.market.epoch
        assert len(past["trades"]) == 300
        count = min(past["seq"], 300)
        assert past["trades"][-count:] == [live[seq] for seq in range(past["seq"] - count + 1, past["seq"] + 1)]
        ids = [trade["trade_id"] for trade in past["trades"]]
        assert ids == sorted(set(ids)), "also those before the start are there, in order"


async def test_candles_meet_the_stream(serve: Serve) -> None:
    """The last candle is the open one of the channel, the others are closed, and they add up to the trades."""
    async with serve(market_source(), speed=60.0) as running:
        client = await running.client()
        await send(client, {"event": "subscribe", "channel": "candles", "symbol": "BTC/USD", "interval": "1m"})
        live: dict[int, dict[str, Any]] = {}
        while len(live) < 150:
            message = await receive_event(client, "data")
            if message["type"] == "update":
                live[message["seq"]] = message["data"]
        status, past = await get(running, "/markets/main/candles?interval=1m&limit=60")
        assert status == 200
        candles = past["candles"]
        assert len(candles) == 60
        assert [candle["closed"] for candle in candles[:-1]] == [True] * 59
        assert [b["time"] - a["time"] for a, b in itertools.pairwise(candles)] == [60] * 59
        seen = {data["time"]: data for data in live.values() if data["closed"]}
        assert seen
        for candle in candles[:-1]:
            assert seen.get(candle["time"], candle) == candle
        begin, end = candles[-3]["time"] * 1000, candles[-2]["time"] * 1000 - 1
        _, trades = await get(running, f"/markets/main/trades?from={begin}&to={end}&limit=10000")
        prices = [trade["price"] for trade in trades["trades"]]
        assert candles[-3]["trades"] == len(prices)
        assert (candles[-3]["open"], candles[-3]["close"]) == (prices[0], prices[-1])
        volume = sum(Decimal(str(trade["size"])) for trade in trades["trades"])
        assert Decimal(str(candles[-3]["volume"])) == volume


async def test_a_range_is_what_was_asked_for(serve: Serve) -> None:
    """From and to bound it, in ISO or milliseconds; the future is not told."""
    async with serve(market_source(), speed=10.0) as running:
        start = running.market.source.start
        _, past = await get(
            running, "/markets/main/candles?interval=5m&from=2025-01-05T22:00:00Z&to=2025-01-05T22:59:59Z"
        )
        assert [candle["time"] for candle in past["candles"]] == [
            (start - 120 * MINUTE + n * 5 * MINUTE) // SECOND for n in range(12)
        ]
        _, ahead = await get(running, f"/markets/main/trades?from={start // 10**6}&to=2030-01-01T00:00:00Z")
        assert ahead["trades"] == []
        _, seconds = await get(running, "/markets/main/candles?interval=1s&limit=90&to=2025-01-05T23:00:00Z")
        assert len(seconds["candles"]) == 90


@pytest.mark.parametrize(
    ("path", "status", "field"),
    [
        ("/markets/mian/trades", 404, "market"),
        ("/markets/main/trades?symbol=BTCUSD", 400, "symbol"),
        ("/markets/main/trades?symbl=BTC/USD", 400, "symbl"),
        ("/markets/main/candles?interval=2m", 400, "interval"),
        ("/markets/main/candles?from=yesterday", 400, "from"),
        ("/markets/main/candles?to=", 400, "to"),
        ("/markets/main/candles?limit=0", 400, "limit"),
        ("/markets/main/candles?limit=10001", 400, "limit"),
        ("/markets/main/candles?limit=-5", 400, "limit"),
        ("/markets/main/candles?limit=²", 400, "limit"),
        ("/markets/main/candls", 404, "path"),
        ("/markets/main/trades?" + "&".join(f"a{n}=1" for n in range(50)), 400, "query"),
    ],
)
async def test_bad_requests(serve: Serve, path: str, status: int, field: str) -> None:
    """Each names the key and the nearest right value."""
    async with serve() as running:
        got, problem = await get(running, path.replace("²", "%C2%B2"))
        assert (got, problem["field"]) == (status, field)
        assert problem["hint"]


async def test_markets_are_listed(serve: Serve) -> None:
    """What there is, and each by its name; with a token the data asks for it."""
    async with serve(token="s3cret") as running:
        _, listing = await get(running, "/markets")
        assert [market["name"] for market in listing["markets"]] == ["main"]
        assert (await get(running, "/markets/main"))[0] == 401
        assert (await get(running, "/markets/main", "Authorization: Bearer wrong"))[0] == 401
        status, market = await get(running, "/markets/main", "Authorization: Bearer s3cret")
        assert (status, market["scenario"]) == (200, "metronome")
