"""What a client saw of a market is what it sees of the recording, with the real commands and at any speed."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from feed.cli.app import app
from tests.end_to_end.conftest import ROOT, Served, start
from tests.support.real_data import real_file

CHANNELS = ("trading", "status", "ticker", "book")
SUBSCRIBE = json.dumps({"event": "subscribe", "channel": list(CHANNELS), "symbol": "BTC/USD"})
SCENARIO = """
format = 1
name = "half-a-minute"
duration = "25s"
market = { orders_per_second = 4 }
phases = [{ name = "open", for = "10s" }, { name = "stop", for = "5s", status = "halted" }, { name = "again" }]
"""


async def seen(url: str, stalls: float = 0) -> list[str]:
    """The `data` frames of a market from its beginning to its end, by a client that stands still now and then."""
    frames: list[str] = []
    async with asyncio.timeout(90), connect(url, max_queue=None) as websocket:
        await websocket.send(SUBSCRIBE)
        try:
            async for frame in websocket:
                assert isinstance(frame, str)
                if frame.startswith('{"event":"data"'):
                    frames.append(frame)
                    if stalls and not len(frames) % 50:
                        time.sleep(stalls)  # noqa: ASYNC251 - as a busy machine does it: nothing is answered meanwhile
        except ConnectionClosed:
            pass
    return frames


def placed(frames: list[str]) -> dict[tuple[str, int], int]:
    """The place of each message in the row of all."""
    messages = [json.loads(frame) for frame in frames]
    return {(it["channel"], it["seq"]): place for place, it in enumerate(messages) if it["type"] == "update"}


def check_order(again: list[str], frames: list[str]) -> None:
    """A reader that was late may have missed messages of conflated channels; all else is as it was."""
    places = placed(frames)
    messages = [json.loads(frame) for frame in again]
    # Snapshots with which the subscriptions began are in front; one of a book in between stands for its last message.
    first = next(place for place, it in enumerate(messages) if it["type"] == "update")
    row = [places[it["channel"], it["seq"]] for it in messages[first:]]
    assert row == sorted(row)
    whole = [it["type"] == "update" and "skipped" not in it for it in messages]
    for place, is_whole, frame in zip(row, whole[first:], again[first:], strict=True):
        if is_whole:
            assert frame == frames[place]
    for channel in ("trading", "status"):
        assert of(again, channel) == of(frames, channel), channel


def of(frames: list[str], channel: str) -> list[str]:
    """The frames of a channel."""
    return [frame for frame in frames if f'"channel":"{channel}"' in frame]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A recording of all there is, and what a client saw meanwhile."""
    folder = tmp_path_factory.mktemp("recorded")
    (folder / "half.toml").write_text(SCENARIO)
    path = folder / "half.parquet"
    channels = [option for channel in CHANNELS for option in ("--record-channel", channel)]
    with start(str(folder / "half.toml"), "--speed", "max", "--record", str(path), *channels) as served:
        frames = asyncio.run(seen(served.url))
        stop(served)
    assert path.exists(), served.output
    return path, frames


def stop(served: Served) -> None:
    """As Ctrl-C does."""
    served.signal(signal.SIGINT)
    assert served.wait() == 0, served.output


@pytest.mark.parametrize("speed", ["5", "max"])
def test_a_replay_is_what_was_seen(recorded: tuple[Path, list[str]], speed: str) -> None:
    """Byte for byte, in the same order, of every channel; the end comes where it came."""
    path, frames = recorded
    with start(str(path), "--speed", speed) as served:
        again = asyncio.run(seen(served.url))
        stop(served)
    assert len(of(frames, "trading")) > 100
    check_order(again, frames)
    if not any('"skipped":' in frame for frame in again):
        # As on a machine that is not too busy for its reader.
        assert again == frames


@pytest.mark.parametrize("stalls", [0.06, 0.3])
def test_a_late_reader_sees_the_same_order(recorded: tuple[Path, list[str]], stalls: float) -> None:
    """Channels that are conflated for it keep their places among those that are not."""
    path, frames = recorded
    with start(str(path), "--speed", "5") as served:
        again = asyncio.run(seen(served.url, stalls))
        stop(served)
    check_order(again, frames)


def test_a_recording_from_the_wire_keeps_its_order(tmp_path: Path) -> None:
    """Its times are whole milliseconds, in which much happens: what came first comes first again."""
    scenario, path = tmp_path / "dense.toml", tmp_path / "wire.parquet"
    scenario.write_text('format = 1\nname = "dense"\nduration = "6s"\nmarket = { orders_per_second = 400 }\n')
    with start(str(scenario), "--speed", "2") as served:
        # A ticker needs the day before, which takes a while to make in so busy a market.
        channels = [option for channel in ("trading", "book", "status") for option in ("--channel", channel)]
        command = ["record", served.url, *channels, "--for", "5s", "--out", str(path)]
        done = subprocess.run(
            [sys.executable, "-m", "feed", *command], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == 0, done.stderr
    rows = pq.read_table(path, columns=["channel", "type", "seq"]).to_pylist()
    # A replay numbers its messages without holes; on a busy machine a snapshot stands for those that did not come.
    counts: dict[str, int] = {}
    row = []
    for it in rows:
        if it["channel"] in CHANNELS and (it["type"] == "update" or it["channel"] in counts):
            counts[it["channel"]] = counts.get(it["channel"], it["seq"] - 1) + 1
            row.append((it["channel"], counts[it["channel"]]))
    with start(str(path), "--speed", "max", "--at-end", "close") as served:
        again = asyncio.run(seen(served.url))
    messages = [json.loads(frame) for frame in again]
    places = {key: place for place, key in enumerate(row)}
    known = [places.get((it["channel"], it["seq"])) for it in messages if it["type"] == "update"]
    found = [place for place in known if place is not None]
    assert len(found) > 500
    assert found == sorted(found)


def test_a_recording_goes_on_as_a_scenario(recorded: tuple[Path, list[str]]) -> None:
    """The first frames are the recorded ones; what follows has no end."""
    path, frames = recorded

    async def some(url: str, count: int) -> list[str]:
        trades = []
        async with asyncio.timeout(60), connect(url, max_queue=None) as websocket:
            await websocket.send('{"event":"subscribe","channel":"trading","symbol":"BTC/USD"}')
            async for frame in websocket:
                if isinstance(frame, str) and frame.startswith('{"event":"data"'):
                    trades.append(frame)
                    if len(trades) == count:
                        return trades
        return trades

    known = of(frames, "trading")
    with start(str(path), "--speed", "max", "--then", "flash-crash") as served:
        trades = asyncio.run(some(served.url, len(known) + 500))
    assert trades[: len(known)] == known
    prices = [json.loads(frame)["data"]["price"] for frame in trades]
    assert abs(prices[len(known)] / prices[len(known) - 1] - 1) < 0.001
    seqs = [json.loads(frame)["seq"] for frame in trades]
    assert seqs == list(range(1, len(trades) + 1))


@pytest.mark.parametrize("name", ["wscapture_BITSTAMP.ws.1.0.gz", "lean_coinbase_minute_btcusd_20180404_trade.zip"])
def test_files_of_others_are_served_as_they_are(name: str) -> None:
    """A capture and a zip of bars, without a word about their columns; what was made up is said."""
    with start(str(real_file(name)), "--speed", "max") as served:

        async def first() -> dict[str, object]:
            async with asyncio.timeout(30), connect(served.url) as websocket:
                await websocket.recv()
                await websocket.send('{"event":"subscribe","channel":"trading","symbol":"*"}')
                async for frame in websocket:
                    message: dict[str, object] = json.loads(frame)
                    if message["event"] == "data":
                        return message
            raise AssertionError("nothing came")

        assert asyncio.run(first())["seq"] == 1
    assert "tick and lot sizes are one in the last decimal" in served.output


def test_a_recording_that_cannot_be_played_is_named(recorded: tuple[Path, list[str]], tmp_path: Path) -> None:
    """Cut off, damaged, not there: the server does not start, and says which file and where."""
    whole = recorded[0].read_bytes()
    broken = tmp_path / "broken.parquet"
    broken.write_bytes(whole[: len(whole) // 2] + bytes([whole[len(whole) // 2] ^ 1]) + whole[len(whole) // 2 + 1 :])
    (tmp_path / "cut.parquet").write_bytes(whole[:-100])
    for name, told in (("broken.parquet", "damaged"), ("cut.parquet", "damaged"), ("gone.parquet", "no such file")):
        done = CliRunner().invoke(app, ["serve", str(tmp_path / name), "--port", "0"])
        assert done.exit_code == 2
        assert told in done.stderr
        assert name in done.stderr
