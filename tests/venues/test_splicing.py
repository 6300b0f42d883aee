"""A book's updates and the snapshot that was fetched beside them, joined as the venue says."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from feed.venues.binance import Binance, snapshot_symbol, snapshot_url
from feed.venues.events import Event, Levels, Note, VenueBookEnd, VenueBookSnapshot, VenueBookUpdate

MS = 1_700_000_000_123

Book = dict[float, float]


def diff(first: int, last: int, *bids: tuple[float, float], **others: Any) -> str:
    """An update of the bids."""
    fields = {"e": "depthUpdate", "E": MS, "s": "BTCUSDT", "U": first, "u": last, **others}
    return json.dumps({**fields, "b": [[f"{price}", f"{size}"] for price, size in bids], "a": []})


def whole(number: int, bids: Book) -> str:
    """A snapshot."""
    rows = [[f"{price}", f"{size}"] for price, size in sorted(bids.items(), reverse=True)]
    return json.dumps({"lastUpdateId": number, "bids": rows, "asks": []})


def book_of(events: list[Event]) -> Book | None:
    """The bids that a reader of the events holds; None where no book is known."""
    held: Book | None = None
    for event in events:
        if isinstance(event, VenueBookSnapshot):
            held = apply({}, event.bids)
        elif isinstance(event, VenueBookEnd):
            held = None
        elif isinstance(event, VenueBookUpdate) and event.applies:
            assert held is not None
            held = apply(held, event.bids)
    return held


def apply(book: Book, levels: Levels) -> Book:
    """The book after changes."""
    changed = book | {float(price): float(size) for price, size in levels}
    return {price: size for price, size in changed.items() if size}


def kinds(events: list[Event]) -> list[str]:
    """The notes among events."""
    return [event.kind for event in events if isinstance(event, Note)]


def parsed(*messages: str) -> list[Event]:
    """The events of a session."""
    parser = Binance()
    return [event for message in messages for event in parser.parse(message, 0)]


def test_an_update_that_overlaps_the_snapshot_behind_it() -> None:
    """It is put on the snapshot; the next one follows, and no gap is told."""
    events = parsed(diff(10, 14, (99, 0)), whole(11, {100: 1, 99: 2}), diff(15, 16, (98, 3)))
    assert kinds(events) == []
    assert book_of(events) == {100: 1, 98: 3}
    (snapshot,) = [event for event in events if isinstance(event, VenueBookSnapshot)]
    assert (snapshot.last_id, snapshot.snapshot_id) == (14, 11)


def test_an_older_snapshot_across_what_a_newer_one_stood_in_for() -> None:
    """The changes between them are not known one by one, so the older one is left out."""
    events = parsed(diff(3, 3, (1, 0)), whole(24, {}), diff(25, 25, (2, 1)), whole(2, {}), diff(26, 26, (3, 1)))
    assert kinds(events) == ["old-snapshot"]
    assert book_of(events) == {2: 1, 3: 1}


def test_a_gap_ends_the_book_until_the_next_snapshot() -> None:
    """Changes behind it are kept, and belong to no book; the next snapshot has those that it lacks."""
    parser = Binance("BTC/USDT")
    events = [
        event
        for message in (whole(8, {10: 1}), diff(9, 9, (9, 1)), diff(12, 14, (8, 1)), diff(15, 15, (7, 1)))
        for event in parser.parse(message, 0)
    ]
    assert kinds(events) == ["gap"]
    assert book_of(events) is None
    assert parser.awaiting == {"BTC/USDT": "BTCUSDT"}
    # Older than what is known: the changes between are missing.
    events += parser.parse(whole(10, {10: 1, 9: 1}), 0)
    assert kinds(events) == ["gap", "old-snapshot"]
    assert parser.awaiting
    events += parser.snapshot("BTCUSDT", whole(14, {10: 5, 9: 1, 8: 1}), 0)
    assert book_of(events) == {10: 5, 9: 1, 8: 1, 7: 1}
    assert not parser.awaiting


def test_futures_name_the_update_before() -> None:
    """The first one behind a snapshot may begin before it."""
    events = parsed(
        diff(90, 98, (1, 1), pu=88), whole(100, {5: 5}), diff(99, 105, (4, 4), pu=98), diff(110, 112, (3, 3), pu=105)
    )
    assert kinds(events) == []
    assert book_of(events) == {5: 5, 4: 4, 3: 3}
    assert kinds(parsed(diff(1, 5, pu=0), whole(5, {}), diff(8, 9, pu=6))) == ["gap"]


def test_a_snapshot_that_names_no_symbol_finds_its_book() -> None:
    """The only one, or the one whose ids are near; before any update it waits for one."""
    other = diff(9_000_000_000, 9_000_000_001, s="ETHUSDT")
    events = parsed(other, diff(10, 14, (99, 0)), whole(11, {100: 1, 99: 2}))
    assert [event.symbol for event in events if isinstance(event, VenueBookSnapshot)] == ["BTC/USDT"]
    events = parsed(whole(11, {100: 1, 99: 2}), other, diff(10, 14, (99, 0)))
    assert kinds(events) == ["unknown"]
    assert book_of(events) == {100: 1}


def test_urls_of_snapshots() -> None:
    """Spot and futures have theirs; another host may be named."""
    spot = snapshot_url("btcusdt", "wss://stream.binance.com:9443/stream")
    assert spot == "https://api.binance.com/api/v3/depth?symbol=BTCUSDT&limit=5000"
    assert snapshot_symbol(spot) == "BTCUSDT"
    assert snapshot_url("A", "wss://fstream.binance.com/ws").startswith("https://fapi.binance.com/fapi/v1/depth?")
    assert snapshot_url("A", "ws://x", "http://127.0.0.1:8/binance/").startswith("http://127.0.0.1:8/binance/api/v3/")
    assert snapshot_symbol("https://api.binance.com/api/v3/trades?symbol=BTCUSDT") is None


CHANGES = st.lists(st.tuples(st.integers(1, 6), st.integers(0, 3)), min_size=4, max_size=40)


@given(CHANGES, st.lists(st.integers(1, 5), min_size=12, max_size=12), st.data())
def test_any_session_gives_the_venues_book(
    changes: list[tuple[int, int]], sizes: list[int], data: st.DataObject
) -> None:
    """Whatever is gathered, lost, or fetched when: a known book is the true one, and an unknown one is told."""
    truth: list[Book] = [{}]
    for price, size in changes:
        truth.append(apply(truth[-1], ((str(price), str(size)),)))
    batches: list[tuple[int, int, list[tuple[float, float]]]] = []
    at = 0
    while at < len(changes):
        end = min(at + sizes[len(batches) % len(sizes)], len(changes))
        net = dict(changes[at:end])
        batches.append((at + 1, end, [(float(price), float(size)) for price, size in net.items()]))
        at = end
    parser, events, shown = Binance("BTC/USDT"), [], 0
    for first, last, levels in batches:
        if data.draw(st.booleans(), "fetched"):
            # The answer may be older or newer than what has come.
            number = data.draw(st.integers(0, len(changes)), "number")
            events += parser.parse(whole(number, truth[number]), 0)
            shown = max(shown, number) if book_of(events) is not None else shown
        if data.draw(st.integers(0, 4), "lost") == 0:
            continue
        events += parser.parse(diff(first, last, *levels), 0)
        shown = max(shown, last)
        held = book_of(events)
        assert held is None or held == truth[shown]
        assert (held is None) == bool(parser.awaiting)
