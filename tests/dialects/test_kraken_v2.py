"""Kraken v2: our parser of that exchange reads what the dialect writes, and its client is answered as there."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.asyncio.client import ClientConnection, connect

from feed.clock import ManualClock
from feed.data.book import Ladder, Level
from feed.data.keptbook import KeptBook, text_digits
from feed.data.rows import BookRows, CandleRow, CandleRows, RawRows, Rows, TickerRow, TickerRows, TradeRows
from feed.data.ticks import BUY, Instrument, TickBlock
from feed.dialects.base import Form, Kind, Options
from feed.dialects.registry import DIALECTS, NATIVE
from feed.engine.source import EngineSource
from feed.market.channels.base import StatusTrack, TickTrack
from feed.market.market import Market
from feed.protocol import codes
from feed.protocol.effects import Stream
from feed.scenario.load import scenario_from
from feed.units import DAY, MILLISECOND, MINUTE, SECOND
from feed.venues.events import Event, Note, Quote, Trade, VenueBookSnapshot, VenueBookUpdate, VenueStatus
from feed.venues.kraken_v2 import KrakenV2
from tests.protocol.conversation import Conversation
from tests.server.conftest import Serve, serve
from tests.support.market import TRADING, Reader, make_market, state_of, unframed
from tests.support.sources import BTC, ETH, START, MetronomeSource
from tests.support.waiting import PATIENCE

__all__ = ["serve"]

KRAKEN = DIALECTS["kraken"]
FORM = Form(KRAKEN)

STEPS = st.sampled_from(["0.01", "0.05", "0.5", "1", "0.25", "10", "0.00001", "0.1"])
COUNTS = st.integers(1, 10**9)
NOTES = ("gap", "duplicate", "checksum", "no-snapshot", "malformed", "unknown")


@st.composite
def instruments(draw: st.DrawFn) -> Instrument:
    """A pair with any steps."""
    return Instrument("AB/C", Decimal(draw(STEPS)).normalize(), Decimal(draw(STEPS)).normalize())


@st.composite
def blocks(draw: st.DrawFn) -> TickBlock:
    """Fills at whole microseconds, as far as the exchange tells time."""
    size = draw(st.integers(1, 8))

    def column(values: st.SearchStrategy[int]) -> Any:
        return np.array(draw(st.lists(values, min_size=size, max_size=size)), np.int64)

    number = np.arange(size, dtype=np.int64)
    return TickBlock(
        time=START + column(st.integers(0, 10**12)) * 1000, price=column(COUNTS), size=column(COUNTS),
        side=column(st.sampled_from([BUY, -1])), bid=column(COUNTS), bid_size=column(COUNTS),
        ask=column(COUNTS), ask_size=column(COUNTS), volume=column(COUNTS), trade_id=number,
    )  # fmt: skip


@st.composite
def ladders(draw: st.DrawFn, depth: int) -> list[Ladder]:
    """Books that follow each other, each cut at a depth; never crossed, and sometimes with an empty side."""
    found = []
    for _ in range(draw(st.integers(1, 6))):
        middle = draw(st.integers(100, 130))
        bids = draw(st.dictionaries(st.integers(middle - 20, middle - 1), st.integers(1, 3), max_size=15))
        asks = draw(st.dictionaries(st.integers(middle, middle + 20), st.integers(1, 3), max_size=15))
        found.append(Ladder(tuple(sorted(bids.items(), reverse=True)), tuple(sorted(asks.items()))).cut(depth))
    return found


def written(stream: Stream, rows: Rows, first_seq: int = 1, kind: Kind = "update") -> list[bytes]:
    """Rows as messages of the exchange, without those that say nothing."""
    payloads = KRAKEN.write(stream, rows, first_seq, kind, ())
    assert len(payloads) == len(rows)
    return [payload for payload in payloads if payload]


def parsed(parser: KrakenV2, payloads: Sequence[bytes]) -> list[Event]:
    """What our parser reads, which has nothing to say against it."""
    events = [event for payload in payloads for event in parser.parse(payload.decode(), 0)]
    assert not [event for event in events if isinstance(event, Note) and event.kind in NOTES]
    return events


@given(instruments(), blocks(), st.integers(1, 10**6))
def test_trades_are_the_rows(each: Instrument, block: TickBlock, seq: int) -> None:
    """Every price, size, side and time, in the instrument's decimals, with ids in a row."""
    trades = parsed(KrakenV2(), written(Stream("trading", each.symbol), TradeRows(each, block), seq))
    for row, trade in enumerate(trades):
        assert isinstance(trade, Trade)
        assert Decimal(trade.price) == int(block.price[row]) * each.tick_size
        assert Decimal(trade.size) == int(block.size[row]) * each.lot_size
        assert -Decimal(trade.price).as_tuple().exponent == each.price_decimals  # type: ignore[operator]
        assert trade.side == ("buy" if block.side[row] == BUY else "sell")
        assert trade.time == block.time[row]
        assert trade.trade_id == 10**9 + seq + row
    assert len(trades) == len(block)


@given(st.data(), instruments(), st.sampled_from([1, 5, 10, 25]))
def test_books_are_the_ladders(data: st.DataObject, each: Instrument, depth: int) -> None:
    """Behind each message the parser's book is ours, whose checksum it has checked; nothing else says it again."""
    found = data.draw(ladders(depth))
    times = [START + row * MILLISECOND for row in range(len(found))]
    stream = Stream("book", each.symbol, str(depth))
    parser, book = KrakenV2(depth), KeptBook(depth, text_digits)
    whole = BookRows(each, depth, times[:1], found[:1], whole=True)
    changes = BookRows(each, depth, times[1:], found, whole=False)
    messages = [*KRAKEN.write(stream, whole, 1, "state", ()), *KRAKEN.write(stream, changes, 2, "update", ())]
    before: Ladder | None = None
    for payload, ladder in zip(messages, found, strict=True):
        assert bool(payload) == (ladder != before)
        for event in parsed(parser, [payload] if payload else []):
            assert isinstance(event, VenueBookSnapshot | VenueBookUpdate)
            sizes = [size for _, size in event.bids]
            assert [float(size) == 0 for size in sizes] == sorted([float(s) == 0 for s in sizes], reverse=True)
            book.apply(event.bids, event.asks)
        assert levels_of(book.bids.best(depth), each) == ladder.bids
        assert levels_of(book.asks.best(depth), each) == ladder.asks
        before = ladder


def levels_of(texts: Sequence[tuple[str, str]], each: Instrument) -> tuple[Level, ...]:
    """Levels in steps again."""
    return tuple((int(Decimal(p) / each.tick_size), int(Decimal(s) / each.lot_size)) for p, s in texts)


@given(instruments(), COUNTS, COUNTS, COUNTS, st.integers(0, 10**6))
def test_a_ticker_is_a_quote(each: Instrument, bid: int, size: int, last: int, volume: int) -> None:
    """The touch with all of its decimals; where nothing was traded there is nothing to tell."""
    row = TickerRow(last, bid, size, bid + 1, size, last, last, last, volume, volume * last, START)
    events = parsed(KrakenV2(), written(Stream("ticker", each.symbol), TickerRows(each, [row])))
    assert len(events) == 1
    for quote in events:
        assert isinstance(quote, Quote)
        assert levels_of([(quote.bid, quote.bid_size), (quote.ask, quote.ask_size)], each) == (
            (bid, size),
            (bid + 1, size),
        )
        assert quote.time == START


CANDLE = CandleRow(START, 100, 120, 90, 110, 30, 4, 3150, closed=False, time=START + 26 * SECOND - 1)


def test_candles() -> None:
    """Each key of the exchange; a candle of no trade is not told, and a snapshot is one message."""
    empty = CandleRow(START + MINUTE, 110, 110, 110, 110, 0, 0, 0, closed=False, time=START + 2 * MINUTE)
    rows = CandleRows(BTC, "5m", [CANDLE, empty, CANDLE])
    first, none, _ = KRAKEN.write(Stream("candles", BTC.symbol, "5m"), rows, 1, "update", ())
    assert none == b""
    assert first == (
        b'{"channel":"ohlc","type":"update","timestamp":"2025-01-06T00:00:25.999999000Z","data":[{"symbol":"BTC/USD",'
        b'"open":1.00,"high":1.20,"low":0.90,"close":1.10,"trades":4,"volume":0.00030,"vwap":1.05,'
        b'"interval_begin":"2025-01-06T00:00:00.000000000Z","interval":5,"timestamp":"2025-01-06T00:05:00.000000Z"}]}'
    )
    [snapshot] = written(Stream("candles", BTC.symbol, "5m"), rows, 1, "state")
    assert len(orjson.loads(snapshot)["data"]) == 2
    assert orjson.loads(snapshot)["type"] == "snapshot"


def test_what_a_recording_has_is_told_too() -> None:
    """Objects of recorded candles and tickers come to the same messages as the rows that they were written from."""
    odd = Instrument("ETH/USD", Decimal("0.05"), Decimal("0.001"))
    ticker = TickerRow(100, 99, 5, 101, 6, 90, 120, 80, 70, 7003, START + 25 * MILLISECOND, trades=None)
    candle = CandleRow(START, 100, 120, 90, 110, 30, 4, 3151, closed=True, time=START + MINUTE - MILLISECOND)
    made: tuple[Rows, ...] = (TickerRows(odd, [ticker]), CandleRows(odd, "1m", [candle]))
    for rows in made:
        for options in ((), (("numbers", "string"),)):
            raw = RawRows(odd, NATIVE.objects(rows, options))
            assert written(Stream("", ""), raw) == written(Stream("", ""), rows) != []


def test_a_snapshot_of_trades_is_one_message() -> None:
    """Oldest first, with the ids that they had; what has no word there says nothing."""
    block = next(MetronomeSource().batches(START)).ticks[0][:7]
    [payload] = written(TRADING, TickTrack(block, BTC, DAY).rows(0, 7), 3, "snapshot")
    message = orjson.loads(payload)
    assert message["type"] == "snapshot"
    assert [row["trade_id"] for row in message["data"]] == [10**9 + seq for seq in range(3, 10)]
    assert message["data"][0]["timestamp"] == "2025-01-07T00:00:00.000000Z"
    change = next(iter(MetronomeSource().statuses(START)))
    assert written(Stream("status", "BTC/USD"), StatusTrack((change,), 0).rows(0, 1)) == []


def test_ids_grow_with_the_epoch() -> None:
    """Who comes back in another epoch sees greater numbers."""
    block = next(MetronomeSource().batches(START)).ticks[0][:1]
    [payload] = KRAKEN.write(TRADING, TradeRows(BTC, block), 5, "update", (), 0, 3)
    assert orjson.loads(payload)["data"][0]["trade_id"] == 3 * 10**9 + 5


# A whole market.


def wild() -> EngineSource:
    """A market in which much happens."""
    return EngineSource(scenario_from({"name": "wild", "market": {"orders_per_second": 10}}, "wild"), 5)


@settings(max_examples=4, deadline=None)
@given(st.integers(0, 120), st.sampled_from(["10", "25", "100"]), st.lists(st.integers(1, 250), max_size=4))
def test_the_exchange_shows_the_same_market(began: int, depth: str, stalls: list[int]) -> None:
    """Whenever it joins, and however slow it reads: trades equal, none missing, and its book is the native one."""
    source = wild()
    market = make_market(source, begins=source.start + began * SECOND)
    stream = Stream("book", "BTC/USD", depth)
    reader, native = Reader(market, TRADING, stream, form=FORM), Reader(market, TRADING, stream)
    opening = unframed(market.state_of(stream, 1, FORM) or b"")
    slow = Reader(market, stream, limit=2**14, form=FORM)
    for stall in stalls:
        reader.stuck = slow.stuck = True
        publish(market, stall)
        reader.release()
        slow.release()
        publish(market, 3)
    publish(market, 50)
    parser = KrakenV2(int(depth))
    events = parsed(parser, [*opening, *reader.payloads])
    trades = [event for event in events if isinstance(event, Trade)]
    shown = [message["data"] for message in native.messages if message["channel"] == "trading"]
    assert [(float(it.price), float(it.size), it.side) for it in trades] == [
        (it["price"], it["size"], it["side"]) for it in shown
    ]
    assert [(it.time or 0) // MILLISECOND for it in trades] == [it["timestamp"] for it in shown]
    whole = json.loads(unframed(state_of(market, stream))[0], parse_float=str)["data"]
    updates = parsed(KrakenV2(int(depth)), [*opening, *slow.payloads])
    for seen in (events, updates):
        assert [isinstance(event, VenueBookSnapshot) for event in seen].index(True) == 0
        assert not [event for event in seen[1:] if isinstance(event, VenueBookSnapshot)]
        book = KeptBook(int(depth), text_digits)
        for event in seen:
            if isinstance(event, VenueBookSnapshot | VenueBookUpdate):
                book.apply(event.bids, event.asks)
        assert [list(level) for level in book.bids.best(200)] == whole["bids"]
        assert [list(level) for level in book.asks.best(200)] == whole["asks"]


def publish(market: Market, count: int) -> None:
    """So many more messages."""
    for _ in range(count):
        market.next_time()
        market.publish_due(2**62, 1)


def test_forms_share_no_bytes_and_all_of_one_do() -> None:
    """Two readers of the dialect get the same bytes, written once; a native one beside them is not disturbed."""
    calls = []

    def counted(*args: Any) -> list[bytes]:
        calls.append(args)
        return KRAKEN.write(*args)

    @dataclass(frozen=True)
    class Counting:
        write: Any = field(default=partial(counted), compare=False)
        wants_net_change: bool = True

    market = make_market()
    form = Form(Counting())  # type: ignore[arg-type]
    readers = [Reader(market, TRADING, form=form) for _ in range(20)]
    native = Reader(market, TRADING)
    publish(market, 200)
    assert len(calls) == 1
    assert {reader.data.hex() for reader in readers} == {readers[0].data.hex()}
    assert [row["data"][0]["trade_id"] for row in readers[0].messages] == [10**9 + seq for seq in native.seqs()]


def test_what_says_nothing_is_not_written() -> None:
    """A message without bytes is no write, no sign of life, and nothing that a slow reader has missed."""

    @dataclass(frozen=True)
    class EverySecond:
        wants_net_change: bool = False

        def write(
            self, stream: Stream, rows: Rows, first_seq: int, kind: Kind, options: Options, skipped: int, epoch: int
        ) -> list[bytes]:
            """Only what has an even number."""
            return [b"" if seq % 2 else b"%d-%d" % (seq, skipped) for seq in range(first_seq, first_seq + len(rows))]

    clock = ManualClock()
    market = make_market(MetronomeSource(every=SECOND), clock)
    form = Form(EverySecond())  # type: ignore[arg-type]
    ticker = Stream("ticker", "BTC/USD")
    reader = Reader(market, TRADING, ticker, form=form)
    for seq in range(1, 21):
        clock.advance(SECOND)
        publish(market, 2)
        assert market.seq(TRADING) == market.seq(ticker) == seq
        written_at = clock.now() - seq % 2 * SECOND
        assert [market.hub.written_at(it, form) for it in (TRADING, ticker)] == [written_at if seq > 1 else 0] * 2
    assert reader.payloads == [b"%d-0" % seq for seq in range(2, 21, 2) for _ in (TRADING, ticker)]
    assert market.hub.counters.writes == len(reader.payloads)


# A conversation.


def talk() -> Conversation:
    """A client of the exchange, greeted."""
    conversation = Conversation(dialect=KRAKEN)
    [greeting] = conversation.open()
    assert parsed(KrakenV2(), [greeting[2:].encode()]) == [VenueStatus("", None, "online")]
    return conversation


def ask(conversation: Conversation, method: str, number: int | None = None, **params: Any) -> list[str]:
    """What a request comes to, without the times."""
    request = {"method": method, "params": params} | ({} if number is None else {"req_id": number})
    return [without_times(line) for line in conversation.say(orjson.dumps(request))]


def without_times(line: str) -> str:
    """An answer whose two times are there, and left out."""
    if not line.startswith("< "):
        return line
    document = orjson.loads(line[2:])
    assert document.pop("time_in") <= document.pop("time_out")
    return "< " + orjson.dumps(document).decode()


def test_answers_and_joins() -> None:
    """One answer a symbol, each before its data, and each with the number of the request."""
    conversation = talk()
    assert ask(conversation, "subscribe", 3, channel="book", symbol=["BTC/USD", "XBT/USD", "ETH/USD"]) == [
        '< {"method":"subscribe","result":{"channel":"book","depth":10,"snapshot":true,"symbol":"BTC/USD"},'
        '"success":true,"req_id":3}',
        "~ join book:BTC/USD:10 snapshot 1",
        '< {"error":"Currency pair not supported XBT/USD","method":"subscribe","success":false,"symbol":"XBT/USD",'
        '"req_id":3}',
        '< {"method":"subscribe","result":{"channel":"book","depth":10,"snapshot":true,"symbol":"ETH/USD"},'
        '"success":true,"req_id":3}',
        "~ join book:ETH/USD:10 snapshot 1",
    ]
    assert ask(conversation, "unsubscribe", channel="book", symbol=["ETH/USD"], depth=10) == [
        "~ leave book:ETH/USD:10",
        '< {"method":"unsubscribe","result":{"channel":"book","depth":10,"symbol":"ETH/USD"},"success":true}',
    ]


@pytest.mark.parametrize(
    ("params", "echo", "joined"),
    [
        ({"channel": "trade"}, {"snapshot": False}, "trading:BTC/USD"),
        ({"channel": "trade", "snapshot": True}, {"snapshot": True}, "trading:BTC/USD snapshot 50"),
        ({"channel": "book", "snapshot": False}, {"depth": 10, "snapshot": False}, "book:BTC/USD:10"),
        ({"channel": "book", "depth": 25}, {"depth": 25, "snapshot": True}, "book:BTC/USD:25 snapshot 1"),
        ({"channel": "book", "depth": 1000}, {"depth": 1000, "snapshot": True}, "book:BTC/USD:100 snapshot 1"),
        ({"channel": "ticker"}, {"event_trigger": "trades", "snapshot": True}, "trade_ticker:BTC/USD snapshot 1"),
        (
            {"channel": "ticker", "event_trigger": "bbo", "token": "any"},
            {"event_trigger": "bbo", "snapshot": True},
            "quote_ticker:BTC/USD snapshot 1",
        ),
        (
            {"channel": "ohlc", "interval": 60},
            {"interval": 60, "snapshot": True},
            "trade_candles:BTC/USD:1h snapshot 720",
        ),
        ({"channel": "ohlc", "snapshot": False}, {"interval": 1, "snapshot": False}, "trade_candles:BTC/USD:1m"),
    ],
)
def test_channels(params: dict[str, Any], echo: dict[str, Any], joined: str) -> None:
    """Each repeats what counts for it, and joins the stream that has it."""
    answer, join = ask(talk(), "subscribe", **params, symbol=["BTC/USD"])
    result = orjson.loads(answer[2:])["result"]
    warnings = result.pop("warnings", None)
    assert warnings == (["timestamp is deprecated, use interval_begin"] if params["channel"] == "ohlc" else None)
    assert result == {"channel": params["channel"], "symbol": "BTC/USD", **echo}
    assert join == f"~ join {joined}"


@pytest.mark.parametrize(
    ("params", "error"),
    [
        ({"channel": "trade", "symbol": ["BTCUSD"]}, "Currency pair not in ISO 4217-A3 format BTCUSD"),
        ({"channel": "trade", "symbol": ["BTC/EUR"]}, "Currency pair not supported BTC/EUR"),
        ({"channel": "book", "depth": 7}, "Subscription depth not supported"),
        ({"channel": "book", "depth": "10"}, "Subscription depth not supported"),
        ({"channel": "book", "depth": [10]}, "Subscription depth not supported"),
        ({"channel": "ohlc", "interval": 7}, "Subscription ohlc interval not supported"),
        ({"channel": "ohlc", "interval": True}, "Subscription ohlc interval not supported"),
        ({"channel": "book", "depth": 10.0}, "Subscription depth not supported"),
        ({"channel": "ohlc", "interval": {}}, "Subscription ohlc interval not supported"),
        ({"channel": "trade", "depth": 10}, "Unsupported field: 'depth' for the given msg type: subscribe"),
        (
            {"channel": "executions"},
            "Private data and trading are unavailable on this endpoint. Try ws-auth.kraken.com",
        ),
        ({"channel": "trades"}, "Event(s) not found"),
        ({"channel": "trade", "symbol": "BTC/USD"}, "Malformed request"),
        ({"channel": "trade", "snapshot": 1}, "Malformed request"),
        ({"channel": "ticker", "event_trigger": []}, "Malformed request"),
        ({"symbol": ["BTC/USD"]}, "Malformed request"),
    ],
)
def test_mistakes(params: dict[str, Any], error: str) -> None:
    """Each has the exchange's text, and the connection stays."""
    conversation = talk()
    [line] = ask(conversation, "subscribe", 9, **{"symbol": ["BTC/USD"], **params})
    answer = orjson.loads(line[2:])
    assert (answer["error"], answer["success"], answer["req_id"]) == (error, False, 9)
    assert len(ask(conversation, "subscribe", channel="trade", symbol=["BTC/USD"])) == 2


def test_once_is_enough() -> None:
    """A second subscription is refused, of a book also one of another depth; candles have one for each interval."""
    conversation = talk()

    def error(method: str, **params: Any) -> str | None:
        found: str | None = orjson.loads(ask(conversation, method, symbol=["BTC/USD"], **params)[-1][2:]).get("error")
        return found

    assert error("unsubscribe", channel="book") == "Subscription Not Found"
    ask(conversation, "subscribe", channel="book", symbol=["BTC/USD"])
    assert error("subscribe", channel="book") == error("subscribe", channel="book", depth=25) == "Already subscribed"
    assert error("unsubscribe", channel="book", depth=25) == "Subscription Not Found"
    assert error("unsubscribe", channel="book") is None
    assert ask(conversation, "subscribe", channel="book", symbol=["BTC/USD"], depth=25)[1].startswith("~ join")
    for interval in (1, 5):
        assert len(ask(conversation, "subscribe", channel="ohlc", symbol=["BTC/USD"], interval=interval)) == 2
    assert error("subscribe", channel="ohlc", interval=5) == "Already subscribed"


@pytest.mark.parametrize(
    "text",
    [b"", b"[]", b"7", b"{", b'"x"', b'{"method":"ping","req_id":"7"}', b'{"method":"ping","req_id":true}'],
)
def test_what_is_no_request(text: bytes) -> None:
    """One error and never an exception."""
    [line] = talk().say(text)
    assert orjson.loads(line[2:])["error"] == "Malformed request"


SCALARS = st.none() | st.booleans() | st.sampled_from([1, 5, 7, 10, 25, 1.0, "book", "BTC/USD", "x"])
VALUES = SCALARS | st.lists(SCALARS, max_size=3) | st.dictionaries(st.sampled_from(["channel", "x"]), SCALARS)
OTHERS = dict.fromkeys(("depth", "interval", "snapshot", "event_trigger", "token"), VALUES)
PARAMS = st.fixed_dictionaries(
    {
        "channel": st.sampled_from(["trade", "book", "ticker", "ohlc"]) | VALUES,
        "symbol": st.lists(st.sampled_from(["BTC/USD", "ETH/USD", "X/Y"]), min_size=1, max_size=3) | VALUES,
    },
    optional=OTHERS,
)
REQUESTS = st.fixed_dictionaries(
    {"method": st.sampled_from(["subscribe", "unsubscribe", "ping", "add_order"]) | VALUES, "params": PARAMS | VALUES},
    optional={"req_id": st.integers() | VALUES},
)


@settings(deadline=None)
@given(st.lists(REQUESTS | VALUES, max_size=4))
def test_whatever_comes_is_answered(documents: list[object]) -> None:
    """Each request has at least one answer, and our parser reads all of them."""
    conversation = talk()
    for document in documents:
        said = conversation.say(json.dumps(document))
        answers = [line[2:] for line in said if line.startswith("< ")]
        assert answers
        for answer in answers:
            assert [type(event) for event in KrakenV2().parse(answer, 0)] == [Note]


def test_ping_heartbeats_and_silence() -> None:
    """A heartbeat a second from the first subscription on; of pauses and goodbyes there is nothing."""
    conversation = talk()
    assert conversation.wait(5 * SECOND) == []
    assert ask(conversation, "ping", 7) == ['< {"method":"pong","req_id":7}']
    ask(conversation, "subscribe", channel="trade", symbol=["BTC/USD"])
    said = [line for line in conversation.wait(3 * SECOND + MILLISECOND) if line.startswith("<")]
    assert said == ['< {"channel":"heartbeat"}'] * 3
    assert KrakenV2().parse(said[0][2:], 0) == []


def test_close_numbers() -> None:
    """Those of our own are not for a client of the exchange."""
    assert {KRAKEN.close_number(code) for code in codes.CLOSE_CODES.values()} <= set(range(1000, 1016))
    assert KRAKEN.close_number(codes.MARKET_GONE) == codes.RESTART.number


# Through a socket.


@pytest.mark.parametrize("path", ["/v2", "/kraken/v2?whatever=1", "/?dialect=kraken"])
async def test_a_client_of_the_exchange(serve: Serve, path: str) -> None:
    """A program written for the exchange, at its path or by name: greeting, answers, snapshots, and the same market."""
    async with serve(MetronomeSource(instruments=(BTC, ETH), every=40 * MILLISECOND)) as running:
        native = await running.subscriber()
        parser = KrakenV2()
        events: list[Event] = []
        async with connect(running.url + path, max_queue=None) as client:
            for channel in ("trade", "book", "ticker", "ohlc"):
                params = {"channel": channel, "symbol": ["BTC/USD", "ETH/USD"]}
                await client.send(json.dumps({"method": "subscribe", "params": params}))
            trades: list[Trade] = []
            while len(events) < 300 or len(trades) <= 20:
                events += parsed(parser, [str(await asyncio.wait_for(client.recv(), PATIENCE)).encode()])
                trades = [event for event in events if isinstance(event, Trade) and event.symbol == "BTC/USD"]
        kinds = [type(event) for event in events]
        assert kinds[0] is VenueStatus
        assert sum(isinstance(event, Note) and event.kind == "reply" for event in events) == 8
        assert kinds.count(VenueBookSnapshot) == 2
        assert kinds.index(VenueBookSnapshot) < kinds.index(VenueBookUpdate)
        theirs = {it.trade_id: (float(it.price), float(it.size)) for it in trades}
        ours = {}
        async for message in collected(native, max(number for number in theirs if number is not None)):
            ours[10**9 + message["seq"]] = (message["data"]["price"], message["data"]["size"])
        assert theirs.items() <= ours.items()


async def collected(client: ClientConnection, until: int) -> AsyncIterator[dict[str, Any]]:
    """Ticks of a native client up to a trade id."""
    while True:
        message = orjson.loads(await asyncio.wait_for(client.recv(), PATIENCE))
        if message["event"] == "data":
            yield message
            if 10**9 + message["seq"] >= until:
                return
