"""Where a market stands: exact at any speed and after any change of it, and never behind where it stops."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from feed.market.plan import EpochPlan
from feed.market.state import MarketState, exact_speed
from feed.units import HOUR, MAX_SPEED, SECOND

START = 1_736_121_600 * SECOND

SPEEDS = st.one_of(st.sampled_from([0.1, 0.3, 1, 60, 1000]), st.floats(0.1, 1000))

TIMES = st.integers(0, 1000 * HOUR)


def moving(speed: float, *, since: int = 0, stop: int | None = None, end: int | None = None) -> MarketState:
    """A market that moves on from its beginning."""
    begun = MarketState(seed=1, digest="d", begins=START, at=START - 1, end=end)
    pace = exact_speed(speed)
    return replace(begun.run(since), stop=stop, speed=pace, usual=pace)


@given(SPEEDS, TIMES, TIMES)
def test_when_is_the_earliest_time_at_which_it_is_there(speed: float, since: int, ahead: int) -> None:
    """One nanosecond before, it is not there yet: a message goes out neither early nor late."""
    state = moving(speed, since=since)
    when = state.when(START + ahead)
    assert state.position(when) >= START + ahead
    assert ahead == 0 or state.position(when - 1) < START + ahead


@given(SPEEDS, TIMES, st.lists(TIMES, min_size=2, max_size=10))
def test_time_never_goes_back(speed: float, since: int, later: list[int]) -> None:
    """Later is never earlier, and an hour is an hour."""
    state = moving(speed, since=since)
    places = [state.position(since + wait) for wait in sorted(later)]
    assert places == sorted(places)
    assert state.position(since + 10 * HOUR) - START == int(10 * HOUR * Fraction(str(speed)))


@given(SPEEDS, st.lists(st.tuples(SPEEDS, st.integers(0, HOUR)), max_size=10))
def test_change_of_speed_is_no_jump(first: float, changes: list[tuple[float, int]]) -> None:
    """At the moment of a change it stands where it stood."""
    state, now = moving(first), 0
    for speed, wait in changes:
        now += wait
        here = state.position(now)
        state = replace(state, speed=exact_speed(speed), at=here, since=now)
        assert state.position(now) == here


@given(SPEEDS, st.none() | st.integers(0, HOUR), st.none() | st.integers(1, HOUR), TIMES)
def test_it_does_not_pass_its_limit(speed: float, stop: int | None, end: int | None, wait: int) -> None:
    """The nearer of where it is to stop and where its source ends."""
    bounds = [START + bound for bound in (stop, end) if bound is not None]
    state = moving(speed, stop=None if stop is None else START + stop, end=None if end is None else START + end)
    assert state.limit == min(bounds, default=None)
    assert state.position(wait) == min([moving(speed).position(wait), *bounds])


def test_market_at_full_speed_has_no_clock() -> None:
    """Real time says nothing of where it is."""
    state = moving(MAX_SPEED, since=5)
    assert (state.is_max, state.position(10**15), state.when(START + HOUR)) == (True, START, 5)


def test_epoch_stands_before_its_first_message() -> None:
    """It has a name of its own, keeps the speed, and forgets where the one before was to stop."""
    state = moving(3, stop=START + 7)
    begun = state.begin(START + 50, EpochPlan("calm", 9), digest="e", end=None)
    assert (begun.epoch, state.epoch) == ("e-2", "d-1")
    assert (begun.moving, begun.at, begun.stop, begun.speed, begun.seed) == (False, START + 49, None, Fraction(3), 9)
    assert begun.run(5).position(5) == START + 50
    assert begun.begin(START, begun.plan, digest="e", end=None).epoch == "e-3"
