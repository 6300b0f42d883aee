"""Every venue's session recorded through cuts, skips and bursts: nothing is lost without a name, no book is wrong."""

from __future__ import annotations

import asyncio
import contextlib
import json
from pathlib import Path
from typing import Any

import pytest

from feed.client.venue import VenueLink
from feed.client.venue_recording import VenueRecording
from feed.clock import SystemClock
from feed.tape.layout import RecordingGap
from feed.venues.registry import VENUES, venue_of
from tests.client.conftest import quick
from tests.client.test_recording import read
from tests.support.venues import WRITERS, FakeExchange, Happening, session_of
from tests.support.waiting import PATIENCE

CLOCK = SystemClock()

COUNT = 300


async def recorded(exchange: FakeExchange, name: str, path: Path) -> None:
    """Record until everything has happened, and stop in that moment."""
    venue = venue_of(name)
    requests = venue.subscribe_messages(exchange.writer.channels, ["BTC/USD"])
    async with exchange.open(len(requests)) as url:
        link = VenueLink(url, requests, CLOCK, quick(), patience=60)
        recording = VenueRecording(link, venue, path, CLOCK, rest="http://127.0.0.1:9", back_off=quick)
        running = asyncio.create_task(recording.run())
        over = asyncio.create_task(exchange.over.wait())
        async with asyncio.timeout(PATIENCE):
            await asyncio.wait({running, over}, return_when=asyncio.FIRST_COMPLETED)
        over.cancel()
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
        await asyncio.to_thread(recording.close)


def plan_of(exchange: type[Any], session: list[Happening]) -> set[int]:
    """One message of each stream whose losses the venue's numbers tell, and two in a row of the first."""
    skipped = set()
    for place, kind in enumerate(exchange.streams):
        at = next(it.number for it in session[COUNT // 5 + 12 * place :] if it.kind == kind)
        skipped |= {at, at + 3} if place == 0 else {at}
    return skipped


@pytest.mark.parametrize("name", sorted(WRITERS))
async def test_nothing_is_lost_without_a_name(tmp_path: Path, name: str) -> None:
    """Trades and quotes are whole but for named gaps at their place; each state of a known book is the venue's."""
    session = session_of(COUNT)
    exchange = FakeExchange(WRITERS[name](), session, plan_of(WRITERS[name], session), {COUNT // 2, COUNT * 3 // 4})
    await recorded(exchange, name, tmp_path / "x.parquet")
    rows, info = read(tmp_path / "x.parquet")
    assert exchange.connections == 3
    gaps = {stream: [gap for gap in info.gaps if gap.stream == f"{stream}:BTC/USD"] for stream in ("trading", "quote")}
    for stream, kind, column in (("trading", "trade", "size"), ("quote", "quote", "bid_size")):
        kept = [row for row in rows if row["channel"] == stream and row["type"] == "update"]
        happened = [it.number for it in session if it.kind == kind]
        if stream not in exchange.writer.channels:
            assert not kept
            continue
        assert_named([int(row[column]) for row in kept], [row["seq"] for row in kept], happened, gaps[stream])
        assert {it.number for it in exchange.sent if it.kind == kind} <= {int(row[column]) for row in kept}
    if "book" in exchange.writer.channels:
        right_books([row for row in rows if row["channel"] == "book"], exchange, info.gaps)


def assert_named(numbers: list[int], seqs: list[int], happened: list[int], gaps: list[RecordingGap]) -> None:
    """What is not among the numbers of a stream is in a gap at its place; where it is counted, the count is right."""
    assert numbers == sorted(set(numbers)), "each once, in order"
    assert seqs == list(range(1, len(numbers) + 1))
    places: dict[int, list[RecordingGap]] = {}
    for gap in gaps:
        places.setdefault(gap.after, []).append(gap)
    for before, after, seq in zip(numbers, numbers[1:], seqs, strict=False):
        missing = happened.index(after) - happened.index(before) - 1
        named = places.get(seq, [])
        assert bool(missing) <= bool(named), f"{missing} are missing behind {before} without a name"
        counted = [gap.lost for gap in named if gap.lost is not None]
        assert not counted or sum(counted) == missing


def right_books(rows: list[dict[str, Any]], exchange: FakeExchange, gaps: list[RecordingGap]) -> None:
    """Every state of a known book is the venue's at that change; between an end and a snapshot nothing is known."""
    known: tuple[dict[float, float], dict[float, float]] | None = None
    shown = ends = 0
    for row in rows:
        told = json.loads(row["data"])
        if row["type"] == "ended":
            known, ends = None, ends + 1
            continue
        if row["type"] == "snapshot":
            known = ({}, {})
        if row["type"] not in ("snapshot", "update") or known is None:
            continue
        for side, levels in zip(known, (told["bids"], told["asks"]), strict=True):
            side.update({float(price): float(size) for price, size in levels})
        number = max((int(size) for side in known for size in side.values()), default=-1)
        truth = exchange.books[number]
        assert known == tuple({float(p): float(s) for p, s in side.items()} for side in truth), number
        shown += 1
    assert shown > len(exchange.books) / 2
    # Two cuts, and what was skipped, where that can be seen.
    assert ends == 2 + ("book" in exchange.writer.streams)
    assert sum(gap.stream == "book:BTC/USD" for gap in gaps) >= ends


def test_every_venue_is_played() -> None:
    """Binance has a test of its own, with its snapshots."""
    assert set(WRITERS) | {"binance"} == set(VENUES)
