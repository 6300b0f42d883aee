"""A recording played again gives the bytes that were recorded, and may be cut, joined, repeated and continued."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from feed.clock import ManualClock
from feed.data.ticks import Source, batches_between
from feed.dialects.registry import PLAIN
from feed.engine.source import EngineSource
from feed.errors import RecordingError, UsageError
from feed.importing.running import import_files
from feed.market.market import Market
from feed.market.recorder import MarketRecorder
from feed.protocol.effects import Stream
from feed.scenario.load import scenario_from
from feed.scenario.model import Scenario
from feed.scenario.replay import Replay
from feed.sources.files import open_recorded
from feed.sources.replay import open_replay
from feed.units import DAY, MINUTE, SECOND
from tests.support.books import ReaderBook
from tests.support.market import Reader, make_market, state_of, unframed

CHANNELS = ("trading", "status", "ticker", "candles", "book")
DOCUMENT = {
    "name": "any",
    "market": {"orders_per_second": 3},
    "symbols": [{"symbol": "BTC/USD"}, {"symbol": "ETH/USD", "start_price": 3400, "tick_size": "0.05"}],
    "events": [{"kind": "halt", "at": "20s", "for": "10s"}],
}


def scenario(document: dict[str, Any] | None = None, **changes: Any) -> Scenario:
    """A scenario of two symbols."""
    return scenario_from({**(document or DOCUMENT), **changes}, "test")


def play(market: Market, until: int) -> None:
    """Publish everything up to a market time."""
    while (due := market.next_time()) is not None and due <= until:
        market.publish_due(until, 300)


def record(path: Path, source: Source, length: int, channels: tuple[str, ...] = CHANNELS, at: int = 0) -> list[bytes]:
    """Record a market from so far into it on; returns what a subscriber of all streams got meanwhile."""
    clock = ManualClock()
    market = make_market(source, clock, begins=source.start + at)
    reader = Reader(market, *(stream for stream in market.streams if stream.channel in channels))
    recorder = MarketRecorder(market, path, channels, clock)
    play(market, source.start + at + length)
    assert recorder.close().lost == 0
    return reader.payloads


def replayed(source: Source, channels: tuple[str, ...] = CHANNELS) -> list[bytes]:
    """What a subscriber of the same streams gets of a source, to its end."""
    market = make_market(source)
    reader = Reader(market, *(stream for stream in market.streams if stream.channel in channels))
    assert source.end is not None
    play(market, source.end)
    return reader.payloads


def by_stream(payloads: list[bytes]) -> dict[str, list[bytes]]:
    """Payloads of each stream, in order."""
    found: dict[str, list[bytes]] = {}
    for payload in payloads:
        message = json.loads(payload)
        data = message["data"]
        part = data.get("interval", data.get("depth", ""))
        found.setdefault(f"{message['channel']}:{message['symbol']}:{part}", []).append(payload)
    return found


@settings(deadline=None, max_examples=2, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10_000), at=st.integers(0, 300))
def test_a_replay_gives_the_bytes_that_were_recorded(tmp_path: Path, seed: int, at: int) -> None:
    """Of every channel and symbol, in the same order, wherever the recording began."""
    path = tmp_path / f"{seed}-{at}.parquet"
    path.unlink(missing_ok=True)
    original = record(path, EngineSource(scenario(seed=seed)), 25 * SECOND, at=at * SECOND)
    again = replayed(open_recorded(path))
    assert {name: len(rows) for name, rows in by_stream(again).items()} == {
        name: len(rows) for name, rows in by_stream(original).items()
    }
    assert again == original


def test_what_was_not_recorded_is_derived(tmp_path: Path) -> None:
    """Of trades alone: candles from the trades, a book around them that is said to be made up."""
    path = tmp_path / "x.parquet"
    original = by_stream(record(path, EngineSource(scenario()), 3 * MINUTE, ("trading",)))
    source = open_recorded(path)
    again = by_stream(replayed(source))
    assert again["trading:BTC/USD:"] == original["trading:BTC/USD:"]
    candle = json.loads(again["candles:BTC/USD:1m"][119], parse_float=Decimal)["data"]
    ticks = [json.loads(row, parse_float=Decimal)["data"] for row in original["trading:BTC/USD:"]]
    minute = [tick for tick in ticks if candle["time"] == tick["timestamp"] // 60_000 * 60]
    assert candle["closed"]
    assert candle["volume"] == sum(tick["size"] for tick in minute)
    assert any("made up" in notice for notice in source.notices)
    book = ReaderBook()
    for row in again["book:BTC/USD:10"]:
        message = json.loads(row, parse_float=Decimal)
        book.apply("snapshot" if message["seq"] == 1 and not book.bids else message["type"], message["data"])


def ticks_of(source: Source, symbol: int, until: int) -> dict[str, np.ndarray]:
    """The columns of a symbol up to a market time."""
    blocks = [batch.ticks[symbol] for batch in batches_between(source, source.start, until)]
    names = ("time", "price", "size", "side", "volume", "trade_id")
    return {name: np.concatenate([getattr(block, name) for block in blocks]) for name in names}


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two minutes of two symbols, just before a midnight, with their books."""
    path = tmp_path_factory.mktemp("recordings") / "day.parquet"
    record(path, EngineSource(scenario()), 2 * MINUTE, ("trading", "status", "book"), at=DAY - MINUTE)
    return path


def opened(recording: Path, /, plan: Scenario | None = None, **replay: Any) -> Source:
    """A replay of a recording."""
    told = Replay.model_validate({"files": [recording.name], **replay})
    return open_replay(plan or scenario(events=[]), told, recording.parent, 1)


def test_trimming(recording: Path) -> None:
    """From and until cut the recording; its numbers of the day stay."""
    whole, cut = open_recorded(recording), opened(recording, from_="30s", until="80s")
    assert cut.start == whole.start + 30 * SECOND
    assert cut.end == whole.start + 80 * SECOND
    inside = ticks_of(whole, 0, whole.end)
    kept = ticks_of(cut, 0, cut.end)
    chosen = (inside["time"] >= cut.start) & (inside["time"] < cut.end)
    assert all((inside[name][chosen] == kept[name]).all() for name in inside)


@pytest.mark.parametrize("how", ["splice", "loop"])
def test_one_after_the_other(recording: Path, how: str) -> None:
    """The second turn begins where the first ends: the same trades, ids that grow, and volume by the day."""
    source = opened(recording, files=[recording.name] * 2) if how == "splice" else opened(recording, loop=True)
    once = open_recorded(recording)
    length = once.end - once.start
    assert source.end == (source.start + 2 * length if how == "splice" else None)
    for symbol in (0, 1):
        single = ticks_of(once, symbol, once.end)
        double = ticks_of(source, symbol, source.start + 2 * length)
        count = len(single["time"])
        assert len(double["time"]) == 2 * count
        assert (double["price"][count:] == single["price"]).all()
        assert (double["time"][count:] == single["time"] + length).all()
        assert (np.diff(double["trade_id"]) > 0).all()
        for day in np.unique(double["time"] // DAY):
            today = double["time"] // DAY == day
            assert (double["volume"][today] == np.cumsum(double["size"][today])).all()
    if how == "loop":
        far = source.start + 1000 * length
        batch = next(source.batches(far))
        assert batch.start == far
        assert (batch.ticks[0].price[:10] == ticks_of(once, 0, once.end)["price"][:10]).all()


def test_the_book_goes_through_all_parts(recording: Path) -> None:
    """A reader that applies every change has a right book, also behind the seam."""
    source = opened(recording, loop=True)
    market = make_market(source)
    stream = Stream("book", "BTC/USD", "10")
    book = ReaderBook()
    reader = Reader(market, stream)
    play(market, source.start + 4 * MINUTE + 30 * SECOND)
    for payload in reader.payloads:
        message = json.loads(payload, parse_float=Decimal)
        if message["seq"] > 1:
            book.apply(message["type"], message["data"])
        else:
            snapshot = json.loads(market_snapshot(source, stream), parse_float=Decimal)
            book.apply("snapshot", snapshot["data"])
            book.apply("update", message["data"])
    assert len(reader.payloads) == market.seq(stream) > 1000


def market_snapshot(source: Source, stream: Stream) -> bytes:
    """The book before anything happened."""
    return unframed(state_of(make_market(source), stream, 1))[0]


def test_history_goes_on_as_a_generated_market(recording: Path) -> None:
    """At the prices at which it stopped, with the script's events counted from there."""
    plan = scenario(events=[{"kind": "flash-crash", "at": "30s", "size": "-8%", "fall": "30s", "recovery": "2m"}])
    source = opened(recording, plan, until="90s", continued=True)
    once = open_recorded(recording)
    seam = once.start + 90 * SECOND
    assert source.end is None
    for symbol in (0, 1):
        ticks = ticks_of(source, symbol, seam + 5 * MINUTE)
        before, behind = ticks["time"] < seam, ticks["time"] >= seam
        assert (ticks["price"][before] == ticks_of(once, symbol, seam)["price"]).all()
        first, last = ticks["price"][behind][0], ticks["price"][before][-1]
        assert abs(first / last - 1) < 0.0005, "no jump at the seam"
        early = (ticks["time"] >= seam) & (ticks["time"] < seam + 30 * SECOND)
        assert abs(ticks["price"][early] / last - 1).max() < 0.01
        fall = ticks["price"][behind & (ticks["time"] < seam + 70 * SECOND)].min()
        assert fall / last - 1 < -0.06
        assert (np.diff(ticks["trade_id"]) > 0).all()
        day = ticks["time"] // DAY == seam // DAY
        expected = np.cumsum(ticks["size"][day])
        assert (ticks["volume"][day] - ticks["volume"][day][0] == expected - expected[0]).all()


def test_files_that_do_not_go_together(recording: Path, tmp_path: Path) -> None:
    """Other steps of the same symbol, a cut behind the end, nothing to go on from: each is named."""
    other = tmp_path / "other.parquet"
    fine = scenario(symbols=[{"symbol": "BTC/USD", "tick_size": "0.5", "start_price": 65000}])
    record(other, EngineSource(fine), 20 * SECOND, ("trading",))
    with pytest.raises(UsageError, match=r"BTC/USD has steps of 0.5 .* and in .*day.parquet of 0.01"):
        opened(recording, files=[str(recording), str(other)])
    with pytest.raises(UsageError, match="behind the end"):
        opened(recording, from_="10m")
    with pytest.raises(RecordingError, match="there is no such file"):
        opened(recording, files=["nothing.parquet"])
    with pytest.raises(ValueError, match="without end"):
        opened(recording, loop=True, continued=True)


def test_before_the_first_trade_of_a_symbol_nothing_is_said_of_it(tmp_path: Path) -> None:
    """And after days without one, the last price is what there is."""
    rows = [
        "1700000000500,BTC/USD,100.5,1,buy",
        "1700000007300,ETH/USD,20.5,1,buy",
        "1700000009000,BTC/USD,101.5,2,buy",
    ]
    rows += ["1700400000000,BTC/USD,99.5,1,sell", "1700400002000,ETH/USD,20.0,1,sell"]
    (tmp_path / "two.csv").write_text("time,symbol,price,size,side\n" + "\n".join(rows) + "\n")
    made = tmp_path / "two.parquet"
    import_files("auto", [tmp_path / "two.csv"], made)
    source = open_recorded(made)
    market = make_market(source)
    streams = [stream for stream in market.streams if stream.channel in ("ticker", "candles")]
    for stream in streams:
        assert market.state_of(stream, 10, PLAIN) is None
        assert market.seq(stream) == 0
    reader = Reader(market, *streams)
    play(market, source.start + 20 * SECOND)
    for name, found in by_stream(reader.payloads).items():
        messages = [json.loads(payload) for payload in found]
        assert [message["seq"] for message in messages] == list(range(1, len(messages) + 1)), name
        first = 7 if "ETH" in name else 0
        assert messages[0]["data"]["timestamp"] == 1_700_000_000_999 + first * 1000
        assert min(message["data"]["low"] for message in messages) >= 20, name
    later = make_market(source, begins=source.start + 90 * 3600 * SECOND)
    for stream in streams:
        for payload in unframed(state_of(later, stream, 10)):
            data = json.loads(payload)["data"]
            price = 101.5 if stream.symbol == "BTC/USD" else 20.5
            assert [data[key] for key in ("open", "high", "low", "vwap", "volume")] == [price] * 4 + [0]
