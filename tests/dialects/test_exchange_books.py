"""The same market in every exchange's words: trades and books equal the native ones, by the exchanges' own rules."""

from __future__ import annotations

import json
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from feed.data.rows import BookRows
from feed.data.ticks import BUY
from feed.dialects.binance.streams import joins_of, name_of
from feed.dialects.bitfinex.names import BULK, CHECKSUMS, BitfinexChannel
from feed.dialects.bitfinex.names import joins_of as bitfinex_joins
from feed.protocol.effects import Join, Stream
from feed.units import MILLISECOND
from feed.venues.binance import Binance
from feed.venues.bitfinex import Bitfinex
from feed.venues.coinbase import Coinbase
from feed.venues.coinbase_advanced import CoinbaseAdvanced
from feed.venues.events import Event, Note, Trade, VenueBookSnapshot, VenueBookUpdate
from tests.dialects.exchanges import (
    SYMBOL,
    KeptLevels,
    Listener,
    bitfinex_checksum,
    native_book,
    opened,
    plain_text,
    play,
    trades_of,
)

BAD = ("gap", "duplicate", "checksum", "no-snapshot", "malformed", "unknown")

STALLS = st.lists(st.floats(0.1, 3), min_size=1, max_size=3)


def binance(market: Any, *names: str) -> list[Join]:
    """The streams behind names of Binance."""
    return [join for name in names for join in joins_of(name_of(name), market.instruments)]  # type: ignore[arg-type]


def read(parser: Any, texts: list[str]) -> list[Event]:
    """What our parser reads, which has nothing to say against it."""
    events = [event for text in texts for event in parser.parse(text, 0)]
    assert [event for event in events if isinstance(event, Note) and event.kind in BAD] == []
    return events


def assert_read(parser: Any, texts: list[str], market: Any, depth: int = 100) -> None:
    """Our parser has every trade of the market, and the native book at the end; times are the market's."""
    events, book = read(parser, texts), KeptLevels()
    names = {BUY: "buy", -BUY: "sell"}
    shown = [
        (it.trade_id, plain_text(it.price), plain_text(it.size), it.side, it.time // MILLISECOND)
        for it in events
        if isinstance(it, Trade) and it.time is not None and (it.trade_id or 0) > 10**9
    ]
    assert shown == [
        (number, price, size, names[side], time // 1000) for number, price, size, side, time in trades_of(market)
    ]
    for event in events:
        if isinstance(event, VenueBookSnapshot | VenueBookUpdate):
            assert not isinstance(event, VenueBookUpdate) or event.applies
            book.apply(0, event.bids)
            book.apply(1, event.asks)
    assert book.best() == native_book(market, depth)


def finish(market: Any) -> None:
    """Publish everything up to the end of a second."""
    until = market.published // 10**9 * 10**9 + 10**9 - 1
    while (due := market.next_time()) is not None and due <= until:
        market.publish_due(until, 512)


def stall(market: Any, listener: Listener, stalls: list[float]) -> None:
    """Let time pass while the reader does not read, and then while it does."""
    for seconds in stalls:
        listener.reader.stuck = True
        play(market, seconds)
        listener.reader.release()
        play(market, 0.3)


@settings(max_examples=3, deadline=None, phases=[Phase.generate])
@given(st.integers(0, 60), STALLS)
def test_binance_joins_its_snapshot(began: int, stalls: list[float]) -> None:
    """Whenever the snapshot is fetched, and however slow the reader: ids join, and the book is the native one."""
    market = opened(began)
    listener = Listener(market, "binance", binance(market, "btcusd@depth", "btcusd@trade", "btcusd@bookTicker"))
    slow = Listener(market, "binance", binance(market, "btcusdt@depth@100ms"))
    play(market, 0.25)
    # In the middle of a step.
    market.publish_due(market.published + 40 * 10**6, 512)
    rows = market.state_rows(Stream("touched_book", SYMBOL, "100ms"), 1)
    assert isinstance(rows, BookRows)
    number, (bids, asks) = 10**9 + rows.numbers[0], native_book(market)
    stall(market, slow, stalls)
    # To the end of a step of the slowest stream.
    finish(market)
    for reader in (listener, slow):
        book, last = KeptLevels(), 0
        book.apply(0, bids)
        book.apply(1, asks)
        for event in (it for it in reader.messages if it.get("e") == "depthUpdate"):
            assert last in (0, event["U"] - 1)
            last = event["u"]
            if last > number:
                assert event["U"] <= max(number + 1, event["U"])
                book.apply(0, event["b"])
                book.apply(1, event["a"])
            for side in (event["b"], event["a"]):
                assert len({price for price, _ in side}) == len(side)
        assert last == 10**9 + market.seq(Stream("quotes", SYMBOL))
        assert book.best() == native_book(market)
    # A snapshot of the state then joins without a gap: one event covers the number behind it.
    later = [it for it in listener.messages if it.get("e") == "depthUpdate" and it["u"] > number]
    assert not later or later[0]["U"] <= number + 1 <= later[0]["u"]
    trades = read(Binance(), [text for text in listener.texts if '"e":"trade"' in text])
    assert len(trades) == len(trades_of(market))
    shown = [
        (it["t"], plain_text(it["p"]), plain_text(it["q"]), it["m"])
        for it in listener.messages
        if it.get("e") == "trade"
    ]
    assert shown == [(number, price, size, side != BUY) for number, price, size, side, _ in trades_of(market)]


@settings(max_examples=3, deadline=None, phases=[Phase.generate])
@given(st.integers(0, 60), st.sampled_from(["book", "gathered_book"]), STALLS)
def test_coinbase_by_our_parser(began: int, channel: str, stalls: list[float]) -> None:
    """Trades with the taker's side, none missing; the book at each change or each 50 ms, also of a slow reader."""
    market = opened(began)
    part = "100" if channel == "book" else "50ms"
    book_of = [Join(Stream(channel, SYMBOL, part), snapshot=1)]
    listener = Listener(market, "coinbase", [*book_of, Join(Stream("trading", SYMBOL))])
    slow = Listener(market, "coinbase", book_of)
    stall(market, slow, stalls)
    events = read(Coinbase(), listener.texts)
    trades = [
        (it.trade_id, plain_text(it.price), plain_text(it.size), it.side) for it in events if isinstance(it, Trade)
    ]
    names = {1: "buy", -1: "sell"}
    assert trades == [(number, price, size, names[side]) for number, price, size, side, _ in trades_of(market)]
    for seen in (events, read(Coinbase(), slow.texts)):
        book = KeptLevels()
        for event in seen:
            if isinstance(event, VenueBookSnapshot | VenueBookUpdate):
                book.apply(0, event.bids)
                book.apply(1, event.asks)
                assert not book.is_crossed
        assert book.best() == native_book(market)


def levels_of(update: dict[str, Any]) -> tuple[int, list[tuple[str, str]]]:
    """A level of Advanced Trade."""
    return (0 if update["side"] == "bid" else 1), [(update["price_level"], update["new_quantity"])]


def test_advanced_trade() -> None:
    """Trades gathered over 250 ms join their snapshot, newest first; the book is the native one."""
    market = opened(30)
    play(market, 0.6)
    joins = [
        Join(Stream("gathered_trades", SYMBOL, "250ms"), snapshot=100),
        Join(Stream("book", SYMBOL, "100"), snapshot=1),
    ]
    listener = Listener(market, "coinbase-advanced", joins)
    play(market, 4)
    play(market, 0.25 - market.published % (250 * 10**6) / 10**9)
    numbers: list[int] = []
    book = KeptLevels()
    for message in listener.messages:
        [event] = message["events"]
        if message["channel"] == "market_trades":
            listed = [int(it["trade_id"]) for it in event["trades"]]
            assert listed == sorted(listed, reverse=True)
            numbers += reversed(listed)
        else:
            for update in event["updates"]:
                book.apply(*levels_of(update))
            assert not book.is_crossed
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert len(numbers) > 105
    assert book.best() == native_book(market)
    counted = [text.replace('"sequence_num":0', f'"sequence_num":{n}') for n, text in enumerate(listener.texts)]
    assert_read(CoinbaseAdvanced(), counted, market)


@pytest.mark.parametrize(("flags", "length"), [(CHECKSUMS, "25"), (CHECKSUMS | BULK, "100"), (0, "1")])
def test_bitfinex(flags: int, length: str) -> None:
    """The server holds the window: each checksum is that of the client's book, and no frame crosses it."""
    market = opened(20)
    channel = BitfinexChannel("book", SYMBOL, "P0", "F0", length)
    trades = BitfinexChannel("trades", SYMBOL)
    options = (("flags", str(flags)),)
    joins = [*bitfinex_joins(channel), Join(Stream("trading", SYMBOL), view=(("channel", trades.text),))]
    listener = Listener(market, "bitfinex", joins, options)
    play(market, 7)
    book, checked, seen = KeptLevels(), 0, []
    for number, *data in listener.messages:
        if number == trades.number:
            seen.append((data[0], data[1][0], plain_text(Decimal(str(abs(data[1][2])))), data[1][2] > 0))
        elif data[0] == "cs":
            checked += 1
            assert data[1] == bitfinex_checksum(book)
        else:
            rows = data[0] if isinstance(data[0][0], list) else [data[0]]
            for price, count, amount in rows:
                book.apply(int(amount < 0), [(price, abs(amount) if count else 0)])
            assert not book.is_crossed
    assert book.best() == native_book(market, int(length))
    assert bool(checked) == bool(flags)
    told = {"event": "subscribed", "symbol": "tBTCUSD", "prec": "P0", "freq": "F0", "len": length}
    opening = [{**told, "channel": "book", "chanId": channel.number}]
    opening += [{**told, "channel": "trades", "chanId": trades.number}]
    # The checksums are those of our parser as well: it would say so.
    assert_read(Bitfinex(), [*map(json.dumps, opening), *listener.texts], market, int(length))
    known = [(number, size, side == BUY) for number, _, size, side, _ in trades_of(market)]
    assert [it[1:] for it in seen if it[0] == "te"] == [it[1:] for it in seen if it[0] == "tu"] == known


@pytest.mark.parametrize("precision", ["P1", "P2", "P3", "P4"])
def test_bitfinex_rounds(precision: str) -> None:
    """Rounded levels have the sizes of all levels that they stand for."""
    market = opened(20)
    listener = Listener(market, "bitfinex", bitfinex_joins(BitfinexChannel("book", SYMBOL, precision, "F0", "250")))
    play(market, 2)
    book = KeptLevels()
    for _, data in listener.messages:
        for price, count, amount in data if isinstance(data[0], list) else [data]:
            book.apply(int(amount < 0), [(price, abs(amount) if count else 0)])
    for ours, theirs in zip(native_book(market), book.best(), strict=True):
        assert sum(Decimal(size) for _, size in ours) == sum(Decimal(size) for _, size in theirs)
        step = 10 ** (5 - (5 - int(precision[1])))
        assert all(float(price) % step == 0 for price, _ in theirs)


def test_quotes_tickers_and_partial_books() -> None:
    """A message of the best prices for each change of them, and the best levels alone, with the same numbers."""
    market = opened(10)
    listener = Listener(market, "binance", binance(market, "btcusd@bookTicker", "btcusd@depth5@100ms"))
    play(market, 3)
    quotes = [it for it in listener.messages if "b" in it]
    assert len(quotes) > 10
    assert [it["u"] for it in quotes] == sorted({it["u"] for it in quotes})
    told = [(it["b"], it["B"], it["a"], it["A"]) for it in quotes]
    assert all(one != other for one, other in pairwise(told))
    last = [it for it in listener.messages if "bids" in it][-1]
    bids, asks = native_book(market, 5)
    assert [tuple(map(plain_text, level)) for level in last["bids"]] == bids
    assert [tuple(map(plain_text, level)) for level in last["asks"]] == asks
    assert tuple(map(plain_text, told[-1])) == (*bids[0], *asks[0])
