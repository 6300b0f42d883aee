"""Exchanges on real sockets: addresses, REST beside the socket, numbers of a connection, limits, and faults."""

from __future__ import annotations

import asyncio
import json
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from feed.units import MILLISECOND
from tests.server.conftest import Running, Serve, serve
from tests.support.sources import MetronomeSource
from tests.support.waiting import PATIENCE

__all__ = ["serve"]


@asynccontextmanager
async def served(serve: Serve) -> AsyncIterator[Running]:
    """A market with a trade each 40 ms."""
    async with serve(MetronomeSource(every=40 * MILLISECOND)) as running:
        yield running


async def get(running: Running, path: str, method: str = "GET", **headers: str) -> tuple[int, Any]:
    """Status and document of a request."""

    def fetch() -> tuple[int, Any]:
        request = urllib.request.Request(running.url.replace("ws:", "http:") + path, method=method, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as response:
                return response.status, json.loads(response.read())
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read())

    return await asyncio.to_thread(fetch)


async def receive(client: ClientConnection) -> Any:
    """The next message."""
    async with asyncio.timeout(PATIENCE):
        return json.loads(await client.recv())


async def test_addresses(serve: Serve) -> None:
    """By prefix, by market, by the exchange's own name; there is no other socket, and nothing native by that name."""
    async with served(serve) as running:
        assert (await get(running, "/binance/api/v3/time"))[0] == 200
        assert (await get(running, "/api/v3/time", Host="api.binance.com"))[0] == 200
        assert (await get(running, "/0/public/Time"))[1]["error"] == []
        assert (await get(running, "/kraken/0/public/Nothing"))[1] == {"error": ["EGeneral:Unknown method"]}
        assert (await get(running, "/metrics", Host="api.kraken.com"))[1] == {"error": ["EGeneral:Unknown method"]}
        assert (await get(running, "/@mine/bitfinex/v2/platform/status"))[1] == [1]
        assert "mine" in running.markets.names
        host, port = running.address
        async with connect("ws://stream.binance.com/ws/btcusd@trade", host=host, port=port) as own:
            assert (await receive(own))["e"] == "trade"
        with pytest.raises(InvalidStatus) as refused:
            await connect(running.url + "/binance/nothing")
        assert refused.value.response.status_code == 404


async def test_numbers_of_a_connection(serve: Serve) -> None:
    """Every message of Advanced Trade is numbered, whatever it is; two readers count by themselves."""
    async with served(serve) as running:
        for _ in range(2):
            async with connect(running.url + "/coinbase-advanced", max_queue=None) as client:
                for channel in ("market_trades", "level2", "ticker", "heartbeats"):
                    await client.send(json.dumps({"type": "subscribe", "product_ids": ["BTC-USD"], "channel": channel}))
                numbers = [(await receive(client))["sequence_num"] for _ in range(40)]
                assert numbers == list(range(40))


async def test_faults_show_in_the_numbers(serve: Serve) -> None:
    """A message that a fault drops leaves a gap in the exchange's own numbers."""
    async with served(serve) as running:
        faults = '[{"kind":"drop","rate":0.5,"channel":"book"}]'.replace('"', "%22")
        async with connect(running.url + f"/coinbase-advanced?faults={faults}", max_queue=None) as client:
            await client.send(json.dumps({"type": "subscribe", "channel": "level2"}))
            numbers = [(await receive(client))["sequence_num"] for _ in range(40)]
        assert numbers == sorted(set(numbers))
        assert numbers[-1] > 45


async def test_a_new_epoch_closes_and_ids_grow(serve: Serve) -> None:
    """Clients are told in the exchange's way, come back, and find numbers that have grown."""
    async with served(serve) as running:
        async with connect(running.url + "/@own/binance/ws/btcusd@trade") as client:
            before = (await receive(client))["t"]
            assert (await get(running, "/markets/own/restart", method="POST"))[0] == 200
            events = []
            with pytest.raises(ConnectionClosed) as closed:
                while True:
                    events.append((await receive(client))["e"])
            assert events[-1] == "serverShutdown"
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1001
        async with connect(running.url + "/@own/binance/ws/btcusd@trade") as client:
            assert (await receive(client))["t"] > before + 10**9 - 10**6


async def test_too_many_connections(serve: Serve) -> None:
    """The exchange's limit of new connections: the twenty-first of Bitfinex within a minute is refused."""
    async with served(serve) as running:
        for _ in range(20):
            async with connect(running.url + "/bitfinex/ws/2") as client:
                assert (await receive(client))["event"] == "info"
        with pytest.raises(InvalidStatus) as refused:
            await connect(running.url + "/bitfinex/ws/2")
        assert refused.value.response.status_code == 429
