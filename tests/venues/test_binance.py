"""Binance: messages in, events out, and what its numbers tell of lost ones."""

from __future__ import annotations

import json
from typing import Any

import pytest

from feed.venues.binance import Binance, subscribe_messages
from feed.venues.events import Event, Note, Quote, Trade, VenueBookSnapshot, VenueBookUpdate

MS = 1_700_000_000_123
NS = MS * 1_000_000


def trade(number: int, **others: Any) -> dict[str, Any]:
    """A trade as Binance sends it."""
    fields = {"e": "trade", "E": MS, "s": "BTCUSDT", "t": number, "p": "61685.99000000", "q": "0.00017000", "T": MS}
    return {**fields, "m": True, "M": True, **others}


def diff(first: int, last: int, **others: Any) -> dict[str, Any]:
    """An update of a book."""
    fields = {"e": "depthUpdate", "E": MS, "s": "BTCUSDT", "U": first, "u": last, "b": [["1.10", "0.00"]], "a": []}
    return {**fields, **others}


def events(parser: Binance, *messages: Any) -> list[Event]:
    """All events of some messages."""
    return [event for message in messages for event in parser.parse(json.dumps(message), 0)]


def notes(found: list[Event], *kinds: str) -> list[Note]:
    """The notes of these kinds."""
    return [event for event in found if isinstance(event, Note) and event.kind in kinds]


def test_trade_keeps_its_digits() -> None:
    """Text stays text; the maker was the buyer, so the taker sold."""
    (event,) = events(Binance(), trade(7))
    assert event == Trade("BTC/USDT", NS, "61685.99000000", "0.00017000", "sell", 7)


def test_combined_stream_is_the_same() -> None:
    """A message in an envelope is the message."""
    assert events(Binance(), {"stream": "btcusdt@trade", "data": trade(7)}) == events(Binance(), trade(7))


def test_microseconds_are_told_by_their_digits() -> None:
    """A session may have asked for us."""
    (event,) = events(Binance(), trade(7, T=MS * 1000 + 5))
    assert isinstance(event, Trade)
    assert event.time == NS + 5_000


def test_aggregate_trade() -> None:
    """Its own numbers count."""
    message = {"e": "aggTrade", "E": MS, "s": "ETHBTC", "a": 3, "p": "1", "q": "2", "f": 1, "l": 2, "T": MS, "m": False}
    assert events(Binance(), message) == [Trade("ETH/BTC", NS, "1", "2", "buy", 3)]


def test_quote_without_a_time() -> None:
    """Spot's bookTicker has none; it has the number of the book's state."""
    message = {"u": 5, "s": "BTCUSDT", "b": "1.1", "B": "2", "a": "1.2", "A": "3"}
    assert events(Binance(), message) == [Quote("BTC/USDT", None, "1.1", "2", "1.2", "3", update_id=5)]


def test_gap_in_trades() -> None:
    """Numbers that are left out are counted."""
    (gap,) = notes(events(Binance(), trade(7), trade(10)), "gap")
    assert (gap.stream, gap.after, gap.before) == ("trading", 7, 10)
    assert "2 are missing" in gap.text


def test_repeated_trade() -> None:
    """A number that was there is told, and the trade is not thrown away."""
    found = events(Binance(), trade(7), trade(7))
    assert len(notes(found, "duplicate")) == 1
    assert sum(isinstance(event, Trade) for event in found) == 2


def test_symbols_count_apart() -> None:
    """Each symbol has its own numbers."""
    assert not notes(events(Binance(), trade(7), trade(900, s="ETHUSDT"), trade(8)), "gap", "duplicate")


def test_updates_follow_each_other() -> None:
    """U is one more than u before it."""
    assert not notes(events(Binance(), diff(1, 5), diff(6, 6), diff(7, 9)), "gap", "duplicate")
    (gap,) = notes(events(Binance(), diff(1, 5), diff(7, 9)), "gap")
    assert (gap.stream, gap.after, gap.before) == ("book", 5, 7)


def test_updates_of_futures_name_the_one_before() -> None:
    """pu is the u before; U need not touch it."""
    assert not notes(events(Binance(), diff(1, 5, pu=0), diff(8, 9, pu=5)), "gap")
    assert notes(events(Binance(), diff(1, 5, pu=0), diff(8, 9, pu=6)), "gap")


def test_snapshot_fits_the_updates_around_it() -> None:
    """The first update behind a snapshot overlaps it; older ones are no gap."""
    snapshot = {"lastUpdateId": 8, "bids": [["1.0", "2"]], "asks": [["1.1", "3"]]}
    found = events(Binance(), diff(1, 3), snapshot, diff(4, 7), diff(8, 12), diff(13, 14))
    assert not notes(found, "gap", "duplicate")
    assert VenueBookSnapshot("BTC/USDT", None, (("1.0", "2"),), (("1.1", "3"),), last_id=8) in found
    updates = [event for event in found if isinstance(event, VenueBookUpdate)]
    assert [(event.last_id, event.applies) for event in updates] == [(3, False), (7, False), (12, True), (14, True)]


def test_update_too_far_behind_a_snapshot() -> None:
    """What is between is missing."""
    snapshot = {"lastUpdateId": 8, "bids": [], "asks": []}
    (gap,) = notes(events(Binance("BTC/USDT"), snapshot, diff(12, 14)), "gap")
    assert (gap.after, gap.before) == (8, 12)


def test_snapshot_of_nobody() -> None:
    """Which symbol it is of cannot be told: it is not guessed."""
    (note,) = events(Binance(), {"lastUpdateId": 8, "bids": [], "asks": []})
    assert isinstance(note, Note)
    assert note.kind == "unknown"


def test_partial_book() -> None:
    """A stream of whole books tells symbol and depth by its name."""
    message = {"stream": "btcusdt@depth5@100ms", "data": {"lastUpdateId": 1, "bids": [], "asks": []}}
    assert events(Binance(), message, message) == [VenueBookSnapshot("BTC/USDT", None, (), (), "5", 1)] * 2


def test_updates_without_a_snapshot_are_told_once() -> None:
    """At the end; they are events all the same, but of no known book."""
    parser = Binance()
    found = events(parser, diff(1, 1), diff(2, 2))
    assert [event.applies for event in found if isinstance(event, VenueBookUpdate)] == [False, False]
    assert [note.kind for note in notes(parser.finish(), "no-snapshot")] == ["no-snapshot"]
    assert parser.awaiting == {"BTC/USDT": "BTCUSDT"}


@pytest.mark.parametrize(
    "message",
    [
        "",
        "{",
        "[1, 2]",
        "null",
        "3",
        '{"e":"trade"}',
        json.dumps(trade(1, p="abc")),
        json.dumps(trade(1, p="-1")),
        json.dumps(trade(1, q="NaN")),
        json.dumps(trade(1, T=17)),
        json.dumps(trade(1, t="x")),
        json.dumps(diff(1, 2, b=[["1"]])),
        json.dumps(diff(1, 2, b=7)),
        '{"stream":"x","data":[]}',
    ],
)
def test_what_is_no_message(message: str) -> None:
    """One note and never an exception."""
    (note,) = [event for event in Binance().parse(message, 0) if isinstance(event, Note) and event.kind == "malformed"]
    assert note.text


def test_unknown_event() -> None:
    """A kind that nobody asked for is told."""
    (note,) = events(Binance(), {"e": "kline", "s": "BTCUSDT"})
    assert isinstance(note, Note)
    assert note.kind == "unknown"


def test_reply() -> None:
    """An answer to a request is no event of the market."""
    (note,) = events(Binance(), {"result": None, "id": 1})
    assert isinstance(note, Note)
    assert note.kind == "reply"


def test_subscription() -> None:
    """One request for all streams."""
    (message,) = subscribe_messages(["trading", "book"], ["BTC/USDT"])
    assert json.loads(message)["params"] == ["btcusdt@trade", "btcusdt@depth@100ms"]
