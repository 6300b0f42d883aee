"""`python -m tests.benchmarks.reach`: how long any other time of a market takes, in blocks made in sequence.

Seeking, history and the first reader of a book, each of a source that has made nothing yet, and history again when it
has; and, next to it, what a market costs that is really paced.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from feed.clock import SystemClock
from feed.engine.source import EngineSource
from feed.market.chores import Chore
from feed.market.history import ResumeWindow
from feed.market.market import Market, MarketIdentity
from feed.market.player import Player
from feed.market.shared import SharedSource
from feed.scenario.find import find_scenario
from feed.scenario.load import scenario_from
from feed.units import DAY, HOUR, SECOND
from tests.benchmarks.costs import QUIET, listen, market_of
from tests.support.market import opening_state

__all__ = ["main"]

BLOCKS = 20
SETTLED = 2.0
"""Seconds after which a paced market is looked at: what its beginning costs is not its running."""


def seconds(work: Callable[[], Any]) -> float:
    """CPU time, so that a neighbour counts as little as possible."""
    began = time.process_time()
    work()
    return time.process_time() - began


def realistic(seed: int) -> EngineSource:
    """The scenario, and nothing made of it."""
    return EngineSource(find_scenario("realistic")[0], seed)


def block(seed: int) -> float:
    """Seconds for one block of `realistic` in sequence."""
    source = realistic(seed)
    batches = source.batches(source.start)
    next(batches)
    return median(seconds(lambda: next(batches)) for _ in range(BLOCKS))


def whole(chore: Chore[list[bytes]]) -> list[bytes]:
    """What comes of it, all steps at once."""
    while True:
        try:
            next(chore)
        except StopIteration as end:
            return list(end.value)


def reaches(seed: int) -> dict[str, float]:
    """Each in blocks made in sequence."""
    start = realistic(seed).start
    at = start + 3 * DAY + 15 * HOUR + 123 * SECOND
    found = {
        f"first batch {days} d {hours} h later": seconds(
            lambda to=start + days * DAY + hours * HOUR: next(realistic(seed).batches(to))  # type: ignore[misc]
        )
        for days, hours in ((1, 0), (1, 13), (30, 0), (30, 13))
    }
    found["books.count over a day"] = seconds(lambda: realistic(seed).books(0).count(start, start + DAY))
    for name, ask in {
        "500 candles of 1m": lambda market: whole(market.past.candles(0, "1m", None, at, 500)),
        "100 candles of 1h": lambda market: whole(market.past.candles(0, "1h", None, at, 100)),
        "100 trades": lambda market: whole(market.past.trades(0, None, at, 100)),
    }.items():
        market = market_of(realistic(seed))
        found[f"{name}, new"] = seconds(lambda ask=ask, market=market: ask(market))  # type: ignore[misc]
        found[f"{name}, again"] = seconds(lambda ask=ask, market=market: ask(market))  # type: ignore[misc]
    unit = block(seed)
    return {"a block, ms": unit * 1e3} | {f"{name} / a block": value / unit for name, value in found.items()}


async def _paced(market: Market, length: float) -> tuple[float, float]:
    """CPU seconds a second of a market that is played in real time, and how often a second it has something to do."""
    player = Player(market, SystemClock(), wait_for=0, gather=0, patience=SECOND)
    playing = asyncio.create_task(player.run())
    await asyncio.sleep(SETTLED)
    first, used, real = market.published, time.process_time(), time.perf_counter()
    await asyncio.sleep(length)
    used, real = time.process_time() - used, time.perf_counter() - real
    playing.cancel()
    # Every time at which something trades is a time of the book; candles and tickers come once a second.
    times = np.unique(market.source.books(0).during(first, market.published).quotes.time)
    return used / real, len(times) / real + 1


async def _woken(rate: float, length: float) -> float:
    """CPU seconds a second of a loop that wakes so often and does nothing."""
    used, real = time.process_time(), time.perf_counter()
    for _ in range(int(rate * length)):
        await asyncio.sleep(1 / rate)
    return (time.process_time() - used) / (time.perf_counter() - real)


def paced(seed: int, length: float) -> dict[str, float]:
    """A market of about ten ticks a second with every channel of its symbol, in real time and with real timers."""
    source = EngineSource(scenario_from(QUIET, "reach"), seed)
    window = ResumeWindow(10_000, 300 * SECOND)
    market = Market(
        MarketIdentity("m", "x"), SharedSource(source), opening_state(source), window=window, clock=SystemClock()
    )
    market.warm().result()
    listen(market, list(market.streams))
    share, rate = asyncio.run(_paced(market, length))
    floor = asyncio.run(_woken(rate, length / 2))
    return {
        "really paced: share of a core": share,
        "really paced: wakings a second": rate,
        "a loop that only wakes as often: share of a core": floor,
        "really paced / a loop that only wakes as often": share / floor,
    }


def main(arguments: list[str] | None = None) -> int:
    """Measure, and print a table; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.reach", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="how often, each with a seed of its own (5)")
    parser.add_argument("--seconds", type=float, default=8, help="how long each market is paced (8)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure here")
    options = parser.parse_args(arguments)
    found: dict[str, list[float]] = {}
    for seed in range(1, options.rounds + 1):
        for name, value in (reaches(seed) | paced(seed, options.seconds)).items():
            found.setdefault(name, []).append(value)
    for name, values in found.items():
        print(f"{name:50} {median(values):8.3f} ({min(values):.3f} to {max(values):.3f})")
    if options.json is not None:
        options.json.write_text(json.dumps(found, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
