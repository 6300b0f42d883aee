"""A speed that is lost is said once, and once when it is found again."""

from __future__ import annotations

import asyncio

from feed.market.lateness import Lateness
from feed.market.market import SLICE_MESSAGES
from feed.market.player import Player
from feed.units import MILLISECOND, SECOND
from tests.support.market import TRADING, Reader, make_market
from tests.support.sources import MetronomeSource
from tests.support.virtual import LoopClock, VirtualLoop, run_virtually


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


def test_a_clock_waits_for_a_machine_that_is_too_slow() -> None:
    """A market that is minutes late goes on from where it is: its newest message is never older than the bound."""
    loop = VirtualLoop()
    clock = LoopClock(loop)
    market = make_market(MetronomeSource(every=10 * MILLISECOND), clock)
    player = Player(market, clock, wait_for=0, gather=MILLISECOND, patience=SECOND, max_lag=2 * SECOND)
    reader = Reader(market, TRADING, limit=2**30)
    phases: list[float | None] = []
    market.attend(player, lambda event: phases.append(getattr(event, "behind_ms", None)))

    async def main() -> None:
        task = asyncio.create_task(player.play_out())
        await asyncio.sleep(1)
        clock.stall(300 * SECOND)
        await asyncio.sleep(0.1)
        assert market.here - market.run.published <= 2 * SECOND
        await asyncio.sleep(10)
        assert market.lateness.behind is None
        assert market.here - market.run.published <= 20 * MILLISECOND
        task.cancel()

    run_virtually(main(), loop)
    # All of them, and none twice; of five minutes a slice was sent before the clock waited.
    seqs = reader.seqs()
    assert seqs == list(range(1, len(seqs) + 1))
    assert 1100 <= len(seqs) <= 1250 + SLICE_MESSAGES
    assert [behind is None for behind in phases] == [True, False, True]
