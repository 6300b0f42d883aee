"""Bitstamp: trades, books as wholes and as differences."""

from __future__ import annotations

import json
from typing import Any

import pytest

from feed.venues.bitstamp import Bitstamp, subscribe_messages
from feed.venues.events import Event, Note, Trade, VenueBookSnapshot, VenueBookUpdate

NS = 1_641_343_699_596_000_000
TIMES = {"timestamp": "1641343699", "microtimestamp": "1641343699596000"}


def trade(number: int, **others: Any) -> dict[str, Any]:
    """A trade."""
    data = {
        "id": number,
        "amount": 0.0792,
        "amount_str": "0.07920000",
        "price": 3805.4,
        "price_str": "3805.40",
        "type": 0,
    }
    return {"data": {**data, **TIMES, **others}, "channel": "live_trades_ethusd", "event": "trade"}


def book(channel: str, bids: Any, asks: Any) -> dict[str, Any]:
    """A book, or what changed in one."""
    return {"data": {**TIMES, "bids": bids, "asks": asks}, "channel": f"{channel}_ethusd", "event": "data"}


def events(*messages: Any) -> list[Event]:
    """All events of a session."""
    parser = Bitstamp()
    return [event for message in messages for event in parser.parse(json.dumps(message), 0)]


def test_trade_in_the_venues_digits() -> None:
    """The text and not the float."""
    assert events(trade(5)) == [Trade("ETH/USD", NS, "3805.40", "0.07920000", "buy", 5)]


def test_trade_of_an_old_session() -> None:
    """Without text, the digits of the JSON number."""
    message = trade(5, type=1)
    del message["data"]["price_str"], message["data"]["amount_str"]
    assert events(message) == [Trade("ETH/USD", NS, "3805.4", "0.0792", "sell", 5)]


def test_trade_that_was_there() -> None:
    """Ids grow; that they leave some out is normal."""
    found = events(trade(5), trade(9), trade(9))
    assert [event.kind for event in found if isinstance(event, Note)] == ["duplicate"]


def test_books() -> None:
    """A whole one, then differences; orders of a price are one level."""
    found = events(
        book("order_book", [["10", "1"]], [["11", "2"]]),
        book("diff_order_book", [["10", "0.0"]], []),
        book("detail_order_book", [["10", "1", "77"], ["10", "2.5", "78"], ["9", "1", "79"]], []),
    )
    assert found == [
        VenueBookSnapshot("ETH/USD", NS, (("10", "1"),), (("11", "2"),), "1"),
        VenueBookUpdate("ETH/USD", NS, (("10", "0.0"),), (), "", NS // 1000, NS // 1000, applies=False),
        VenueBookSnapshot("ETH/USD", NS, (("10", "3.5"), ("9", "1")), (), "3"),
    ]


def test_difference_without_a_whole() -> None:
    """Told at the end, and asked for."""
    parser = Bitstamp()
    for _ in range(2):
        parser.parse(json.dumps(book("diff_order_book", [], [])), 0)
    assert [event.kind for event in parser.finish() if isinstance(event, Note)] == ["no-snapshot"]
    assert parser.awaiting == {"ETH/USD": "ethusd"}


def test_difference_and_the_whole_that_was_fetched() -> None:
    """Joined by their times: older differences are dropped, later ones are put on it."""
    parser = Bitstamp()
    found = []
    for micro, change in ((10, ["9", "1"]), (20, ["10", "0"]), (20, ["8", "5"])):
        message = book("diff_order_book", [change], [])
        message["data"]["microtimestamp"] = str(NS // 1000 + micro)
        found += parser.parse(json.dumps(message), 0)
    whole = {"timestamp": str(NS // 10**9), "microtimestamp": str(NS // 1000 + 15), "bids": [["10", "1"], ["9", "1"]]}
    (joined,) = parser.snapshot("ethusd", json.dumps({**whole, "asks": []}), 0)
    assert isinstance(joined, VenueBookSnapshot)
    assert joined.bids == (("9", "1"), ("8", "5"))
    assert not any(event.applies for event in found if isinstance(event, VenueBookUpdate))
    assert not parser.awaiting
    older = {**whole, "microtimestamp": str(NS // 1000 + 5), "asks": []}
    assert [event.kind for event in parser.snapshot("ethusd", json.dumps(older), 0) if isinstance(event, Note)] == [
        "old-snapshot"
    ]


def test_replies() -> None:
    """An error of the venue is told in its words."""
    (note,) = events({"event": "bts:error", "channel": "", "data": {"message": "Bad subscription string."}})
    assert isinstance(note, Note)
    assert (note.kind, note.text) == ("reply", "Bad subscription string.")


@pytest.mark.parametrize(
    "message", ["", "[]", "{}", json.dumps(trade(1, type=2)), json.dumps(trade(1, price_str="x")),
                json.dumps(trade(1, microtimestamp="x")), json.dumps(book("order_book", 3, []))],
)  # fmt: skip
def test_what_is_no_message(message: str) -> None:
    """One note and never an exception."""
    found = Bitstamp().parse(message, 0)
    assert any(isinstance(event, Note) and event.kind == "malformed" for event in found)


def test_subscription() -> None:
    """One request for each channel of each pair."""
    assert json.loads(subscribe_messages(["trading"], ["BTC/USD"])[0])["data"] == {"channel": "live_trades_btcusd"}
