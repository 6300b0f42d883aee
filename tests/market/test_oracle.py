"""The oracle says of every message what a client that got everything shows then."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest

from feed.client.book import Book
from feed.engine.source import EngineSource
from feed.market.commands import CommandError
from feed.market.market import Market
from feed.protocol.effects import Stream
from feed.protocol.requests import Expect
from feed.scenario.load import scenario_from
from feed.server.oracle import answer_of, difference_of
from feed.units import SECOND
from tests.support.market import Reader, make_market
from tests.support.sources import BTC, ETH, MetronomeSource

BUSY = {
    "name": "busy",
    "market": {"orders_per_second": 20},
    "symbols": [{"symbol": "BTC/USD"}, {"symbol": "ETH/USD", "start_price": 3000}],
    "events": [{"kind": "halt", "at": "8s", "for": "2s"}, {"kind": "jump", "at": "5s", "size": "-2%"}],
}


def told(market: Market, until: int) -> list[dict[str, Any]]:
    """Every message of some streams of the market up to a time, in order."""
    wanted = [it for it in market.streams if it.symbol == "BTC/USD" and it.part in ("", "1s", "1m", "25")]
    reader = Reader(market, *wanted, limit=2**26)
    while (due := market.next_time()) is not None and due <= until:
        market.publish_due(until, 64)
    return reader.messages


def ask(market: Market, **keys: Any) -> dict[str, Any]:
    """The oracle's answer, as a client reads it."""
    state = asyncio.run(answer_of(market, "test", Expect(**keys)))
    values = {key: getattr(state, key) for key in type(state).__slots__}
    answer: dict[str, Any] = orjson.loads(orjson.dumps(values))
    return answer


@pytest.mark.parametrize("lag", [0, 700])
def test_any_message_of_a_generated_market(lag: int) -> None:
    """Trades, books, candles and tickers, in the middle of an instant as well; whether anybody listened or not."""
    source = EngineSource(scenario_from(BUSY, "busy"))
    market = make_market(source, begins=source.start + lag * SECOND)
    messages = told(market, market.state.begins + 15 * SECOND)
    seen: set[str] = set()
    book = Book("BTC/USD", 25, 2, 5)
    book.apply(0, ask(market, channel="book", symbol="BTC/USD", seq=0, depth="25")["book"], snapshot=True)
    checked = 0
    for number, message in enumerate(messages):
        seen.add(message["channel"] + message["data"].get("interval", ""))
        if message["channel"] == "book":
            assert book.apply(message["seq"], message["data"], snapshot=False)
        if number % 41 and message["channel"] not in ("ticker", "candles", "status"):
            continue
        checked += 1
        channel, data = message["channel"], message["data"]
        part = {key: str(data[key]) for key in ("interval", "depth") if key in data}
        state = ask(market, channel=channel, symbol="BTC/USD", seq=message["seq"], **part)
        assert (state["seq"], state["timestamp"], state["epoch"]) == (message["seq"], data["timestamp"], market.epoch)
        if channel == "trading":
            assert (state["trade"], state["last"]) == (data, data["price"])
            assert (state["bid"], state["ask"]) == (data["bid"], data["ask"])
        elif channel == "book":
            assert (state["book"]["checksum"], state["depth"]) == (data["checksum"], 25)
            assert state["book"]["bids"] == [list(level) for level in book.bids]
            assert state["book"]["asks"] == [list(level) for level in book.asks]
        elif channel == "candles":
            assert state["candles"][data["interval"]] == data
        else:
            assert state[channel] == data
    assert checked > 40
    assert {"trading", "book", "ticker", "candles1s", "candles1m"} == seen - {"status"}
    assert lag or "status" in seen


def test_now_and_before_the_first_message() -> None:
    """Without a number it is about now; number 0 is the state before the epoch's first message."""
    source = EngineSource(scenario_from(BUSY, "busy"))
    market = make_market(source)
    before = ask(market, channel="trading", symbol="BTC/USD")
    messages = told(market, source.start + 3 * SECOND)
    assert ask(market, channel="trading", symbol="BTC/USD", seq=0) == before
    now = ask(market, channel="trading", symbol="BTC/USD")
    last = [message for message in messages if message["channel"] == "trading"][-1]
    assert (now["seq"], now["trade"]) == (last["seq"], last["data"])
    assert before["trade"]["trade_id"] < now["trade"]["trade_id"]


def test_the_first_difference_is_told() -> None:
    """Equal numbers are equal however they are written; levels are compared as far as the client shows them."""
    market = make_market(EngineSource(scenario_from(BUSY, "busy")))
    told(market, market.state.begins + 3 * SECOND)
    state = asyncio.run(answer_of(market, "test", Expect(channel="book", symbol="BTC/USD"), (("numbers", "string"),)))
    book = orjson.loads(orjson.dumps(state.book))
    view = {"bids": book["bids"][:3], "asks": [[float(price), float(size)] for price, size in book["asks"]]}
    assert difference_of(state, view) is None
    wrong = {"bids": [book["bids"][0], [book["bids"][1][0], "7"]]}
    difference = difference_of(state, wrong)
    assert difference is not None
    assert (difference["key"], difference["client"]) == ("bids[1][1]", "7")
    candle = orjson.loads(orjson.dumps(state.candles))["1m"]
    assert difference_of(state, {"candle": {"interval": "1m", "close": candle["close"]}}) is None
    missed = difference_of(state, {"candle": {"interval": "1m", "close": "1.00"}})
    assert missed is not None
    told_back = orjson.loads(orjson.dumps(missed))
    assert told_back == {"key": "candle.close", "client": "1.00", "market": float(candle["close"])}


@pytest.mark.parametrize(
    ("keys", "field"),
    [
        ({"channel": "trades", "symbol": "BTC/USD"}, "channel"),
        ({"channel": "trading"}, "symbol"),
        ({"channel": "trading", "symbol": "XRP/USD"}, "symbol"),
        ({"channel": "trading", "symbol": "BTC/USD", "seq": 99}, "seq"),
        ({"channel": "trading", "symbol": "BTC/USD", "depth": "11"}, "depth"),
        ({"channel": "candles", "symbol": "BTC/USD", "interval": "2m"}, "interval"),
    ],
)
def test_questions_about_nothing_are_refused(keys: dict[str, Any], field: str) -> None:
    """Each names the key that is wrong, and what could be asked."""
    market = make_market(MetronomeSource((BTC, ETH)))
    with pytest.raises(CommandError) as refusal:
        ask(market, **keys)
    assert refusal.value.field == field
    assert refusal.value.hint
    assert market.seq(Stream("trading", "BTC/USD")) == 0
