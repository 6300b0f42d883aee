"""The kernel's timer rings once for each time it is set, and is done without where there is none."""

from __future__ import annotations

import asyncio
import ctypes
import select
import time

import pytest

from feed.clock import SystemClock
from feed.market import alarm, kerneltimer
from feed.market.kerneltimer import open_timer
from feed.market.player import Player
from feed.units import MILLISECOND, SECOND
from tests.support.market import TRADING, Reader, make_market
from tests.support.sources import MetronomeSource


def test_rings_once_and_never_early() -> None:
    """It is readable after its time, and no more once it has been heard."""
    timer = open_timer()
    if timer is None:
        pytest.skip("this system has no such timer")
    try:
        assert not select.select([timer.descriptor], [], [], 0)[0]
        for wait in (MILLISECOND // 5, 3 * MILLISECOND):
            begun = time.monotonic_ns()
            timer.set(wait)
            assert select.select([timer.descriptor], [], [], 10)[0]
            assert time.monotonic_ns() - begun >= wait
            timer.clear()
            timer.clear()
            assert not select.select([timer.descriptor], [], [], 0)[0]
    finally:
        timer.close()


@pytest.mark.parametrize("missing", [OSError, AttributeError])
def test_systems_without_it(monkeypatch: pytest.MonkeyPatch, missing: type[Exception]) -> None:
    """No library or no such call in it: there is none."""

    def fail(*_: object, **__: object) -> object:
        raise missing

    monkeypatch.setattr(ctypes, "CDLL", fail)
    assert open_timer() is None


@pytest.mark.parametrize("available", [True, False])
def test_market_runs_with_and_without_it(monkeypatch: pytest.MonkeyPatch, available: bool) -> None:
    """The same messages in real time, and nothing is left open."""
    opened = []

    def opening() -> kerneltimer.KernelTimer | None:
        opened.append(open_timer() if available else None)
        return opened[-1]

    monkeypatch.setattr(alarm, "open_timer", opening)

    async def main() -> list[int]:
        clock = SystemClock()
        market = make_market(MetronomeSource(every=MILLISECOND // 2, count=40), clock)
        reader = Reader(market, TRADING)
        await Player(market, clock, wait_for=0, gather=MILLISECOND, patience=SECOND).play_out()
        return reader.seqs()

    assert asyncio.run(main()) == list(range(1, 41))
    assert len(opened) == 1
