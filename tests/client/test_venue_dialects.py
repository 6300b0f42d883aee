"""The exchanges that we speak, recorded over a real socket by the venues' parsers: the rows are those of the market."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import pytest

import feed
from feed.client.venue import VenueLink
from feed.client.venue_recording import VenueRecording
from feed.clock import SystemClock
from feed.importing.running import import_files
from feed.tape.rawlines import RawLines, raw_of
from feed.venues.registry import venue_of
from tests.client.conftest import market_of, quick
from tests.client.test_recording import read
from tests.support.waiting import PATIENCE

CLOCK = SystemClock()

IDS = 10**9
"""What the number of a trade is more than its seq, in a market's first epoch."""


@pytest.mark.parametrize(
    ("venue", "path"),
    [
        ("bitfinex", "/bitfinex/ws/2"),
        ("coinbase-advanced", "/coinbase-advanced"),
        ("coinbase", "/coinbase"),
        ("kraken-v2", "/kraken/v2"),
    ],
)
async def test_recorded_by_its_venue(tmp_path: Path, venue: str, path: str) -> None:
    """Trades to the digit, a book without a gap, and once more from the bytes as they came, whose venue is found."""
    out = tmp_path / "x.parquet"
    heard = venue_of(venue)
    requests = heard.subscribe_messages(["trading", "book"], ["BTC/USD"])
    async with market_of("volatile", speed=20.0) as running:
        link = VenueLink(running.url + path, requests, CLOCK, quick())
        recording = VenueRecording(link, heard, out, CLOCK, raw=RawLines(raw_of(out), CLOCK))
        running_recorder = asyncio.create_task(recording.run())
        async with asyncio.timeout(PATIENCE):
            while recording.counters.data < 400 and not running_recorder.done():
                await asyncio.sleep(0.01)
        running_recorder.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running_recorder
        await asyncio.to_thread(recording.close)
    rows, info = read(out)
    assert info.gaps == []
    trades = [row for row in rows if row["channel"] == "trading" and row["type"] == "update"]
    assert len(trades) > 50
    assert sum(row["channel"] == "book" for row in rows) > 50
    truth = feed.generate("volatile", until="30m").set_index("seq").loc[[row["trade_id"] - IDS for row in trades]]
    for name in ("price", "size", "side"):
        assert [row[name] for row in trades] == truth[name].tolist()
    assert [row["time"] // 10**6 for row in trades] == truth["timestamp"].tolist()
    report = import_files("auto", [raw_of(out)], tmp_path / "again.parquet")
    again, _ = read(tmp_path / "again.parquet")
    assert report.format == venue
    assert report.gaps == []
    kept = [row for row in rows if row["channel"] in ("trading", "book")]
    assert [(row["type"], row["price"], row["data"]) for row in again if row["channel"] in ("trading", "book")] == [
        (row["type"], row["price"], row["data"]) for row in kept
    ]
