"""A speed that is lost is said once, and once when it is found again."""

from __future__ import annotations

from feed.market.lateness import Lateness
from feed.units import MILLISECOND, SECOND


def test_it_begins_once_and_ends_once() -> None:
    """A market that does 80 seconds a second in place of 1000 falls behind, and catches up when there is less."""
    lateness = Lateness()
    told = []
    for step in range(1, 101):
        now = step * 100 * MILLISECOND
        market = step * 8 * SECOND
        changed = lateness.note(now, now - market // 1000, market)
        if changed:
            told.append((step, lateness.behind))
    [(step, behind)] = told
    assert behind is not None
    assert 10 <= step <= 12
    assert behind.speed == 80.0
    assert lateness.behind is not None
    assert lateness.behind.lag == 10 * SECOND - 800 * MILLISECOND
    assert not lateness.note(11 * SECOND, 500 * MILLISECOND, 10_000 * SECOND), "nearly is not yet"
    assert lateness.note(12 * SECOND, 50 * MILLISECOND, 12_000 * SECOND)
    assert lateness.behind is None


def test_a_hiccup_is_nothing() -> None:
    """Less than a second late is made up for before anybody could read of it."""
    lateness = Lateness()
    assert not any(lateness.note(n * SECOND, 900 * MILLISECOND, n * SECOND) for n in range(10))
    assert lateness.behind is None
