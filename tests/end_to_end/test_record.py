"""Recording with the real commands: signals, kills, a full disk, and the wire at full rate."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa
import pytest
from websockets.asyncio.client import connect

from feed.tape.layout import RecordingInfo
from feed.tape.reader import open_recording
from tests.end_to_end.conftest import ROOT, Served, start
from tests.support.waiting import PATIENCE, becomes, wait_until

SUBSCRIBE = '{"event":"subscribe","channel":"trading","symbol":"BTC/USD"}'


def run(*arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """A `feed` command to its end."""
    done = subprocess.run(
        [sys.executable, "-m", "feed", *arguments], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )
    assert not check or done.returncode == 0, done.stderr
    return done


def health(served: Served) -> dict[str, Any]:
    """What the server tells of itself."""
    with urllib.request.urlopen(f"{served.http}/health", timeout=PATIENCE) as answer:
        told: dict[str, Any] = json.loads(answer.read())
    return told


def wait_for_rows(served: Served, count: int, key: str = "written") -> dict[str, Any]:
    """Until the recording has so many."""
    wait_until(lambda: health(served)["recording"][key] >= count)
    recording: dict[str, Any] = health(served)["recording"]
    return recording


def read(path: Path) -> tuple[pa.Table, RecordingInfo]:
    """All of a recording."""
    with open_recording(path) as recording:
        return pa.Table.from_batches(recording.batches()), recording.info


def trades(path: Path, symbol: str = "BTC/USD") -> pl.DataFrame:
    """The trades of a symbol, without the clock of who recorded them; the wire has milliseconds."""
    frame = pl.read_parquet(path).filter(pl.col("channel") == "trading", pl.col("symbol") == symbol)
    return frame.drop("received", "clocks").with_columns(pl.col("time").dt.epoch("ms"))


def is_counted(path: Path) -> bool:
    """Whether no trade is missing."""
    seqs = trades(path)["seq"].to_list()
    return bool(seqs) and seqs == list(range(1, len(seqs) + 1))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_finishes_the_recording(tmp_path: Path, number: signal.Signals) -> None:
    """Flushed and synced: exit code 0 in time, every published message in one whole file."""
    path = tmp_path / "x.parquet"
    with start("--wait-for", "0", "--speed", "100", "--record", str(path)) as served:
        wait_for_rows(served, 500)
        with urllib.request.urlopen(f"{served.http}/metrics", timeout=PATIENCE) as answer:
            assert "\nfeed_recording_ok 1.0\n" in answer.read().decode()
        served.signal(number)
        assert served.wait() == 0
    assert [each.name for each in tmp_path.iterdir()] == ["x.parquet"]
    table, info = read(path)
    assert (info.scenario, info.seed, info.complete, info.gaps) == ("calm", 1, True, [])
    for name, stream in info.streams.items():
        if name.startswith("trading"):
            assert (stream.first_seq, stream.rows) == (1, stream.last_seq)
    assert len(table) >= 500
    assert "whole" in run("recover", str(path)).stdout


def test_a_second_signal_leaves_what_can_be_recovered(tmp_path: Path) -> None:
    """A client that does not say goodbye holds up the end; who asks twice does not wait for it."""
    path = tmp_path / "x.parquet"
    with start("--wait-for", "0", "--speed", "100", "--record", str(path)) as served:
        written = wait_for_rows(served, 500)["written"]

        async def hold() -> None:
            client = await connect(served.url, max_queue=1, compression=None)
            client.transport.pause_reading()
            served.signal(signal.SIGTERM)
            await becomes(lambda: "stopping" in served.output)
            # What comes at once after a signal is the same one.
            await asyncio.sleep(0.3)
            served.signal(signal.SIGTERM)
            assert await asyncio.to_thread(served.wait) == 130
            client.transport.abort()

        asyncio.run(hold())
    done = run("recover", f"{path}.part", check=False)
    assert done.returncode in (0, 3)
    assert len(read(path)[0]) >= written


def test_a_killed_server_leaves_what_it_had_flushed(tmp_path: Path) -> None:
    """`feed recover` makes a recording of it, and the same trades come again from the same seed."""
    path = tmp_path / "x.parquet"
    with start("--wait-for", "0", "--speed", "100", "--record", str(path)) as served:
        written = wait_for_rows(served, 500)["written"]
        served.signal(signal.SIGKILL)
        served.wait()
    done = run("recover", f"{path}.part", check=False)
    assert done.returncode in (0, 3)
    assert "up to market time 2025-01-06T" in done.stdout
    table, info = read(path)
    assert len(table) >= written
    assert not info.complete
    assert is_counted(path)


def test_a_server_without_a_place_to_record_to_does_not_start(tmp_path: Path) -> None:
    """Each with one clear line."""
    (tmp_path / "x.parquet").touch()
    done = run("serve", "--port", "0", "--record", str(tmp_path / "x.parquet"), check=False)
    assert done.returncode == 2
    assert "there already" in done.stderr
    done = run("serve", "--port", "0", "--record", str(tmp_path / "y.parquet"), "--record-channel", "x", check=False)
    assert done.returncode == 2
    assert "no such channel" in done.stderr


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of sixteen megabytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if (
        os.geteuid()
        or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "none", folder], check=False).returncode
    ):
        pytest.skip("needs the right to mount a file system")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def test_the_feed_goes_on_when_the_disk_is_full(small_disk: Path) -> None:
    """A subscriber notices nothing; once there is room again, nothing has been lost."""
    path, ballast = small_disk / "x.parquet", small_disk / "ballast"
    ballast.write_bytes(bytes(16 * 1024 * 1024 - 100_000))
    with start("--wait-for", "0", "--speed", "100", "--record", str(path), "--record-channel", "trading") as served:
        asyncio.run(_listen_until(served, "failing"))
        assert "No space left on device" in served.output
        ballast.unlink()
        asyncio.run(_listen_until(served, "recording"))
        served.signal()
        assert served.wait() == 0
    assert read(path)[1].gaps == []
    assert is_counted(path)


async def _listen_until(served: Served, state: str) -> None:
    """Read ticks, without one missing, until the recording is in that state; it still is a while later."""
    async with connect(served.url, max_queue=None, compression=None) as client:
        await client.send(SUBSCRIBE)
        last, end = None, time.monotonic() + PATIENCE
        seen: float | None = None
        while seen is None or time.monotonic() < seen + 1:
            assert time.monotonic() < end
            message = json.loads(await asyncio.wait_for(client.recv(), PATIENCE))
            if message["event"] == "data":
                assert last is None or message["seq"] == last + 1
                last = message["seq"]
            if last is not None and last % 200 == 0:
                told = await asyncio.to_thread(health, served)
                if told["recording"]["state"] == state and seen is None:
                    seen = time.monotonic()


def test_the_wire_at_full_rate(tmp_path: Path) -> None:
    """`feed record` misses nothing of a market at full speed, and has what the server itself recorded."""
    inside, outside = tmp_path / "inside.parquet", tmp_path / "outside.parquet"
    with start("--speed", "max", "--record", str(inside)) as served:
        done = run("record", served.url, "--out", str(outside), "--for", "2")
        served.signal()
        assert served.wait() == 0
    assert ", 0 gaps, 0 lost" in done.stdout
    for symbol in ("BTC/USD", "ETH/USD"):
        got = trades(outside, symbol)
        assert len(got) > 1000
        assert got.equals(trades(inside, symbol).head(len(got)))
    tickers = f"select symbol, seq, data from '{outside}' where channel = 'ticker' and type = 'update'"
    assert len(_query(tickers)) > 100
    assert not _query(f"{tickers} except select symbol, seq, data from '{inside}' where channel = 'ticker'")


def test_ctrl_c_finishes_a_recording_from_the_wire(tmp_path: Path, calm: Served) -> None:
    """Exit code 0, a whole file, and what came of it in a line."""
    path = tmp_path / "x.parquet"
    command = [sys.executable, "-m", "feed", "record", calm.url, "--out", str(path), "--channel", "trading"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    with contextlib.closing(process.stdout) if process.stdout else contextlib.nullcontext():
        part = path.with_name("x.parquet.part")
        wait_until(lambda: part.exists() and part.stat().st_size > 9000)
        process.send_signal(signal.SIGINT)
        told = process.communicate(timeout=PATIENCE)[0]
    assert process.returncode == 0
    assert told.startswith(f"{path}: ")
    table, info = read(path)
    assert info.source == calm.url
    assert {row["type"] for row in table.to_pylist() if row["channel"] == "event"} >= {"status", "subscribed"}


def test_others_read_it_as_it_is(tmp_path: Path) -> None:
    """DuckDB and polars see columns of trades, and the text of everything else."""
    path = tmp_path / "x.parquet"
    with start("--wait-for", "0", "--speed", "100", "--record", str(path)) as served:
        wait_for_rows(served, 300)
        served.signal()
        served.wait()
    table = read(path)[0]
    counted = _query(f"select channel, count(*), sum(size) from '{path}' group by channel")
    frame = pl.read_parquet(path)
    assert sum(row[1] for row in counted) == len(frame) == len(table)
    assert {row[0] for row in counted} == {"trading", "status", "ticker"}
    assert frame["price"].to_list() == table["price"].to_pylist()
    assert frame["symbol"].to_list() == table["symbol"].to_pylist()
    last = f"select json_extract(data, '$.last')::double from '{path}' where channel = 'ticker' limit 1"
    assert _query(last)[0][0] > 1000


def _query(text: str) -> list[tuple[Any, ...]]:
    relation = duckdb.sql(text)
    assert relation is not None
    return relation.fetchall()
