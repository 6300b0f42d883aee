"""What happens before a time depends on nothing that begins later: an event more changes no digit before itself."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feed.data.book import QuoteBlock
from feed.data.ticks import TickBlock
from feed.engine.source import EngineSource
from feed.errors import ScenarioError
from feed.scenario.load import scenario_from
from feed.units import MINUTE, SECOND
from tests.engine.test_source import documents, joined, window

LENGTHS = st.sampled_from(["700ms", "20s", "90s", "4m"])
EVENTS: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.fixed_dictionaries({"kind": st.just("jump"), "size": st.sampled_from(["-40%", "-1%", "3%"])}),
    st.fixed_dictionaries(
        {"kind": st.just("overlay"), "for": LENGTHS},
        optional={
            "drift": st.sampled_from(["-5%", "8%"]),
            "volatility": st.floats(0.1, 20),
            "activity": st.floats(0.1, 20),
            "spread": st.floats(0.5, 200),
            "liquidity": st.floats(0.05, 5),
            "fade": st.booleans(),
        },
    ),
    st.fixed_dictionaries({"kind": st.just("flash-crash"), "fall": LENGTHS, "recovery": LENGTHS}),
    st.fixed_dictionaries({"kind": st.sampled_from(["squeeze", "burst", "quiet", "thin-book", "gap"]), "for": LENGTHS}),
    st.fixed_dictionaries({"kind": st.just("quiet"), "factor": st.just(0), "for": LENGTHS}),
    st.fixed_dictionaries({"kind": st.just("pump"), "rise": LENGTHS, "fall": LENGTHS}),
    st.fixed_dictionaries({"kind": st.just("spread-blowout"), "for": LENGTHS}),
    st.fixed_dictionaries({"kind": st.just("halt"), "for": LENGTHS, "gap": st.sampled_from(["0%", "-4%"])}),
    st.fixed_dictionaries({"kind": st.just("status"), "status": st.just("maintenance"), "for": LENGTHS}),
    st.fixed_dictionaries({"kind": st.just("target"), "price": st.just(75), "for": LENGTHS}),
)
TIMES = st.integers(0, 10 * 60_000).map(lambda milliseconds: f"{milliseconds}ms")


@st.composite
def events(draw: st.DrawFn) -> dict[str, Any]:
    """An event at any millisecond of the first ten minutes."""
    return {**draw(EVENTS), "at": draw(TIMES)}


def source_of(document: dict[str, Any]) -> EngineSource | None:
    """The market of a document; None if its parts contradict each other."""
    try:
        return EngineSource(scenario_from(document, "test"))
    except ScenarioError:
        return None


def assert_equal(one: Any, other: Any, kind: type) -> None:
    """The same rows in every column."""
    for column in fields(kind):
        assert np.array_equal(getattr(one, column.name), getattr(other, column.name)), column.name


def assert_same_until(plain: EngineSource, more: EngineSource, at: int) -> None:
    """Trades, statuses, books and bars up to market time `at`."""
    start = plain.start - MINUTE
    before, after = (window(source, start, at - start) for source in (plain, more))
    for index in range(len(plain.instruments)):
        assert_equal(joined(before, index).before(at), joined(after, index).before(at), TickBlock)
        plain_book, more_book = plain.books(index), more.books(index)
        assert plain_book.count(start, at) == more_book.count(start, at)
        lately = max(start, at - 2 * MINUTE)
        plain_depth, more_depth = plain_book.during(lately, at), more_book.during(lately, at)
        assert_equal(plain_depth.quotes, more_depth.quotes, QuoteBlock)
        rows = len(plain_depth.quotes)
        last = max(rows - 20, -1)
        assert plain_depth.ladders(last, rows, 25) == more_depth.ladders(last, rows, 25)
    changes = [
        [change for batch in batches for change in batch.statuses if change.time < at] for batches in (before, after)
    ]
    assert changes[0] == changes[1]
    assert plain.statuses(at - 1) == more.statuses(at - 1)


@settings(deadline=None, max_examples=30)
@given(documents(), st.lists(events(), max_size=3), events())
def test_an_event_changes_nothing_before_it(
    document: dict[str, Any], script: list[dict[str, Any]], event: dict[str, Any]
) -> None:
    """In any market, whatever is under way, at any millisecond: not a trade, not a quote, not a level of a book."""
    plain = source_of({**document, "events": script})
    more = source_of({**document, "events": [*script, event]})
    if plain is None or more is None:
        return
    at = plain.start + int(event["at"].removesuffix("ms")) * 1_000_000
    assert_same_until(plain, more, at)


@settings(deadline=None, max_examples=8)
@given(documents(), st.lists(events(), max_size=2), events())
def test_a_market_goes_on_with_an_event_more(
    document: dict[str, Any], script: list[dict[str, Any]], event: dict[str, Any]
) -> None:
    """What is known of the time before may be taken over: it is the market of the whole script, to the last digit."""
    plain = source_of({**document, "events": script})
    fresh, heir = (source_of({**document, "events": [*script, event]}) for _ in range(2))
    if plain is None or fresh is None or heir is None:
        return
    at = plain.start + int(event["at"].removesuffix("ms")) * 1_000_000
    window(plain, plain.start - MINUTE, 12 * MINUTE)
    heir.inherit(plain, at)
    for one, other in zip(window(heir, at, 6 * MINUTE), window(fresh, at, 6 * MINUTE), strict=True):
        assert one.statuses == other.statuses
        for block, expected in zip(one.ticks, other.ticks, strict=True):
            assert_equal(block, expected, TickBlock)


SCRIPTS: dict[str, dict[str, Any]] = {
    "within a phase": {
        "phases": [{"name": "up", "for": "3m", "drift": "2%"}, {"name": "down", "for": "7m", "drift": "-2%"}]
    },
    "on its way to a target": {"events": [{"kind": "target", "at": "5s", "for": "9m", "price": 66_000}]},
    "drawn back": {"phases": [{"name": "range", "reversion": "2m", "volatility": 3}]},
}


@pytest.mark.parametrize("name", SCRIPTS)
@pytest.mark.parametrize(
    "event",
    [
        {"kind": "jump", "at": "103423ms", "size": "5%"},
        {"kind": "overlay", "at": "103423ms", "volatility": 9, "activity": 12, "drift": "4%"},
        {"kind": "halt", "at": "103423ms", "gap": "-3%"},
    ],
    ids=lambda event: str(event["kind"]),
)
def test_it_may_begin_within_anything(name: str, event: dict[str, Any]) -> None:
    """Within a phase, the way to a target or a pull: and the price goes on from where it is."""
    script = SCRIPTS[name]
    document = {"name": "any", "market": {"orders_per_second": 150, "daily_volatility": "4%"}, **script}
    plain, more = source_of(document), source_of({**document, "events": [*script.get("events", ()), event]})
    assert plain is not None
    assert more is not None
    at = plain.start + 103_423_000_000
    assert_same_until(plain, more, at)
    block = joined(window(more, plain.start, 15 * MINUTE))
    row = int(np.searchsorted(block.time, at))
    # The next trade is a step away, not a seam; a halt's gap comes only as it ends.
    assert row < len(block)
    if event["kind"] == "overlay" and block.time[row] - at < SECOND:
        assert abs(int(block.price[row]) / int(block.price[row - 1]) - 1) < 0.002
