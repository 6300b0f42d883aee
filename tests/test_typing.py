"""The types that users of `feed` see. mypy reads this; running it shows that the words exist."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable
from typing import assert_type

import pandas as pd

import feed
from feed.protocol.events import Status, Subscribed


async def listens(url: str) -> None:
    """A conversation."""
    async with feed.connect(url, token="secret") as client:
        assert_type(client, feed.Client)
        assert_type(client.status, Status | None)
        assert_type(await client.subscribe("trading", "BTC/USD", history=3), list[Subscribed])
        assert_type(client.lost, int)
        async for message in client:
            if isinstance(message, feed.Tick):
                assert_type(message.price, float)
                assert_type(message.timestamp, int)
            elif isinstance(message, feed.Gap):
                assert_type(message.count, int | None)
            elif isinstance(message, feed.Disconnected):
                assert_type(message.retry_in, int | None)
        async for tick in client.ticks():
            assert_type(tick, feed.Tick)


async def studies(url: str) -> None:
    """Frames and what comes of them."""
    frame = await feed.collect(url, channel="trading", symbol="BTC/USD", seconds=1.5)
    assert_type(frame, pd.DataFrame)
    assert_type(feed.collect_sync(url, n=10), pd.DataFrame)
    assert_type(feed.generate("calm", seed=7, until="1h"), pd.DataFrame)
    assert_type(feed.read("ticks.parquet"), feed.TickData | feed.RecordingData)
    assert_type(feed.read("ticks.parquet").candles("1m"), pd.DataFrame)
    assert_type(feed.frame_digest(frame), str)
    assert_type(feed.analysis.gap_report(frame), pd.DataFrame)
    with feed.start_server("calm", speed=10) as server:
        assert_type(server, feed.ServerProcess)


async def commands(url: str) -> None:
    """Control of a market, with await and without."""
    async with feed.open_market(url, "mine", scenario="calm", paused=True) as market:
        assert_type(market, feed.RemoteMarket)
        assert_type(await market.step(3, symbol="BTC/USD"), feed.Outcome)
        assert_type(await market.verify("trading", "BTC/USD", last=1.0), feed.Verification)
        assert_type(await market.bundle(), bytes)
    with feed.open_market_sync(url, "mine") as blocking:
        assert_type(blocking, feed.RemoteMarketSync)
        assert_type(blocking.step(3, symbol="BTC/USD"), feed.Outcome)
        assert_type(blocking.step().seq["trading:BTC/USD"], int)
        assert_type(blocking.report_text("junit"), str)


def test_users_can_name_what_they_hold() -> None:
    """Annotations with the public names work at run time, too."""

    def holds(client: feed.Client, message: feed.Message) -> AsyncIterator[feed.Tick] | None:
        return client.ticks() if isinstance(message, feed.Connected) else None

    assert callable(holds)
    waits: list[Awaitable[None]] = [listens("nowhere"), studies("nowhere"), commands("nowhere")]
    for coroutine in waits:
        coroutine.close()  # type: ignore[attr-defined]
