"""`collect`: so many messages or so long, without a loss, and with every loss told."""

from __future__ import annotations

import asyncio
import time

import pandas as pd
import pytest

from feed.client.collect import collect, collect_sync
from feed.dataframes.analysis import gap_report, time_bars
from feed.dataframes.ticks import frame_digest, generate
from feed.errors import ConnectError, FeedError, SubscriptionError, UsageError
from feed.market.digest import market_digest
from feed.protocol import codes
from feed.scenario.activity import with_activity
from feed.scenario.find import find_scenario
from feed.service.process import start_server
from feed.units import MICROSECOND, MILLISECOND
from tests.client.conftest import engine, market_of, quick
from tests.client.test_client import scripted, tick
from tests.server.conftest import serving
from tests.support.market import TRADING
from tests.support.sources import MetronomeSource
from tests.support.waiting import PATIENCE, becomes


async def collect_at_rate(count: int) -> pd.DataFrame:
    """So many ticks at 10 000 a second, by server and client in this one process."""
    async with serving(MetronomeSource(every=100 * MICROSECOND)) as running:
        begun = time.process_time()
        frame = await collect(running.url, symbol="BTC/USD", n=count, arrivals=True)
        used = time.process_time() - begun
    # Some ten times what it takes: what grows with the ticks that are there already takes far more.
    assert used < 5 * count / 10_000, f"{count} ticks took {used:.1f} s of CPU"
    return frame


def assert_whole(frame: pd.DataFrame, count: int) -> None:
    """Every number once, in order, and on one connection."""
    assert frame["seq"].tolist() == list(range(1, count + 1))
    assert (frame.attrs["lost"], frame.attrs["gaps"], frame.attrs["reconnects"]) == (0, [], 0)
    assert gap_report(frame)["missing"].tolist() == [0]


async def test_ten_thousand_a_second_without_a_loss() -> None:
    """Two seconds of it."""
    assert_whole(await collect_at_rate(20_000), 20_000)


@pytest.mark.slow
async def test_a_hundred_thousand_without_a_loss() -> None:
    """Ten seconds of 10 000 a second."""
    assert_whole(await collect_at_rate(100_000), 100_000)


async def test_stops_after_a_while() -> None:
    """Half a second of a tick every 5 ms; nothing is no error."""
    async with serving(MetronomeSource()) as running:
        frame = await collect(running.url, seconds=0.55)
        assert 2 <= len(frame) <= 60
        nothing = await collect(running.url, channel="status", seconds=0.1, history=0)
        assert list(nothing.columns)[:3] == ["timestamp", "seq", "symbol"]


async def test_stops_at_the_end_of_the_market() -> None:
    """Without n and seconds: everything that there is."""
    async with serving(MetronomeSource(count=300), speed=float("inf")) as running:
        frame = await collect(running.url)
        assert frame["seq"].tolist() == list(range(1, 301))
        late = await collect(running.url, history=50)
        assert late["seq"].tolist() == list(range(251, 301))


async def test_an_interruption_costs_nothing() -> None:
    """Everybody is closed in the middle; the frame is whole, and says so."""
    async with serving(MetronomeSource(every=MILLISECOND)) as running:
        collecting = asyncio.create_task(collect(running.url, n=600, back_off=quick()))
        await becomes(lambda: running.market.seq(TRADING) > 100)
        running.server.close_all(codes.RESTART, "as a test")
        frame = await collecting
    assert frame["seq"].tolist() == list(range(1, 601))
    assert (frame.attrs["reconnects"], frame.attrs["lost"]) == (1, 0)


async def test_a_loss_is_a_warning() -> None:
    """With each gap in the attributes."""
    async with scripted(tick(1), tick(4), symbols=[{"symbol": "BTC/USD", "tick_size": 0.5, "lot_size": 0.5}]) as url:
        with pytest.warns(UserWarning, match="2 messages are lost"):
            frame = await collect(url, n=2)
    assert frame.attrs["gaps"] == [{"stream": "trading:BTC/USD", "after": 1, "count": 2, "reason": "left out"}]
    assert frame["price_ticks"].tolist() == [3, 3]


async def test_other_channels_are_tables_too() -> None:
    """With the wire's own names."""
    async with serving(MetronomeSource(every=MILLISECOND)) as running:
        status = await collect(running.url, channel="status", n=1)
        assert status["status"].tolist() == ["online"]
        candles = await collect(running.url, channel="candles", interval="1s", n=2, seconds=5)
    assert {"open", "high", "low", "close", "volume", "time", "interval"} <= set(candles.columns)
    assert candles.index.name == "time"


async def test_candles_on_the_wire_are_the_bars_of_the_ticks() -> None:
    """To the last decimal: what the server aggregates is what `feed.dataframes.analysis` does."""
    async with market_of("calm", seed=7, speed=60) as running:
        candles, ticks = await asyncio.gather(
            collect(running.url, channel="candles", symbol="BTC/USD", interval="5s", seconds=3),
            collect(running.url, symbol="BTC/USD", seconds=3),
        )
    bars = time_bars(ticks, "5s", fill=True)
    closed = candles[candles["closed"]].set_index("time")
    bars.index = pd.Index(pd.DatetimeIndex(bars.index).as_unit("s").asi8, name="time")
    both = closed.index.intersection(bars.index[1:-1])
    assert len(both) > 0
    for name in ("open", "high", "low", "close", "volume", "trades"):
        assert closed.loc[both, name].tolist() == bars.loc[both, name].tolist(), name


async def test_the_digest_on_the_wire_is_the_one_without_it() -> None:
    """The server's own promise, kept by a source made here; and so are the rows."""
    with start_server("flash-crash", seed=11, speed="max") as server:
        frame = await collect(server.url, n=2000)
    scenario, path = find_scenario("flash-crash")
    source = engine("flash-crash", 11)
    assert frame.attrs["digest"] == market_digest(scenario, path.parent, source, seed=11, at=source.start)
    assert (frame.attrs["scenario"], frame.attrs["seed"]) == ("flash-crash", 11)
    assert frame_digest(frame) == frame_digest(generate("flash-crash", seed=11, until="5m").head(2000))


async def test_activity_is_a_part_of_what_is_served() -> None:
    """The server's digest is that of the scenario with a tenth of its orders, and so are the rows."""
    with start_server("flash-crash", seed=11, activity=0.1, speed="max") as server:
        frame = await collect(server.url, n=300)
    scenario, path = find_scenario("flash-crash")
    fewer, source = with_activity(scenario, 0.1), engine("flash-crash", 11)
    digests = [market_digest(each, path.parent, source, seed=11, at=source.start) for each in (fewer, scenario)]
    assert frame.attrs["digest"] == digests[0] != digests[1]
    assert frame_digest(frame) == frame_digest(generate("flash-crash", seed=11, activity=0.1, until="10m").head(300))
    assert len(generate("flash-crash", activity=0.1, until="2m")) < len(generate("flash-crash", until="2m")) / 4


async def test_mistakes_are_told() -> None:
    """Each as its own error."""
    with pytest.raises(ConnectError, match="nobody listens"):
        await collect("ws://127.0.0.1:9", n=1)
    with pytest.raises(UsageError, match="1 or more"):
        await collect("ws://127.0.0.1:9", n=0)
    async with market_of("calm") as running:
        with pytest.raises(SubscriptionError, match="did you mean"):
            await collect(running.url, channel="tradng", n=1)
        closing = asyncio.create_task(collect(running.url, channel="status", n=100))
        await becomes(lambda: running.market.hub.subscriptions)
        running.server.close_all(codes.FORBIDDEN, "go away")
        with pytest.raises(ConnectError, match="4403, go away"):
            await closing


async def test_a_server_that_stays_away_is_given_up() -> None:
    """After a while, and not before."""
    async with serving() as running:
        collecting = asyncio.create_task(collect(running.url, n=10**6, patience=0.3, back_off=quick()))
        await becomes(lambda: running.market.hub.subscriptions)
    with pytest.raises(ConnectError, match=r"gone for 0\.3 s"):
        async with asyncio.timeout(PATIENCE):
            await collecting


def test_collect_sync_raises_what_collect_raises() -> None:
    """From its thread, too."""

    async def cell() -> None:
        collect_sync("ws://127.0.0.1:9", n=1)

    with pytest.raises(ConnectError):
        collect_sync("ws://127.0.0.1:9", n=1)
    with pytest.raises(ConnectError):
        asyncio.run(cell())


def test_a_server_that_does_not_start_says_why() -> None:
    """In the command's own words."""
    with pytest.raises(UsageError, match="flash-crash"):
        start_server("flash-crsh")
    with pytest.raises(FeedError, match="speed"):
        start_server("calm", speed="warp")
