"""Tickers and candles agree with the ticks, to the last digit, at every market time and wherever one begins."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feed.data.ticks import Source
from feed.dialects.registry import PLAIN
from feed.engine.source import EngineSource
from feed.market.channels.derived import INTERVALS
from feed.market.market import Market
from feed.protocol.effects import Stream
from feed.scenario.load import scenario_from
from feed.units import DAY, HOUR, MILLISECOND, MINUTE, SECOND
from tests.support.market import Reader, make_market, state_of, unframed
from tests.support.sources import MetronomeSource

SYMBOL = "BTC/USD"
TICKER = Stream("ticker", SYMBOL)
TRADING = Stream("trading", SYMBOL)


def candles(interval: str) -> Stream:
    """The stream of an interval."""
    return Stream("candles", SYMBOL, interval)


def played(source: Source, until: int, *streams: Stream, begins: int | None = None) -> list[dict[str, Any]]:
    """The data of each message of these streams up to a market time, with exact decimals."""
    market = make_market(source, begins=begins)
    reader = Reader(market, *streams)
    play(market, until)
    return [json.loads(payload, parse_float=Decimal) for payload in reader.payloads]


def play(market: Market, until: int) -> None:
    """Publish everything up to a market time."""
    while (due := market.next_time()) is not None and due <= until:
        market.publish_due(until, 300)


def aggregated(ticks: list[dict[str, Any]], begin: int, end: int) -> dict[str, Any] | None:
    """The candle of the ticks with `begin` <= timestamp < `end` (ms), by the definition."""
    inside = [tick for tick in ticks if begin <= tick["timestamp"] < end]
    if not inside:
        return None
    prices = [tick["price"] for tick in inside]
    volume = sum(tick["size"] for tick in inside)
    notional = sum(tick["price"] * tick["size"] for tick in inside)
    return {
        "open": prices[0],
        "high": max(prices),
        "low": min(prices),
        "close": prices[-1],
        "volume": volume,
        "trades": len(inside),
        "vwap": (notional / volume).quantize(Decimal("0.01"), rounding="ROUND_HALF_UP"),
    }


SCENARIOS = st.fixed_dictionaries(
    {
        "name": st.just("any"),
        "seed": st.integers(0, 10_000),
        "market": st.fixed_dictionaries({"orders_per_second": st.sampled_from([0.05, 0.5, 3])}),
        "phases": st.sampled_from(
            [
                [],
                [{"name": "stop", "at": "30s", "for": "70s", "status": "halted"}],
                [{"name": "fall", "for": "5m", "drift": "-30%"}],
            ]
        ),
    }
)  # fmt: skip


@settings(deadline=None, max_examples=3)
@given(SCENARIOS, st.integers(0, 400))
def test_candles_are_the_aggregation_of_ticks(document: dict[str, Any], offset: int) -> None:
    """Each candle, open or closed, is what its ticks come to, also those before the market began."""
    source = EngineSource(scenario_from(document, "test"))
    begins = source.start + offset * SECOND
    until = begins + 6 * MINUTE
    ticks = [m["data"] for m in played(source, until, TRADING, begins=source.start - HOUR)]
    names = ("1s", "15s", "1m", "5m")
    got = played(source, until, *(candles(name) for name in names), begins=begins)
    assert len(got) == 4 * 360
    for message in got:
        data = message["data"]
        begin = data["time"] * 1000
        length = INTERVALS[data["interval"]] // MILLISECOND
        assert begin % length == 0
        assert data["closed"] == ((data["timestamp"] + 1) % length == 0)
        expected = aggregated(ticks, begin, data["timestamp"] + 1)
        if expected is None:
            assert data["trades"] == 0
            assert data["open"] == data["close"] == data["high"] == data["low"] == data["vwap"]
        else:
            assert {name: data[name] for name in expected} == expected


@settings(deadline=None, max_examples=3)
@given(SCENARIOS, st.integers(0, 400))
def test_ticker_agrees_with_the_ticks(document: dict[str, Any], offset: int) -> None:
    """Last trade and touch are those of the last tick, and the figures are those of 24 hours of ticks."""
    document["market"]["orders_per_second"] = 0.05
    source = EngineSource(scenario_from(document, "test"))
    begins = source.start + offset * SECOND
    until = begins + 3 * MINUTE
    ticks = [m["data"] for m in played(source, until, TRADING, begins=source.start - DAY - 2 * MINUTE)]
    for message in played(source, until, TICKER, begins=begins):
        data = message["data"]
        opening = (data["timestamp"] // 60_000 - 1440) * 60_000
        day = [tick for tick in ticks if opening <= tick["timestamp"] <= data["timestamp"]]
        last = day[-1]
        assert data["last"] == last["price"]
        for name in ("bid", "bid_size", "ask", "ask_size"):
            assert data[name] == last[name]
        figures = aggregated(ticks, opening, data["timestamp"] + 1)
        assert figures is not None
        for name in ("open", "high", "low", "volume", "vwap"):
            assert data[name] == figures[name], name
        assert data["change"] == last["price"] - figures["open"]
        percent = (100 * data["change"] / figures["open"]).quantize(Decimal("0.01"), rounding="ROUND_HALF_UP")
        assert abs(data["change_percent"] - percent) <= Decimal("0.01")


def test_seq_is_that_of_one_who_was_there_from_the_start() -> None:
    """A stream that nobody listened to has the seq, and from then on the bytes, of one that somebody did."""
    source = EngineSource(scenario_from({"name": "any", "market": {"orders_per_second": 20}}, "test"))
    streams = (TICKER, candles("1m"), candles("1h"))
    early, late = make_market(source), make_market(source)
    first = Reader(early, *streams)
    second = Reader(late, TRADING)
    for market in (early, late):
        play(market, source.start + 20 * MINUTE + 500 * MILLISECOND)
    for stream in streams:
        assert late.seq(stream) == early.seq(stream) == 1200
        assert late.recoverable(stream, late.epoch, 100)
    second = Reader(late, *streams)
    for market in (early, late):
        play(market, source.start + 31 * MINUTE)
    assert second.payloads == first.payloads[3 * 1200 :]
    assert late.missed(streams[1], 100, 50, PLAIN) == early.missed(streams[1], 100, 50, PLAIN)


@pytest.mark.parametrize("interval", ["1s", "15s", "1m", "5m"])
@pytest.mark.parametrize("count", [1, 2, 30])
def test_candle_snapshot_is_the_past(interval: str, count: int) -> None:
    """A subscription begins with the candle as it stands, or with the last ones, also those before the start."""
    source = EngineSource(scenario_from({"name": "any", "market": {"orders_per_second": 20}}, "test"))
    market = make_market(source)
    stream, length = candles(interval), INTERVALS[interval]
    now = source.start + 10 * MINUTE + 20 * SECOND + 300 * MILLISECOND
    Reader(market, stream)
    play(market, now)
    shown = [json.loads(p) for p in unframed(state_of(market, stream, count))]
    assert len(shown) == count
    assert {message["type"] for message in shown} == {"snapshot"}
    assert [message["data"]["closed"] for message in shown] == [True] * (count - 1) + [False]
    begins = [message["data"]["time"] for message in shown]
    assert begins == [(now // length - back) * length // SECOND for back in range(count - 1, -1, -1)]
    whole = played(source, now, stream, begins=source.start - 3 * HOUR)
    closed = {m["data"]["time"]: m["data"] for m in whole if m["data"]["closed"]}
    for message in shown[:-1]:
        theirs = closed[message["data"]["time"]]
        assert {
            key: Decimal(str(value)) if isinstance(value, float) else value for key, value in message["data"].items()
        } == theirs


def test_sources_without_a_past_have_figures_too() -> None:
    """Before the first trade of a file there is nothing, and that is what the figures say."""
    messages = played(MetronomeSource(every=10 * SECOND, count=30), 2**62, TICKER, candles("1m"))
    ticker = [m["data"] for m in messages if m["channel"] == "ticker"]
    assert ticker[0]["last"] == Decimal("65000.00")
    assert ticker[-1]["volume"] == Decimal(sum(1000 + n % 97 for n in range(30))).scaleb(-5)
    closed = [m["data"] for m in messages if m["channel"] == "candles" and m["data"]["closed"]]
    assert [candle["trades"] for candle in closed] == [6, 6, 6, 6, 6]


def test_string_numbers() -> None:
    """The string variant quotes every decimal of them."""
    market = make_market(MetronomeSource(count=50))
    reader = Reader(market, TICKER, candles("1s"), numbers="string")
    play(market, 2**62)
    for message in reader.messages:
        assert all(isinstance(message["data"][key], str) for key in ("volume", "vwap", "high", "low", "open"))
