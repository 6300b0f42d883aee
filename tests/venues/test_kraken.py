"""Kraken's two versions: messages, and the checksum of a book that is kept along."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feed.data.keptbook import KeptBook, text_digits
from feed.venues.events import Event, Note, Quote, Trade, VenueBookSnapshot, VenueBookUpdate, VenueStatus
from feed.venues.kraken import Kraken, subscribe_messages
from feed.venues.kraken_v2 import KrakenV2
from feed.venues.kraken_v2 import subscribe_messages as subscribe_v2
from feed.venues.registry import Parser

BIDS = [[f"{5.0 - i / 100:.5f}", "0.00000500", "1582905487.684110"] for i in range(10)]
ASKS = [[f"{5.1 + i / 100:.5f}", "0.00000500", "1582905487.684111"] for i in range(10)]
NS = 1_582_905_487_684_111_000


def events(parser: Parser, *messages: Any) -> list[Event]:
    """All events of some messages, in the JSON of Python, which keeps a number's digits."""
    texts = [message if isinstance(message, str) else json.dumps(message) for message in messages]
    return [event for text in texts for event in parser.parse(text, 0)]


def kinds(found: list[Event]) -> list[str]:
    """Kinds of notes, and names of other events."""
    return [event.kind if isinstance(event, Note) else type(event).__name__ for event in found]


def test_checksum_of_the_documentation() -> None:
    """The example that Kraken publishes."""
    asks = [("0.05005", "0.00000500"), ("0.05010", "0.00000500"), ("0.05015", "0.00000500"), ("0.05020", "0.00000500"),
            ("0.05025", "0.00000500"), ("0.05030", "0.00000500"), ("0.05035", "0.00000500"), ("0.05040", "0.00000500"),
            ("0.05045", "0.00000500"), ("0.05050", "0.00000500")]  # fmt: skip
    bids = [("0.05000", "0.00000500"), ("0.04995", "0.00000500"), ("0.04990", "0.00000500"), ("0.04980", "0.00000500"),
            ("0.04975", "0.00000500"), ("0.04970", "0.00000500"), ("0.04965", "0.00000500"), ("0.04960", "0.00000500"),
            ("0.04955", "0.00000500"), ("0.04950", "0.00000500")]  # fmt: skip
    book = KeptBook(10, text_digits)
    book.apply(tuple(bids), tuple(asks))
    assert book.checksum() == 974947235


def checksum(*changes: tuple[Any, Any]) -> str:
    """Of the book above after changes."""
    book = KeptBook(10, text_digits)
    book.apply(tuple((b[0], b[1]) for b in BIDS), tuple((a[0], a[1]) for a in ASKS))
    for bids, asks in changes:
        book.apply(bids, asks)
    return str(book.checksum())


def test_trades() -> None:
    """A message may have several."""
    rows = [["354.11", "0.5", "1618678142.557535", "s", "l", ""], ["354.12", "1", "1618678142.5576", "b", "m", ""]]
    found = events(Kraken(), [993, rows, "trade", "XMR/USD"])
    assert found == [
        Trade("XMR/USD", 1_618_678_142_557_535_000, "354.11", "0.5", "sell"),
        Trade("XMR/USD", 1_618_678_142_557_600_000, "354.12", "1", "buy"),
    ]


def test_ticker_and_spread() -> None:
    """Both are quotes; only spread has a time."""
    ticker = [1, {"a": ["13.25", 35, "35.7"], "b": ["13.23", 185, "185.2"]}, "ticker", "A/B"]
    spread = [1, ["5698.4", "5700.0", "1582905487.684111", "1.0", "0.9"], "spread", "A/B"]
    assert events(Kraken(), ticker, spread) == [
        Quote("A/B", None, "13.23", "185.2", "13.25", "35.7"),
        Quote("A/B", NS, "5698.4", "1.0", "5700.0", "0.9"),
    ]


def test_book_with_the_right_checksum() -> None:
    """An update in one object or in two; a level that goes."""
    one = [0, {"a": [["5.10000", "0.0", "1582905487.7"]], "c": checksum(((), (("5.10000", "0"),)))}, "book-10", "A/B"]
    found = events(Kraken(), [0, {"as": ASKS, "bs": BIDS}, "book-10", "A/B"], one)
    assert kinds(found) == ["VenueBookSnapshot", "VenueBookUpdate"]
    assert isinstance(found[0], VenueBookSnapshot)
    assert (found[0].depth, found[0].time, found[0].bids[0]) == ("10", NS, ("5.00000", "0.00000500"))
    told = checksum(((), (("5.10000", "0"),)), ((("5.05000", "2.0"),), (("5.09000", "1.0"),)))
    asks, bids = {"a": [["5.09000", "1.0", "1582905487.7"]]}, {"b": [["5.05000", "2.0", "1582905487.8"]], "c": told}
    both = [0, asks, bids, "book-10", "A/B"]
    found = events(Kraken(), [0, {"as": ASKS, "bs": BIDS}, "book-10", "A/B"], one, both)
    assert kinds(found) == ["VenueBookSnapshot", "VenueBookUpdate", "VenueBookUpdate"]
    assert isinstance(found[2], VenueBookUpdate)
    assert found[2].time == 1_582_905_487_800_000_000


def test_lost_update_shows_in_the_checksum() -> None:
    """The update before is missing."""
    told = checksum(((), (("5.10000", "0"),)), ((("5.05000", "2.0"),), ()))
    two = [0, {"b": [["5.05000", "2.0", "1582905487.8"]], "c": told}, "book-10", "A/B"]
    found = events(Kraken(), [0, {"as": ASKS, "bs": BIDS}, "book-10", "A/B"], two)
    assert kinds(found) == ["VenueBookSnapshot", "checksum", "VenueBookEnd", "VenueBookUpdate"]
    assert not found[3].applies  # type: ignore[union-attr]


def test_update_without_a_snapshot() -> None:
    """Its checksum cannot be checked; that is told once, at the end."""
    update = [0, {"b": [["5.05000", "2.0", "1582905487.8"]], "c": "1"}, "book-10", "A/B"]
    parser = Kraken()
    assert kinds(events(parser, update, update)) == ["VenueBookUpdate", "VenueBookUpdate"]
    assert kinds(parser.finish()) == ["no-snapshot"]
    assert parser.awaiting == {"A/B": "A/B"}


def test_events_of_the_session() -> None:
    """Status is told, heartbeats are not."""
    found = events(
        Kraken(),
        {"event": "systemStatus", "status": "online"},
        {"event": "heartbeat"},
        {
            "event": "subscriptionStatus",
            "status": "error",
            "errorMessage": "Currency pair not supported",
            "pair": "X/Y",
        },
        {"event": "strange"},
    )
    assert found[0] == VenueStatus("", None, "online")
    assert kinds(found) == ["VenueStatus", "reply", "unknown"]


@pytest.mark.parametrize(
    "message",
    [
        "",
        "[]",
        "[1]",
        "7",
        '"x"',
        '{"a":1}',
        '[1,[["1"]],"trade","A/B"]',
        '[1,[["1","1","1","x"]],"trade","A/B"]',
        '[1,{},"book-10","A/B"]',
        '[1,{"as":3},"book-10","A/B"]',
        '[1,{"a":["1"]},"ticker","A/B"]',
        '[1,{"a":[["1","1"]]},"book-10","A/B"]',
    ],
)
def test_what_is_no_message(message: str) -> None:
    """One note and never an exception."""
    assert "malformed" in kinds(Kraken().parse(message, 0))


V2_BOOK = """{"channel":"book","type":"%s","data":[{"symbol":"A/B","bids":[%s],"asks":[%s],"checksum":%s%s}]}"""


def v2_levels(rows: list[list[str]]) -> str:
    """Levels with numbers as they come over the wire."""
    return ",".join(f'{{"price":{row[0]},"qty":{row[1]}}}' for row in rows)


def test_v2_numbers_keep_their_zeros() -> None:
    """The checksum needs every digit, and small numbers may come with an exponent."""
    parser = KrakenV2()
    snapshot = V2_BOOK % ("snapshot", v2_levels(BIDS), v2_levels(ASKS), checksum(), "")
    time = ',"timestamp":"2023-10-06T17:35:55.440295Z"'
    change = checksum(((("5.05000", "0.00000500"),), ()))
    update = V2_BOOK % ("update", '{"price":5.05000,"qty":5.00e-06}', "", change, time)
    found = events(parser, snapshot, update)
    assert kinds(found) == ["VenueBookSnapshot", "VenueBookUpdate"]
    assert isinstance(found[1], VenueBookUpdate)
    assert found[1].bids == (("5.05000", "0.00000500"),)
    assert found[1].time == 1_696_613_755_440_295_000
    wrong = V2_BOOK % ("update", '{"price":5.06000,"qty":1.0}', "", "1", time)
    assert kinds(events(parser, wrong)) == ["checksum", "VenueBookEnd", "VenueBookUpdate"]
    (after,) = events(parser, update)
    assert isinstance(after, VenueBookUpdate)
    assert not after.applies
    assert parser.awaiting == {"A/B": "A/B"}
    assert kinds(events(parser, snapshot)) == ["VenueBookSnapshot"]
    assert not parser.awaiting


def test_v2_trades() -> None:
    """Those of before the session are of the past; a number that is left out is a gap."""

    def trade(kind: str, number: int) -> str:
        return (
            f'{{"channel":"trade","type":"{kind}","data":[{{"symbol":"BTC/USD","side":"buy","price":4136.40,'
            f'"qty":0.23374249,"ord_type":"limit","trade_id":{number},"timestamp":"2023-09-25T07:49:37.708706Z"}}]}}'
        )

    parser = KrakenV2()
    found = events(parser, trade("snapshot", 9), trade("update", 10), trade("update", 12))
    assert kinds(found) == ["Trade", "Trade", "gap", "Trade"]
    past = Trade("BTC/USD", 1_695_628_177_708_706_000, "4136.40", "0.23374249", "buy", 9, past=True)
    assert found[0] == past
    assert found[1] == replace(past, trade_id=10, past=False)
    # The next connection repeats the last ones: only those that were missed count.
    again = events(parser, trade("snapshot", 12), trade("snapshot", 13), trade("update", 14))
    assert kinds(again) == ["Trade", "Trade"]


def test_v2_ticker_status_and_replies() -> None:
    """The depth that a reply tells is that of the books."""
    parser = KrakenV2()
    found = events(
        parser,
        '{"channel":"ticker","type":"update","data":[{"symbol":"A/B","bid":1.10,"bid_qty":2,"ask":1.20,"ask_qty":3}]}',
        {"channel": "status", "type": "update", "data": [{"system": "online"}]},
        {"channel": "heartbeat"},
        {"method": "subscribe", "result": {"channel": "book", "depth": 25, "symbol": "A/B"}, "success": True},
        V2_BOOK % ("snapshot", "", "", "0", ""),
    )
    assert found[:2] == [Quote("A/B", None, "1.10", "2", "1.20", "3"), VenueStatus("", None, "online")]
    assert kinds(found)[2:] == ["reply", "VenueBookSnapshot"]
    assert isinstance(found[3], VenueBookSnapshot)
    assert found[3].depth == "25"


def test_subscriptions() -> None:
    """By our names of channels, or by Kraken's."""
    assert json.loads(subscribe_messages(["trading"], ["XBT/USD"])[0])["subscription"] == {"name": "trade"}
    assert json.loads(subscribe_v2(["quote"], ["BTC/USD"])[0])["params"]["event_trigger"] == "bbo"


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 40), st.integers(0, 3)), max_size=60), st.integers(0, 12))
def test_kept_book_is_the_book(changes: list[tuple[bool, int, int]], depth: int) -> None:
    """Whatever comes, the best levels are those of a plain dictionary that is cut the same way."""
    book = KeptBook(depth, text_digits)
    plain: dict[bool, dict[int, int]] = {True: {}, False: {}}
    for bid, price, size in changes:
        level = ((f"{price}.00", str(size)),)
        book.apply(level if bid else (), () if bid else level)
        plain[bid][price] = size
        kept = sorted((p for p, s in plain[bid].items() if s), reverse=bid)[: depth or None]
        plain[bid] = {p: plain[bid][p] for p in kept}
    for bid, side in ((True, book.bids), (False, book.asks)):
        assert side.best(100) == tuple((f"{price}.00", str(size)) for price, size in plain[bid].items())
