"""How many messages share a write: none where nothing may be gathered, and never for longer than the bound."""

from __future__ import annotations

import pytest

from feed.market.player import Player
from feed.units import MICROSECOND, MILLISECOND, SECOND
from tests.support.market import TRADING, Reader, make_market
from tests.support.sources import MetronomeSource
from tests.support.virtual import LoopClock, VirtualLoop, run_virtually


@pytest.mark.parametrize(
    ("gather", "writes"),
    [(0, 200), (MILLISECOND, 21), (5 * MILLISECOND, 5)],
)
def test_messages_share_a_write_only_within_the_bound(gather: int, writes: int) -> None:
    """Two hundred messages in 20 ms: one write each, about one each millisecond, about one each five."""
    loop = VirtualLoop()
    clock = LoopClock(loop)
    market = make_market(MetronomeSource(every=100 * MICROSECOND, count=200), clock)
    reader = Reader(market, TRADING)
    player = Player(market, clock, wait_for=0, gather=gather, patience=SECOND)
    run_virtually(player.play_out(), loop)
    counters = market.hub.counters
    assert (counters.deliveries, reader.data.count(b'"seq":')) == (200, 200)
    assert abs(market.hub.counters.writes - writes) <= 1


def test_late_loop_shares_no_write_where_nothing_may_be_gathered() -> None:
    """What was missed goes out at once, and still in one write a message."""
    loop = VirtualLoop()
    clock = LoopClock(loop)
    market = make_market(MetronomeSource(every=MILLISECOND, count=1000), clock)
    Reader(market, TRADING)
    loop.call_later(0.1, clock.stall, SECOND // 2)
    run_virtually(Player(market, clock, wait_for=0, gather=0, patience=SECOND).play_out(), loop)
    assert market.hub.counters.deliveries == market.hub.counters.writes == 1000


def test_who_joins_leaves_no_alarm_behind() -> None:
    """Each joining is looked at once; after it the market wakes as often as before."""
    loop = VirtualLoop()
    clock = LoopClock(loop)
    market = make_market(MetronomeSource(every=SECOND, count=10), clock)
    player = Player(market, clock, wait_for=0, gather=0, patience=SECOND)
    turns: list[int] = []
    turn = player._turn

    def counted() -> int | None:
        turns.append(clock.now())
        return turn()

    player._turn = counted  # type: ignore[method-assign]
    for joining in range(20):
        loop.call_later(2.5 + joining / 1000, Reader, market, TRADING)
    run_virtually(player.play_out(), loop)
    # One for each message and each joining, and one at the end or the beginning.
    assert len(turns) <= 10 + 20 + 2
