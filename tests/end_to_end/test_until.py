"""`--until` of a scenario: the market ends there, and up to there it is the same."""

from __future__ import annotations

import asyncio
import json
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from feed.cli.app import app
from feed.data.ticks import Source
from feed.scenario.find import find_scenario
from feed.sources.opening import EndedSource, open_source
from feed.units import MINUTE, SECOND
from tests.end_to_end.conftest import start
from tests.support.market import Reader, make_market

BEGIN = 1_736_172_000_000
EVERYTHING = '{"event":"subscribe","channel":"*","symbol":"*","interval":"*","depth":10}'


async def until_end(client: ClientConnection) -> list[dict[str, Any]]:
    """The data messages up to the market's end."""
    found: list[dict[str, Any]] = []
    while True:
        message = json.loads(await client.recv())
        if message["event"] == "market" and message["state"] == "ended":
            return found
        if message["event"] == "data":
            found.append(message)


async def test_it_ends_exactly_there() -> None:
    """At full speed the last message is in the last second, and who comes afterwards sees what the first one saw."""
    # Patient with its first states, however busy the machine is: they come before all that follows.
    patient = ("--speed", "max", "--patience", "1h")
    with start("flash-crash", *patient, "--until", "25s", "--at-end", "hold") as served:
        async with asyncio.timeout(60), connect(served.url, max_queue=None) as client:
            await client.send(EVERYTHING)
            messages = await until_end(client)
            times = [message["data"]["timestamp"] for message in messages]
            assert BEGIN + 24_000 < max(times) < BEGIN + 25_000
            assert times == sorted(times)
            tickers = [message["data"] for message in messages if message["channel"] == "ticker"]
            async with connect(served.url) as late:
                await late.send('{"event":"subscribe","channel":"ticker","symbol":"BTC/USD"}')
                while (message := json.loads(await late.recv()))["event"] != "data":
                    pass
            assert message["data"] == tickers[-1]


@pytest.mark.parametrize(("at_end", "code"), [("exit", None), ("close", 4410)])
async def test_what_comes_then(at_end: str, code: int | None) -> None:
    """As at any end of a market: the server exits, or the clients are closed."""
    with start("quiet", "--speed", "1000", "--at", "8s", "--until", "10s", "--at-end", at_end) as served:
        async with asyncio.timeout(30), connect(served.url) as client:
            await client.send('{"event":"subscribe","channel":"trading","symbol":"*"}')
            with pytest.raises(ConnectionClosed) as closed:
                while True:
                    await client.recv()
        if code is None:
            assert await asyncio.to_thread(served.wait) == 0
        else:
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == code


def payloads(source: Source, until: int) -> list[bytes]:
    """The frames of all streams that are due before a market time."""
    market = make_market(source)
    reader = Reader(market, *market.streams, limit=2**30)
    while (due := market.next_time()) is not None and due < until:
        market.publish_due(until - 1, 512)
    return reader.payloads


@pytest.mark.parametrize(
    ("scenario", "length"),
    [("flash-crash", 10 * SECOND), ("flash-crash", 15 * SECOND + 1), ("halt", 25 * SECOND), ("halt", 3 * MINUTE + 1),
     ("exact-ticks", 25 * SECOND), ("exact-ticks", 3 * MINUTE + 1)],
)  # fmt: skip
def test_up_to_there_it_is_the_same(scenario: str, length: int) -> None:
    """Frame by frame on every channel, wherever the end falls; nothing is due at the end or behind it."""
    whole = open_source(*find_scenario(scenario))
    ended = open_source(*find_scenario(scenario), until=length)
    assert ended.end == whole.start + length
    expected = payloads(whole, whole.start + length)
    assert len(expected) > 100
    assert payloads(ended, 2**62) == expected


def test_a_file_of_trades_ends_there_too(tmp_path: Path) -> None:
    """And what ends earlier by itself ends there."""
    rows = "".join(f"{1_700_000_000_000 + 500 * n},{100 + n % 3},1\n" for n in range(40))
    (tmp_path / "trades.csv").write_text("time,price,size\n" + rows)
    file = tmp_path / "x.toml"
    file.write_text('name = "x"\n[source]\nfile = "trades.csv"\n')
    ended = open_source(*find_scenario(str(file)), until=5 * SECOND)
    assert isinstance(ended, EndedSource)
    assert sum(len(batch.ticks[0]) for batch in ended.batches(ended.start)) == 10
    assert len(list(takewhile(bool, ended.batches(ended.start + 6 * SECOND)))) == 0
    longer = open_source(*find_scenario(str(file)), until=60 * SECOND)
    assert longer.end == ended.whole.end


def test_nothing_would_be_left() -> None:
    """An end before the beginning is named."""
    done = CliRunner().invoke(app, ["serve", "calm", "--at", "10m", "--until", "5m", "--port", "0"])
    assert done.exit_code == 2
    assert "--until 00:05:00 is not behind --at 00:10:00" in done.stderr


def test_a_beginning_behind_the_script_is_told() -> None:
    """A market without end is there at any time, but who asks for a crash wants some of it."""
    with start("flash-crash", "--at", "99h") as served:
        assert "--at is behind the last phase and event" in served.output
    with start("flash-crash", "--at", "3m") as served:
        assert "--at is behind" not in served.output
