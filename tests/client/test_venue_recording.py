"""A venue's session recorded through cuts, skips and bursts: no loss without a name, and every book is right."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
from pathlib import Path
from typing import Any

import pytest

from feed.cli.record import app
from feed.client.venue import VenueLink
from feed.client.venue_recording import VenueRecording
from feed.clock import SystemClock
from feed.errors import UsageError
from feed.sources.files import open_recorded
from feed.tape.book import RecordedBooks
from feed.venues.registry import venue_of
from tests.client.conftest import quick
from tests.client.test_recording import read, scripted
from tests.support.real_data import real_file
from tests.support.venue import Act, FakeVenue

CLOCK = SystemClock()
MS = 1_700_000_000_000


def session(count: int) -> list[dict[str, Any]]:
    """Trades, quotes and updates of a book, as a venue would send them."""
    dice, messages, update = random.Random(5), [], 100
    for number in range(count):
        kind = number % 3
        if kind == 0:
            data = {"e": "trade", "E": MS + number, "s": "BTCUSDT", "t": number // 3, "p": "100.5", "q": "1.5"}
            messages.append({"stream": "btcusdt@trade", "data": {**data, "T": MS + number, "m": True}})
        elif kind == 1:
            data = {"u": update, "s": "BTCUSDT", "b": "100.0", "B": f"{number}.5", "a": "101.0", "A": "2.0"}
            messages.append({"stream": "btcusdt@bookTicker", "data": data})
        else:
            first, update = update + 1, update + dice.randint(1, 4)
            bids = [[f"{100 - dice.randrange(40)}.0", f"{dice.randrange(4)}.5"] for _ in range(2)]
            asks = [[f"{101 + dice.randrange(40)}.0", "0.0" if dice.random() < 0.3 else "1.25"]]
            data = {"e": "depthUpdate", "E": MS + number, "s": "BTCUSDT", "U": first, "u": update, "b": bids, "a": asks}
            messages.append({"stream": "btcusdt@depth@100ms", "data": data})
    return messages


def captured(count: int) -> list[dict[str, Any]]:
    """The first messages of a real session."""
    import gzip

    messages = []
    with gzip.open(real_file("binance_spot_btcusdt_20240809.ws.gz"), "rt") as file:
        for line in file:
            messages.append(json.loads(line.partition(" ")[2]))
            if len(messages) == count:
                break
    return messages


def depth_at(messages: list[dict[str, Any]], number: int) -> int:
    """The next update of the book from a message on."""
    return next(at for at in range(number, len(messages)) if "depth" in messages[at]["stream"])


async def recorded(venue: FakeVenue, path: Path) -> VenueRecording:
    """Record until the last message has been sent, and stop in that moment."""
    async with venue.open() as (url, rest):
        requests = venue_of("binance").subscribe_messages(["trading", "quote", "book"], ["BTC/USDT"])
        link = VenueLink(url, requests, CLOCK, quick(), patience=60)
        recording = VenueRecording(link, venue_of("binance"), path, CLOCK, rest=rest, back_off=quick)
        running = asyncio.create_task(recording.run())
        async with asyncio.timeout(60):
            await venue.over.wait()
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
        await asyncio.to_thread(recording.close)
    return recording


def acts_of(messages: list[dict[str, Any]]) -> dict[int, Act]:
    """Skips of a trade, a quote and an update, and two cuts, each followed by a snapshot."""
    size = len(messages)
    acts: dict[int, Act] = {depth_at(messages, 0): "wait"}
    plan: list[tuple[float, Act]] = [(0.2, "skip"), (0.4, "cut"), (0.6, "skip"), (0.8, "cut")]
    for part, act in plan:
        at = depth_at(messages, int(size * part))
        acts[at] = act
        acts[depth_at(messages, at + 20)] = "wait"
    trade = next(at for at in range(size // 10, size) if "trade" in messages[at]["stream"] and at not in acts)
    return acts | {trade: "skip"}


@pytest.mark.parametrize("source", ["made", "captured"])
async def test_nothing_is_lost_without_a_name(tmp_path: Path, source: str) -> None:
    """Every message that came is there, every other one in a gap; every book equals the venue's at its number."""
    messages = session(600) if source == "made" else captured(3000)
    venue = FakeVenue(messages, acts_of(messages))
    recording = await recorded(venue, tmp_path / "x.parquet")
    rows, info = read(tmp_path / "x.parquet")
    assert venue.connections == 3
    assert all(len(request["params"]) == 3 for request in venue.requests)

    def kept(channel: str) -> list[dict[str, Any]]:
        return [row for row in rows if row["channel"] == channel]

    def of(kind: str, where: list[Any]) -> list[dict[str, Any]]:
        return [message["data"] for message in where if kind in message["stream"]]

    assert [row["trade_id"] for row in kept("trading")] == [each["t"] for each in of("@trade", venue.sent)]
    assert [json.loads(row["data"])["update_id"] for row in kept("quote")] == [
        each["u"] for each in of("@bookTicker", venue.sent)
    ]
    updates = [json.loads(row["data"]) for row in kept("book") if row["type"] in ("update", "outside")]
    assert [each["last_id"] for each in updates] == [each["u"] for each in of("@depth", venue.sent)]
    by_stream: dict[str, list[Any]] = {}
    for gap in info.gaps:
        by_stream.setdefault(gap.stream, []).append(gap)
    assert sum(gap.lost for gap in by_stream["trading:BTC/USDT"]) == len(of("@trade", venue.lost))
    assert recording.counters.lost == len(of("@trade", venue.lost))
    # Their numbers tell where, and nobody can tell how many.
    assert [gap.lost for gap in by_stream["quote:BTC/USDT"]] == [None, None]
    assert [gap.lost for gap in by_stream["book:BTC/USDT"]] == [None] * len(by_stream["book:BTC/USDT"])
    ends = [row for row in kept("book") if row["type"] == "ended"]
    assert len(ends) == len(by_stream["book:BTC/USDT"]) == 4
    assert venue.snapshots >= 5
    right_books(tmp_path / "x.parquet", kept("book"), venue)


def right_books(path: Path, rows: list[dict[str, Any]], venue: FakeVenue) -> None:
    """Every state of a known book is the venue's at that number."""
    source = open_recorded(path)
    books = source.books(0)
    assert isinstance(books, RecordedBooks)
    assert len(books) == len(rows)
    tick, lot = (float(step) for step in (source.instruments[0].tick_size, source.instruments[0].lot_size))
    shown = known = 0
    for row, ladder in zip(rows, books.during(source.start, source.end).ladders(0, len(books), 25), strict=True):
        known = (
            json.loads(row["data"])["last_id"]
            if row["type"] in ("snapshot", "update")
            else 0
            if row["type"] == "ended"
            else known
        )
        if not known:
            assert ladder == ((), ())
            continue
        for side, levels, sign in zip(venue.books[known], ladder, (-1, 1), strict=True):
            wanted = sorted(((float(price), float(size)) for price, size in side.items()), key=lambda it: sign * it[0])
            told = [number for price, size in levels for number in (price * tick, size * lot)]
            assert told == pytest.approx([number for level in wanted[:25] for number in level])
        shown += 1
    assert shown > len(rows) / 2


async def test_what_waits_unread_is_recorded(tmp_path: Path) -> None:
    """A burst that nobody had read when the recorder was stopped."""
    burst = session(3000)
    venue = FakeVenue(burst, {})
    await recorded(venue, tmp_path / "x.parquet")
    rows, _ = read(tmp_path / "x.parquet")
    assert [row["trade_id"] for row in rows if row["channel"] == "trading"] == list(range(1000))


async def test_a_match_between_two_connections(tmp_path: Path) -> None:
    """Coinbase repeats its last one: the one that was missed is recorded, and nothing else is missing."""

    def match(number: int, kind: str = "match") -> dict[str, Any]:
        told = {"type": kind, "trade_id": number, "product_id": "BTC-USD", "side": "buy", "price": "1.5", "size": "2"}
        return {**told, "time": "2024-01-01T00:00:00Z"}

    sessions = [[match(6, "last_match"), match(7)], [match(8, "last_match"), match(9)]]
    async with scripted(*sessions) as url:
        requests = venue_of("coinbase").subscribe_messages(["trading"], ["BTC/USD"])
        recording = VenueRecording(
            VenueLink(url, requests, CLOCK, quick()), venue_of("coinbase"), tmp_path / "x.parquet", CLOCK
        )
        running = asyncio.create_task(recording.run())
        async with asyncio.timeout(20):
            while recording.counters.data < 4:
                await asyncio.sleep(0.01)
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
        await asyncio.to_thread(recording.close)
    rows, info = read(tmp_path / "x.parquet")
    trades = [(row["type"], row["trade_id"], row["seq"]) for row in rows if row["channel"] == "trading"]
    assert trades == [("past", 6, None), ("update", 7, 1), ("update", 8, 2), ("update", 9, 3)]
    assert info.gaps == []


def test_a_bad_address_of_snapshots(tmp_path: Path) -> None:
    """Named, before anything is connected to."""
    from typer.testing import CliRunner

    for words, message in (
        (["--venue", "binance", "--rest", "127.0.0.1:80"], "is no address of a REST host"),
        (["--venue", "kraken-v2", "--rest", "http://127.0.0.1"], "sends its own"),
        (["--rest", "http://127.0.0.1"], "--rest is for venues"),
    ):
        done = CliRunner().invoke(app, ["--out", str(tmp_path / "x.parquet"), *words])
        assert isinstance(done.exception, UsageError)
        assert message in str(done.exception)
