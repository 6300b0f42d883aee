"""The book agrees with the trades and the ticker at every market time, for any scenario and seed."""

from __future__ import annotations

import json
import threading
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feed.clock import ManualClock
from feed.data.ticks import Source
from feed.dialects.registry import PLAIN
from feed.engine.books import MadeBooks
from feed.engine.source import EngineSource
from feed.market.market import Market
from feed.protocol.effects import Stream
from feed.scenario.load import scenario_from
from feed.units import HOUR, MINUTE, SECOND
from tests.support.books import ReaderBook
from tests.support.market import Reader, make_market, state_of, unframed
from tests.support.sources import MetronomeSource

SYMBOL = "BTC/USD"
TICKER = Stream("ticker", SYMBOL)
TRADING = Stream("trading", SYMBOL)
QUOTE = ("bid", "bid_size", "ask", "ask_size")
EVENTS: list[list[dict[str, Any]]] = [
    [],
    [{"kind": "flash-crash", "at": "20s", "size": "-9%", "fall": "20s", "recovery": "1m"}],
    [{"kind": "spread-blowout", "at": "20s", "for": "60s", "factor": 40}],
    [{"kind": "halt", "at": "32s", "for": "20s"}],
    [{"kind": "jump", "at": "45s", "size": "4%"}],
]
HAND_TICKS: list[list[dict[str, Any]]] = [
    [],
    [
        {"at": "31s", "price": "65010.00", "size": "0.5", "side": "buy"},
        {"at": "31500ms", "price": "64990.00", "size": "2", "side": "sell"},
    ],
]
SCENARIOS = st.fixed_dictionaries(
    {
        "name": st.just("any"),
        "seed": st.integers(0, 10_000),
        "market": st.fixed_dictionaries(
            {
                "orders_per_second": st.sampled_from([0.1, 2, 12]),
                "daily_volatility": st.sampled_from(["1%", "4%", "40%"]),
            }
        ),
        "events": st.sampled_from(EVENTS),
        "ticks": st.sampled_from(HAND_TICKS),
    }
)


def book(depth: int) -> Stream:
    """The stream of a depth."""
    return Stream("book", SYMBOL, str(depth))


def engine(document: dict[str, Any] | None = None) -> EngineSource:
    """A market of BTC/USD."""
    return EngineSource(scenario_from(document or {"name": "any", "market": {"orders_per_second": 3}}, "test"))


def parsed(payload: bytes) -> Any:
    """A message with exact decimals."""
    return json.loads(payload, parse_float=Decimal)


def play(market: Market, until: int) -> None:
    """Publish everything up to a market time."""
    while (due := market.next_time()) is not None and due <= until:
        market.publish_due(until, 300)


def told(source: Source, length: int, *streams: Stream, begins: int | None = None) -> list[dict[str, Any]]:
    """What a subscriber gets of these streams, with the snapshot that a book begins with."""
    market = make_market(source, begins=begins)
    frames = [state_of(market, stream, 1) for stream in streams if stream.channel == "book"]
    reader = Reader(market, *streams)
    play(market, (source.start if begins is None else begins) + length)
    return [parsed(payload) for payload in (*unframed(b"".join(frames)), *reader.payloads)]


@settings(deadline=None, max_examples=5)
@given(SCENARIOS, st.integers(0, 60))
def test_all_channels_tell_the_same_touch(document: dict[str, Any], offset: int) -> None:
    """At each trade and at each second the best bid and ask, and their sizes, are the same everywhere."""
    source = engine(document)
    kept = {depth: ReaderBook() for depth in (10, 25, 100)}
    last: dict[str, Any] = {}
    messages = told(source, 30 * SECOND, *map(book, kept), TRADING, TICKER, begins=source.start + offset * SECOND)
    compared = 0
    for number, message in enumerate(messages):
        data = message["data"]
        if message["channel"] == "book":
            kept[data["depth"]].apply(message["type"], data)
            continue
        if message["channel"] == "trading":
            last = data
            if _goes_on(data, messages[number + 1 : number + 2]):
                continue  # A sweep is on its way: the book is the one behind it.
        elif not last:
            continue
        for levels in kept.values():
            assert levels.touch == tuple(data[name] for name in QUOTE), data
            assert levels.touch == tuple(last[name] for name in QUOTE)
        assert kept[10].best_bids == kept[25].best_bids[:10] == kept[100].best_bids[:10]
        assert kept[25].best_asks == kept[100].best_asks[:25]
        compared += 1
    assert compared or not last, "there were trades, and nothing was compared"


@settings(deadline=None, max_examples=8)
@given(SCENARIOS)
def test_sizes_change_by_what_trades_take(document: dict[str, Any]) -> None:
    """What a trade takes was there just before it, and what it leaves is there behind it: nothing else happens."""
    kept = ReaderBook()
    source = engine(document)
    messages = told(source, 30 * SECOND, book(100), TRADING)
    checked = 0
    for number, message in enumerate(messages):
        following = messages[number + 1] if number + 1 < len(messages) else None
        if message is None or message["channel"] != "book":
            continue
        before = {"buy": dict(kept.asks), "sell": dict(kept.bids)}
        kept.apply(message["type"], message["data"])
        if following is None or following["channel"] != "trading" or message["type"] == "snapshot":
            continue
        sweep = [following["data"]]
        while _goes_on(sweep[-1], messages[number + len(sweep) + 1 : number + len(sweep) + 2]):
            sweep.append(messages[number + len(sweep) + 1]["data"])
        left = before[sweep[0]["side"]]
        for trade in sweep:
            assert left.get(trade["price"], 0) >= trade["size"], f"{trade} takes what nobody offered"
            left[trade["price"]] -= trade["size"]
        left = {price: size for price, size in left.items() if size}
        now = kept.asks if sweep[0]["side"] == "buy" else kept.bids
        assert {price: now.get(price) for price in left} == left
        checked += 1
    assert checked or not any(message["channel"] == "trading" for message in messages)


def _goes_on(trade: dict[str, Any], following: list[dict[str, Any]]) -> bool:
    """Whether the next message is a trade of the same order."""
    if not following or following[0]["channel"] != "trading":
        return False
    after = following[0]["data"]
    return bool(after["side"] == trade["side"] and after["timestamp"] == trade["timestamp"])


@settings(deadline=None, max_examples=5)
@given(SCENARIOS, st.integers(1, 59), st.sampled_from([10, 100]))
def test_a_snapshot_is_the_sum_of_the_updates_before_it(document: dict[str, Any], after: int, depth: int) -> None:
    """Who comes later has the same book, and the same numbers, as who was there from the start."""
    source = engine(document)
    early, late = make_market(source), make_market(source)
    kept = ReaderBook()
    [first] = unframed(state_of(early, book(depth), 1))
    reader = Reader(early, book(depth))
    play(early, source.start + after * SECOND)
    play(late, source.start + after * SECOND)
    kept.apply("snapshot", parsed(first)["data"])
    [second] = map(parsed, unframed(state_of(late, book(depth), 1)))
    assert second["type"] == "snapshot"
    assert second["seq"] == late.seq(book(depth))
    # Who asks late stands where the last trade was, and the book may have changed since.
    assert len(reader.payloads) == early.seq(book(depth)) >= second["seq"]
    for payload in reader.payloads[: second["seq"]]:
        kept.apply("update", parsed(payload)["data"])
    assert [tuple(level) for level in second["data"]["bids"]] == kept.best_bids
    assert [tuple(level) for level in second["data"]["asks"]] == kept.best_asks
    assert len(kept.bids) == len(kept.asks) == depth


def test_a_book_is_the_same_wherever_one_begins() -> None:
    """A market that begins later has the same book at the same time: a block made alone is the block in sequence."""
    source = engine()
    at = source.start + 47 * MINUTE + 12_345 * SECOND // 1000
    alone = engine().books(0).during(at, at + MINUTE)
    list(zip(range(5), source.batches(source.start), strict=False))
    in_sequence = source.books(0).during(source.start, at + MINUTE)
    rows = len(alone.quotes)
    assert rows > 100
    assert alone.ladders(-1, rows, 25) == in_sequence.ladders(
        len(in_sequence.quotes) - rows - 1, len(in_sequence.quotes), 25
    )
    assert source.books(0).count(source.start, at) == len(in_sequence.quotes) - rows


def test_a_slow_reader_gets_the_whole_book_in_place_of_what_it_missed() -> None:
    """The newest difference would leave it with a book that never was."""
    clock = ManualClock()
    market = make_market(MetronomeSource(every=SECOND // 10), clock)
    kept = ReaderBook()
    reader = Reader(market, book(10))
    play(market, market.source.start + 2 * SECOND)
    reader.stuck = True
    play(market, market.source.start + 3 * SECOND)
    clock.advance(6 * SECOND)
    play(market, market.source.start + 9 * SECOND)
    reader.release()
    play(market, market.source.start + 10 * SECOND)
    messages = list(map(parsed, reader.payloads))
    for message in messages:
        kept.apply("snapshot" if message is messages[0] else message["type"], message["data"])
    [whole] = [message for message in messages if message["type"] == "snapshot"]
    numbers = [message["seq"] for message in messages]
    assert whole["skipped"] == whole["seq"] - numbers[numbers.index(whole["seq"]) - 1] - 1 > 0


def test_a_resumed_book_goes_on_with_the_same_bytes() -> None:
    """What was missed is sent byte for byte as it was."""
    source = engine()
    market = make_market(source)
    reader = Reader(market, book(25))
    play(market, source.start + 20 * SECOND)
    frames = b"".join(market.missed(book(25), 7, 10_000, PLAIN))
    assert list(unframed(frames)) == list(reader.payloads)[7:]


@pytest.mark.parametrize("numbers", ["plain", "string"])
def test_numbers_have_the_decimals_of_the_instrument(numbers: str) -> None:
    """Every price and size, also the 0 of a level that is gone."""
    market = make_market(MetronomeSource())
    reader = Reader(market, book(10), numbers=numbers)
    play(market, market.source.start + 5 * SECOND)
    mark = '"' if numbers == "string" else ""
    text = b"".join(reader.payloads).decode()
    assert f",{mark}0.00000{mark}]" in text
    for payload in reader.payloads:
        data = json.loads(payload, parse_float=str)["data"]
        assert all(len(str(price).split(".")[1]) == 2 for price, _ in (*data["bids"], *data["asks"]))
        assert all(len(str(size).split(".")[1]) == 5 for _, size in (*data["bids"], *data["asks"]))


def test_the_first_reader_finds_the_changes_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A market that has run for hours counts as it goes: only the last of them are left for whoever comes."""
    document = {"name": "any", "market": {"orders_per_second": 0.5}}
    source, same = (EngineSource(scenario_from(document, "test")) for _ in range(2))
    market = make_market(source, past=same, begins=source.start + 90 * SECOND)
    while (due := market.next_time()) is not None and due < source.start + 5 * HOUR:
        market.publish_due(due, 500)
        while market.chores.askers:
            threading.Event().wait(0.001)
    counted: list[int] = []
    count = MadeBooks._count

    def noted(self: MadeBooks, number: int) -> int:
        counted.append(number)
        return count(self, number)

    monkeypatch.setattr(MadeBooks, "_count", noted)
    seq = market.seq(book(10))
    # Of a quarter of an hour each, up to half an hour and what is being played.
    assert 0 < len(counted) <= 4
    assert seq == same.books(0).count(source.start + 90 * SECOND, market.published + 1)
