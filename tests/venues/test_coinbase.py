"""Coinbase Exchange: matches from the taker's side, tickers and books."""

from __future__ import annotations

import json
from typing import Any

import pytest

from feed.venues.coinbase import Coinbase, subscribe_messages
from feed.venues.events import Event, Note, Quote, Trade, VenueBookEnd, VenueBookSnapshot, VenueBookUpdate

NS = 1_415_348_907_028_459_000
TIME = "2014-11-07T08:28:27.028459Z"


def match(number: int, **others: Any) -> dict[str, Any]:
    """A match, whose side is the maker's."""
    fields = {"type": "match", "trade_id": number, "sequence": 50, "time": TIME, "product_id": "BTC-USD"}
    return {**fields, "size": "5.23512", "price": "400.23", "side": "sell", **others}


def events(*messages: Any) -> list[Event]:
    """All events of a session."""
    parser = Coinbase()
    return [event for message in messages for event in parser.parse(json.dumps(message), 0)]


def test_match_has_the_takers_side() -> None:
    """The maker sold, so the taker bought."""
    assert events(match(10)) == [Trade("BTC/USD", NS, "400.23", "5.23512", "buy", 10)]


def test_gap_behind_the_last_match() -> None:
    """The match of before the session is of the past, and its number counts."""
    found = events(match(10, type="last_match"), match(12))
    assert isinstance(found[0], Trade)
    assert (found[0].trade_id, found[0].past) == (10, True)
    assert isinstance(found[1], Note)
    assert (found[1].kind, found[1].after, found[1].before, found[1].missing) == ("gap", 10, 12, 1)
    assert len(found) == 3


def test_last_match_of_the_next_connection() -> None:
    """A match that was missed meanwhile is recorded; one that is known is not repeated; what is between is a gap."""
    parser = Coinbase()
    parser.parse(json.dumps(match(10)), 0)
    assert parser.disconnected() == []
    assert parser.parse(json.dumps(match(10, type="last_match")), 0) == []
    (missed,) = parser.parse(json.dumps(match(11, type="last_match")), 0)
    assert isinstance(missed, Trade)
    assert not missed.past
    gap, last = parser.parse(json.dumps(match(15, type="last_match")), 0)
    assert isinstance(gap, Note)
    assert gap.missing == 3
    assert isinstance(last, Trade)


def test_quote_and_book() -> None:
    """Changes are sorted into sides."""
    ticker = {"type": "ticker", "product_id": "BTC-USD", "best_bid": "1", "best_bid_size": "2", "best_ask": "3",
              "best_ask_size": "4", "time": TIME}  # fmt: skip
    snapshot = {"type": "snapshot", "product_id": "BTC-USD", "bids": [["1", "2"]], "asks": [["3", "4"]], "time": TIME}
    changes = [["buy", "1", "0"], ["sell", "3", "5"], ["buy", "0.9", "1"]]
    update = {"type": "l2update", "product_id": "BTC-USD", "changes": changes, "time": TIME}
    assert events(ticker, snapshot, update) == [
        Quote("BTC/USD", NS, "1", "2", "3", "4"),
        VenueBookSnapshot("BTC/USD", NS, (("1", "2"),), (("3", "4"),)),
        VenueBookUpdate("BTC/USD", NS, (("1", "0"), ("0.9", "1")), (("3", "5"),)),
    ]


def test_update_without_a_snapshot() -> None:
    """Told at the end."""
    parser = Coinbase()
    (update,) = parser.parse(json.dumps({"type": "l2update", "product_id": "A-B", "changes": [], "time": TIME}), 0)
    assert isinstance(update, VenueBookUpdate)
    assert not update.applies
    assert [event.kind for event in parser.finish() if isinstance(event, Note)] == ["no-snapshot"]


def test_a_lost_connection_ends_the_book() -> None:
    """Updates may be missing until the next snapshot; how many cannot be told."""
    parser = Coinbase()
    parser.parse(json.dumps({"type": "snapshot", "product_id": "A-B", "bids": [], "asks": []}), 0)
    gap, end = parser.disconnected()
    assert isinstance(gap, Note)
    assert (gap.kind, gap.stream, gap.missing) == ("gap", "book", None)
    assert end == VenueBookEnd("A/B", None, "the connection was lost")
    assert parser.disconnected() == []


@pytest.mark.parametrize(
    "message", ["", "[]", "{}", json.dumps(match(1, side="x")), json.dumps(match(1, time="yesterday")),
                json.dumps(match(1, price=None)), '{"type":"l2update","product_id":"A-B","changes":[["x","1","1"]]}'],
)  # fmt: skip
def test_what_is_no_message(message: str) -> None:
    """One note and never an exception."""
    found = Coinbase().parse(message, 0)
    assert any(isinstance(event, Note) and event.kind == "malformed" for event in found)


def test_subscription() -> None:
    """One request for all."""
    message = json.loads(subscribe_messages(["trading", "quote"], ["BTC/USD"])[0])
    assert (message["product_ids"], message["channels"]) == (["BTC-USD"], ["matches", "ticker"])
