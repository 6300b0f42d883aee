"""The tap: a recording has what subscribers get, in order, on both clocks; without one nothing is paid."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pytest

from feed.clock import ManualClock
from feed.errors import UsageError
from feed.market.market import Market
from feed.market.recorder import MarketRecorder
from feed.protocol.effects import Stream
from feed.tape.reader import open_recording
from feed.units import MILLISECOND, SECOND
from tests.support.market import Reader, make_market, start
from tests.support.sources import BTC, ETH, START, MetronomeSource

SHIFT = 3 * SECOND


def played(market: Market, clock: ManualClock, steps: int = 50) -> None:
    """Five seconds of market time, a little at a time."""
    start(market, clock.now())
    for _ in range(steps):
        clock.advance(100 * MILLISECOND)
        while market.next_time() is not None and market.publish_due(market.here, 7):
            pass


def rows_in(path: Path, **wanted: str) -> list[dict[str, Any]]:
    """Rows whose columns are as wanted."""
    with open_recording(path) as recording:
        rows = pa.Table.from_batches(recording.batches()).to_pylist()
    return [row for row in rows if all(row[name] == value for name, value in wanted.items())]


def recorded(path: Path, *channels: str, reader: bool = True) -> tuple[Reader | None, Market]:
    """Play a market of two symbols with a halt, and record it."""
    clock = ManualClock()
    source = MetronomeSource(instruments=(BTC, ETH), halt_at=20)
    market = make_market(source, clock, shift=SHIFT)
    recorder = MarketRecorder(market, path, channels, clock)
    follows = Reader(market, *_streams(market, channels)) if reader else None
    played(market, clock)
    assert recorder.close().state == "finished"
    return follows, market


def _streams(market: Market, channels: tuple[str, ...]) -> list[Stream]:
    return [stream for stream in market.streams if stream.channel in channels]


def test_it_has_what_subscribers_get(tmp_path: Path) -> None:
    """Each message in the order of the wire: trades as numbers, all else to the byte."""
    path = tmp_path / "x.parquet"
    reader, _ = recorded(path, "trading", "status", "ticker")
    assert reader is not None
    rows = rows_in(path, type="update")
    assert len(rows) == len(reader.payloads) > 100
    for row, payload, message in zip(rows, reader.payloads, reader.messages, strict=True):
        assert [row[key] for key in ("channel", "symbol", "seq")] == [message[k] for k in ("channel", "symbol", "seq")]
        assert row["time"] // MILLISECOND == message["data"]["timestamp"]
        if row["channel"] == "trading":
            assert {name: row[name] for name in message["data"] if name != "timestamp"} == {
                name: value for name, value in message["data"].items() if name != "timestamp"
            }
        else:
            assert payload.endswith(b',"data":' + row["data"].encode() + b"}")


def test_nobody_needs_to_listen(tmp_path: Path) -> None:
    """Channels that are made for listeners only are made for the recording, too."""
    alone, followed = tmp_path / "alone.parquet", tmp_path / "followed.parquet"
    recorded(alone, "trading", "ticker", "candles", reader=False)
    recorded(followed, "trading", "ticker", "candles")
    assert len(rows_in(alone, channel="ticker", symbol="ETH/USD", type="update")) == 5
    assert len(rows_in(alone, channel="candles", interval="5m", type="update")) == 10
    assert rows_in(alone) == rows_in(followed)


def test_both_clocks(tmp_path: Path) -> None:
    """When it was published, by the machine's clock, and the market's time as clients see it."""
    path = tmp_path / "x.parquet"
    _, market = recorded(path, "trading", reader=False)
    rows = rows_in(path, symbol="BTC/USD")
    wall = ManualClock().wall()
    assert [row["time"] for row in rows[:3]] == [START + SHIFT + n * 100 * MILLISECOND for n in range(3)]
    # The first turn comes after a tenth of a second, when two are due.
    assert [row["received"] - wall for row in rows[:3]] == [100 * MILLISECOND, 100 * MILLISECOND, 200 * MILLISECOND]
    with open_recording(path) as recording:
        info = recording.info
    assert (info.scenario, info.seed, info.epoch, info.shift) == ("metronome", 1, market.epoch, SHIFT)
    assert info.instruments["ETH/USD"] == ("0.05", "0.001")
    assert info.streams["trading:ETH/USD"].last_seq == market.seq(Stream("trading", "ETH/USD"))


def test_a_state_goes_first_where_changes_follow(tmp_path: Path) -> None:
    """What a subscription begins with is what a recording begins with."""
    path = tmp_path / "x.parquet"
    recorded(path, "status", "book", "ticker", reader=False)
    first = rows_in(path, type="snapshot")
    assert {(row["channel"], row["seq"]) for row in first} == {("status", 0), ("book", 0), ("ticker", 0)}
    assert orjson.loads(first[0]["data"])["status"] == "online"
    assert [orjson.loads(row["data"])["status"] for row in rows_in(path, channel="status", type="update")] == [
        "halted",
        "halted",
    ]


def test_one_depth_alone(tmp_path: Path) -> None:
    """A book has three depths, and who wants one does not pay for all."""
    path = tmp_path / "x.parquet"
    recorded(path, "book:25", "candles:5m", reader=False)
    assert {(row["channel"], row["interval"]) for row in rows_in(path)} == {("book", "25"), ("candles", "5m")}
    with pytest.raises(UsageError, match="did you mean book:25"):
        recorded(tmp_path / "y.parquet", "book:24", reader=False)


def test_an_unknown_channel_is_refused(tmp_path: Path) -> None:
    """With the nearest name, before there is a file."""
    with pytest.raises(UsageError, match="did you mean ticker"):
        MarketRecorder(make_market(), tmp_path / "x.parquet", ["tickr"], ManualClock())
    assert not list(tmp_path.iterdir())


def test_a_server_without_a_recording_does_not_load_arrow() -> None:
    """It is half of the memory and of the start."""
    code = "import sys; import feed.service.serving; sys.exit('pyarrow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
