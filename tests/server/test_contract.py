"""What the numbers and times of the wire mean."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from feed.engine.source import EngineSource
from feed.scenario.load import scenario_from
from feed.units import SECOND
from tests.server.conftest import Serve, receive, receive_event, send

RARE = {"name": "any", "market": {"orders_per_second": 0.05}}


@pytest.mark.parametrize(
    "keys",
    [{"channel": "book", "depth": "*"}, {"channel": "candles", "interval": "*"}, {"channel": "ticker"},
     {"channel": "*"}, {"channel": "candles", "history": 5}],
    ids=["book", "candles", "ticker", "all", "history"],
)  # fmt: skip
async def test_subscribed_has_the_seq_of_its_snapshot(serve: Serve, keys: dict[str, Any]) -> None:
    """Also where nobody has listened to the stream before, and nothing else was published for a while."""
    async with serve(EngineSource(scenario_from(RARE, "test")), speed=200.0) as running:
        await running.subscriber()
        await asyncio.sleep(0.2)
        client = await running.client()
        await send(client, {"event": "subscribe", "symbol": "*", **keys})
        told: dict[tuple[Any, ...], int] = {}
        compared = 0
        while not compared or compared < sum(stream[0] != "trading" for stream in told):
            message = await receive_event(client, "subscribed", "data")
            data = message.get("data", message)
            stream = message["channel"], message["symbol"], data.get("interval"), data.get("depth")
            if message["event"] == "subscribed":
                told[stream] = message["seq"]
            elif message["type"] == "snapshot":
                assert message["seq"] == told[stream], stream
                compared += 1


async def test_a_heartbeat_has_market_time(serve: Serve) -> None:
    """A page compares it with the time of the last tick: both are of the same clock."""
    source = EngineSource(scenario_from({"name": "any", "market": {"orders_per_second": 0.001}}, "test"))
    async with serve(source, speed=10.0, session={"heartbeat_interval": SECOND // 10}) as running:
        client = await running.subscriber()
        before = running.market.virtual_time
        first = await receive_event(client, "heartbeat")
        second = await receive_event(client, "heartbeat")
        assert before <= first["timestamp"] < second["timestamp"] <= running.market.virtual_time


async def test_resume_of_several_streams(serve: Serve) -> None:
    """One seq can't be that of several streams."""
    async with serve() as running:
        client = await running.client()
        resume = {"epoch": running.market.epoch, "seq": 1}
        await send(client, {"event": "subscribe", "channel": "*", "symbol": "*", "resume": resume})
        answer = await receive(client)
        assert (answer["code"], answer["field"]) == ("INVALID_REQUEST", "resume")
        assert "names 5" in answer["hint"]
        await send(client, {"event": "list"})
        assert (await receive(client))["subscriptions"] == []
