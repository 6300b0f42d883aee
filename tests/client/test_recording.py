"""Recording from the wire: in order, over broken connections, with every gap; what is odd is kept as it came."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from websockets.asyncio.server import ServerConnection, serve

from feed.client.feed_recording import FeedRecording
from feed.client.link import ClientLink
from feed.client.subscription import ManySubscriptions, Subscription
from feed.client.venue import VenueLink
from feed.client.venue_recording import VenueRecording
from feed.clock import SystemClock
from feed.delivery.outbox import OutboxLimits
from feed.errors import ConnectError, SubscriptionError, UsageError
from feed.importing.running import import_files
from feed.tape.layout import RecordingInfo
from feed.tape.rawlines import RawLines, raw_of
from feed.tape.reader import open_recording
from feed.units import SECOND
from feed.venues.registry import venue_of
from tests.client.conftest import engine, market_of, quick
from tests.server.conftest import LIMITS, serving
from tests.support.waiting import PATIENCE

CLOCK = SystemClock()


def recording_of(url: str, path: Path, *channels: str) -> tuple[ClientLink, FeedRecording]:
    """One that does not wait long before it comes back."""
    link = ClientLink(url, [Subscription(channel) for channel in channels], back_off=quick(), clock=CLOCK)
    return link, FeedRecording(link, path, CLOCK)


def read(path: Path) -> tuple[list[dict[str, Any]], RecordingInfo]:
    """All of a recording."""
    with open_recording(path) as recording:
        return pa.Table.from_batches(recording.batches()).to_pylist(), recording.info


@contextlib.asynccontextmanager
async def scripted(*sessions: Sequence[object], requests: int = 1) -> AsyncIterator[str]:
    """A server that is asked, says this to its first client, that to its second, and closes but the last connection."""
    left = list(sessions)

    async def handle(connection: ServerConnection) -> None:
        session = left.pop(0) if left else ()
        for _ in range(requests):
            await connection.recv()
        for message in session:
            await connection.send(message if isinstance(message, str) else json.dumps(message))
        if not left:
            await connection.wait_closed()

    async with serve(handle, "127.0.0.1", 0, ping_interval=None, close_timeout=0.1) as server:
        host, port = server.sockets[0].getsockname()[:2]
        yield f"ws://{host}:{port}"


async def until(recording: FeedRecording | VenueRecording, messages: int, connections: int = 1) -> None:
    """Record so many messages on at least so many connections, and finish."""
    running = asyncio.create_task(recording.run())
    counters = recording.counters
    async with asyncio.timeout(PATIENCE):
        while (counters.messages < messages or counters.connections < connections) and not running.done():
            await asyncio.sleep(0.01)
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    await asyncio.to_thread(recording.close)


async def test_a_broken_connection_costs_nothing(tmp_path: Path) -> None:
    """It goes on where it was: no trade is missing, and the recording tells of it."""
    path = tmp_path / "x.parquet"
    # At full speed the market waits for its readers, so that no ticker is skipped on a busy machine.
    async with market_of("volatile") as running:
        link, recording = recording_of(running.url, path, "trading", "ticker")
        recorder = asyncio.create_task(until(recording, 3000, connections=3))
        for connections, messages in enumerate((500, 1500), 1):
            # Frames that have come before a drop are recorded before it is noticed.
            while recording.counters.messages < messages or recording.counters.connections < connections:
                await asyncio.sleep(0.005)
            link.drop()
        await recorder
    rows, info = read(path)
    for symbol in info.instruments:
        seqs = [row["seq"] for row in rows if (row["channel"], row["symbol"]) == ("trading", symbol)]
        assert seqs == list(range(seqs[0], seqs[0] + len(seqs)))
    # On a busy machine a ticker is left out for a reader that is late, which is named.
    assert [gap for gap in info.gaps if "too slow" not in gap.reason] == []
    assert info.complete
    assert sum("connected again" in note for note in info.notes) == 2
    received = [row["received"] for row in rows]
    assert received == sorted(received)


def tick(seq: int, **changes: Any) -> dict[str, Any]:
    """A trade on the wire."""
    numbers = dict.fromkeys(("price", "size", "bid", "bid_size", "ask", "ask_size", "volume"), "1.5")
    data = {"symbol": "BTC/USD", "side": "buy", "trade_id": seq, "timestamp": 7} | numbers | changes
    return {"event": "data", "channel": "trading", "symbol": "BTC/USD", "type": "update", "seq": seq, "data": data}


async def test_gaps_and_oddities(tmp_path: Path) -> None:
    """What is missing is told; a frame that is no data of ours is kept whole, and ends nothing."""
    path = tmp_path / "x.parquet"
    odd = [tick(5, price="much"), {"event": "news", "text": "ü"}, {"event": "data", "channel": "trading"}]
    symbol = {"symbol": "BTC/USD", "tick_size": 0.5, "lot_size": 0.00001, "price_decimals": 1, "size_decimals": 5}
    greeting = {"event": "status", "scenario": "script", "epoch": "a-1", "symbols": [symbol]}
    async with scripted([greeting, tick(1), tick(4), *odd, tick(6)]) as url:
        _, recording = recording_of(url, path, "trading")
        await until(recording, 7)
    rows, info = read(path)
    assert [(row["channel"], row["type"], row["seq"]) for row in rows] == [
        ("event", "status", None), ("trading", "update", 1), ("trading", "update", 4), ("event", "data", None),
        ("event", "news", None), ("event", "data", None), ("trading", "update", 6),
    ]  # fmt: skip
    assert json.loads(rows[3]["data"]) == odd[0]
    assert (rows[1]["price"], rows[1]["time"]) == (1.5, 7_000_000)
    assert [(gap.stream, gap.after, gap.before) for gap in info.gaps] == [("trading:BTC/USD", 1, 4)]
    assert (recording.counters.lost, info.instruments) == (2, {"BTC/USD": ("0.5", "0.00001")})


async def test_nothing_is_left_of_a_recording_that_never_began(tmp_path: Path) -> None:
    """Nobody there, or a subscription that is refused: an error, and no file."""
    _, recording = recording_of("ws://127.0.0.1:9", tmp_path / "x.parquet", "trading")
    with pytest.raises(ConnectError, match="nobody listens there"):
        await recording.run()
    async with market_of("calm") as running:
        _, refused = recording_of(running.url, tmp_path / "y.parquet", "tradign")
        with pytest.raises(SubscriptionError, match="trading"):
            await refused.run()
        assert await asyncio.to_thread(refused.close) is None
    assert recording.close() is None
    assert not (tmp_path / "x.parquet.part").exists()  # nothing else is under way
    assert not (tmp_path / "y.parquet").exists()


def trade(number: int, price: str) -> str:
    """A trade as Kraken tells it."""
    return (
        f'{{"channel":"trade","type":"update","data":[{{"symbol":"BTC/USD","side":"buy","price":{price},"qty":0.50,'
        f'"ord_type":"limit","trade_id":{number},"timestamp":"2023-09-25T07:49:36.925603Z"}}]}}'
    )


QUOTE = (
    '{"channel":"ticker","type":"update","data":[{"symbol":"BTC/USD","bid":1.10,"bid_qty":2,"ask":1.25,"ask_qty":3}]}'
)


async def test_a_venue(tmp_path: Path) -> None:
    """Trades and quotes in our columns, numbers of the venue that are missing as a gap, the rest as events."""
    path = tmp_path / "x.parquet"
    sessions = [[QUOTE, trade(7, "1.2"), trade(9, "1.125")], ['{"what": 1}', trade(10, "1.25")]]
    async with scripted(*sessions, requests=2) as url:
        requests = venue_of("kraken-v2").subscribe_messages(["trading", "quote"], ["BTC/USD"])
        link = VenueLink(url, requests, CLOCK, quick())
        recording = VenueRecording(link, venue_of("kraken-v2"), path, CLOCK)
        await until(recording, 5)
    rows, info = read(path)
    kept = [(row["channel"], row["type"], row["seq"], row["trade_id"], row["price"], row["bid"]) for row in rows]
    assert kept == [
        ("quote", "update", 1, None, None, 1.1),
        ("trading", "update", 1, 7, 1.2, 1.1),
        ("event", "gap", None, None, None, None),
        ("trading", "update", 2, 9, 1.125, 1.1),
        # The connection broke: of the quotes nobody knows what is missing, the trades have their numbers.
        ("event", "gap", None, None, None, None),
        ("event", "malformed", None, None, None, None),
        ("trading", "update", 3, 10, 1.25, 1.1),
    ]
    assert rows[1]["time"] == 1_695_628_176_925_603_000
    assert [(gap.stream, gap.after, gap.before, gap.lost) for gap in info.gaps] == [
        ("trading:BTC/USD", 1, 2, 1),
        ("quote:BTC/USD", 1, 2, None),
    ]
    assert info.instruments == {"BTC/USD": ("0.001", "0.1")}
    assert any("disconnected" in note for note in info.notes)


async def test_the_bytes_of_a_venue_beside_its_rows(tmp_path: Path) -> None:
    """Every message as it came, with both connections; an import of them has the same rows."""
    path, messages = tmp_path / "x.parquet", [QUOTE, trade(7, "1.2"), trade(8, "1.125")]
    async with scripted(messages, [QUOTE.replace(',"data"', ',\n"data"'), trade(9, "1.25")], requests=2) as url:
        link = VenueLink(
            url, venue_of("kraken-v2").subscribe_messages(["trading", "quote"], ["BTC/USD"]), CLOCK, quick()
        )
        raw = RawLines(raw_of(path), CLOCK)
        recording = VenueRecording(link, venue_of("kraken-v2"), path, CLOCK, raw=raw)
        await until(recording, 5)
    lines = gzip.decompress(raw_of(path).read_bytes()).decode().splitlines()
    told = [line.split(" ", 1)[1] for line in lines if " <-> " not in line]
    assert told == [*messages, QUOTE.replace(',"data"', ', "data"'), trade(9, "1.25")]
    assert [line.split(" <-> ")[0] for line in lines if " <-> " in line] == [url, url]
    import_files("kraken-v2", [raw_of(path)], tmp_path / "again.parquet")
    kept = ("received", "time", "symbol", "price", "trade_id", "bid")
    rows, again = (
        [[row[name] for name in kept] for row in read(each)[0] if row["channel"] in ("trading", "quote")]
        for each in (path, tmp_path / "again.parquet")
    )
    assert [row[2:] for row in again] == [row[2:] for row in rows]
    assert [row[0] for row in again] == [row[0] for row in rows]
    with pytest.raises(UsageError, match="is there already"):
        RawLines(raw_of(path), CLOCK)


async def test_messages_that_a_slow_reader_does_not_get_are_lost(tmp_path: Path) -> None:
    """A client needs no other message than the newest, a recording does: each one left out is counted, and where."""

    def message(channel: str, seq: int, kind: str = "update", **others: Any) -> dict[str, Any]:
        data = {"symbol": "A/B", "timestamp": seq, **({"depth": 10} if channel == "book" else {})}
        frame = {"event": "data", "channel": channel, "symbol": "A/B", "type": kind, "seq": seq}
        return {**frame, **others, "data": data}

    session = [
        {"event": "subscribed", "channel": "book", "symbol": "A/B", "depth": 10, "seq": 4, "epoch": "e"},
        message("book", 4, "snapshot"), message("book", 5), message("ticker", 1), message("ticker", 5, skipped=3),
        message("book", 9, "snapshot"), message("book", 10), message("ticker", 6),
    ]  # fmt: skip
    path = tmp_path / "x.parquet"
    async with scripted(session) as url:
        _, recording = recording_of(url, path, "book")
        await until(recording, len(session))
    _, info = read(path)
    assert [(gap.stream, gap.after, gap.before, gap.lost) for gap in info.gaps] == [
        ("ticker:A/B", 1, 5, 3),
        ("book:A/B:10", 5, 10, 4),
    ]
    assert all("too slow" in gap.reason for gap in info.gaps)
    assert recording.counters.lost == 7
    assert info.streams["book:A/B:10"].last_seq == 10


async def test_a_recorder_that_cannot_keep_up_names_every_loss(tmp_path: Path) -> None:
    """It does not read for a while, again and again: what it does not get of a book is counted, and where."""
    path = tmp_path / "x.parquet"
    tight = replace(LIMITS, peer=replace(LIMITS.peer, outbox=OutboxLimits(64 * 1024, 20 * SECOND)))
    wanted = ManySubscriptions(("trading", "book", "ticker"), depths=(100,))
    async with serving(engine("volatile"), tight, speed=2000.0) as running:
        link = ClientLink(running.url, [wanted], back_off=quick(), clock=CLOCK)
        recording = FeedRecording(link, path, CLOCK)
        recorder = asyncio.create_task(until(recording, 2500))
        for messages in (400, 1200):
            while recording.counters.messages < messages:
                await asyncio.sleep(0.005)
            connection = link._connection
            assert connection is not None
            before = running.market.hub.counters.skipped
            connection.transport.pause_reading()
            while running.market.hub.counters.skipped == before:
                await asyncio.sleep(0.01)
            connection.transport.resume_reading()
        await recorder
    rows, info = read(path)
    assert sum(gap.lost or 0 for gap in info.gaps) == recording.counters.lost > 0
    last: dict[str, int] = {}
    missing = dict.fromkeys(info.streams, 0)
    for row in (row for row in rows if row["seq"] is not None):
        name = ":".join(filter(None, (row["channel"], row["symbol"], row["interval"])))
        if name in last:
            # A snapshot in the place of others is not the message of its number.
            missing[name] += max(0, row["seq"] - last[name] - (row["type"] == "update"))
        last[name] = max(row["seq"], last.get(name, 0))
    for name, count in missing.items():
        assert count == sum(gap.lost or 0 for gap in info.gaps if gap.stream == name), name
    assert missing["book:BTC/USD:100"]


async def test_all_channels_begin_in_the_same_moment(tmp_path: Path) -> None:
    """One request: at full speed each stream is whole from its first message, or says what it lacks."""
    path = tmp_path / "x.parquet"
    wanted = ManySubscriptions(("trading", "book", "ticker"), depths=(10, 25))
    assert wanted.request() == {
        "event": "subscribe", "channel": ["trading", "book", "ticker"], "symbol": ["*"], "depth": [10, 25],
    }  # fmt: skip
    async with market_of("calm") as running:
        link = ClientLink(running.url, [wanted], back_off=quick(), clock=CLOCK)
        recording = FeedRecording(link, path, CLOCK)
        recorder = asyncio.create_task(until(recording, 4000))
        while recording.counters.messages < 1000:
            await asyncio.sleep(0.005)
        link.drop()
        await recorder
    _, info = read(path)
    streams = {name: stream for name, stream in info.streams.items() if stream.last_seq is not None}
    assert {name.rpartition(":")[2] for name in streams if name.startswith("book")} == {"10", "25"}
    for name, stream in streams.items():
        snapshots = stream.rows - (stream.last_seq or 0) + sum(gap.lost or 0 for gap in info.gaps if gap.stream == name)
        # What is not there is in a gap; a book and a ticker begin with a snapshot, which counts as no message.
        assert stream.first_seq == 1, name
        assert 0 <= snapshots <= 1 + sum(gap.stream == name for gap in info.gaps), name
