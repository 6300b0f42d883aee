"""`python -m tests.benchmarks.costs`: what ticks, frames, a quiet market and a hundred of them cost, as ratios.

The contenders of a round take turns in one process; the markets of the memory test have a process of their own.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import orjson

from feed.clock import ManualClock
from feed.delivery.fanout import Fanout
from feed.delivery.group import Group
from feed.delivery.outbox import Outbox, OutboxLimits
from feed.delivery.subscriber import Subscriber
from feed.dialects.registry import NATIVE, PLAIN
from feed.engine.source import EngineSource
from feed.market.history import ResumeWindow
from feed.market.market import Market, MarketIdentity
from feed.market.shared import SharedSource
from feed.protocol.effects import Stream
from feed.scenario.find import find_scenario
from feed.scenario.load import scenario_from
from feed.units import MINUTE, SECOND
from tests.support.market import opening_state

__all__ = ["main"]

SYMBOL = "BTC/USD"
MARKETS = 100
BUDGET_MB = 300
QUIET = {"name": "ten-a-second", "market": {"orders_per_second": 2.65}}
"""About ten fills a second."""


def best(work: Callable[[], Any], times: int = 3) -> float:
    """The shortest CPU time, s: what is longer was disturbed."""
    found = []
    for _ in range(times):
        began = time.process_time()
        work()
        found.append(time.process_time() - began)
    return min(found)


def generated(seed: int, minutes: int = 360) -> int:
    """So much of the scenario `realistic`, into columns."""
    source = EngineSource(find_scenario("realistic")[0], seed)
    rows = 0
    for batch in source.batches(source.start):
        rows += len(batch.ticks[0])
        if batch.end >= source.start + minutes * MINUTE:
            return rows
    return rows


def gbm(count: int) -> None:
    """The simplest market: a walk of equal steps, rounded to cents."""
    steps = np.random.default_rng(1).standard_normal(count)
    np.round(65000 * np.exp(np.cumsum(steps * 1e-5)), 2)


def engine_costs(seed: int) -> dict[str, float]:
    """Ticks against normals and against a walk."""
    count = generated(seed)
    ours = best(lambda: generated(seed))
    return {
        "ticks a second, million": count / ours / 1e6,
        "a tick / a normal of numpy": ours / best(lambda: np.random.default_rng(1).standard_normal(count)),
        "a tick / a step of a plain walk": ours / best(lambda: gbm(count)),
    }


def market_of(source: EngineSource) -> Market:
    """A market that nobody paces."""
    window = ResumeWindow(10_000, 300 * SECOND)
    return Market(
        MarketIdentity("m", "x"), SharedSource(source), opening_state(source), window=window, clock=ManualClock()
    )


class Sink:
    """A socket that takes everything."""

    def __init__(self) -> None:
        self.bytes = 0

    def write(self, data: bytes) -> None:
        """The outbox's side."""
        self.bytes += len(data)

    def waiting(self) -> int:
        """The outbox's side."""
        return 0


def listen(market: Market, streams: list[Stream]) -> None:
    """One subscriber of these."""
    reader = Subscriber(Outbox(Sink(), OutboxLimits(2**20, SECOND), lambda _: None), None)
    for stream in streams:
        market.join(reader, stream, PLAIN)


def play(market: Market, until: int) -> None:
    """Publish all that is due, as it comes."""
    while (due := market.next_time()) is not None and due <= until:
        market.publish_due(due, 256)


def frame_costs(channel: str, part: str = "") -> float:
    """Encoding of a stream's messages, against `orjson.dumps` of the same dictionaries, ready made."""
    source = EngineSource(scenario_from(QUIET, "costs"), 1)
    market = market_of(source)
    number = market.streams.index(Stream(channel, SYMBOL, part))
    batch = next(source.batches(source.start))
    track, chunk = market.catalog.track(number, batch), market.catalog.chunks[number]
    rows = min(len(track.times), 2048)
    stream = market.streams[number]
    payloads = NATIVE.write(stream, track.rows(0, rows), 1, "update", ())
    documents = [orjson.loads(payload) for payload in payloads]

    def ours() -> None:
        for first in range(0, rows, chunk):
            NATIVE.write(stream, track.rows(first, min(first + chunk, rows)), first + 1, "update", ())

    return best(ours) / best(lambda: [orjson.dumps(document) for document in documents])


def quiet_share(seconds: int = 120) -> float:
    """CPU time of a market of about ten ticks a second with every channel of a symbol, as a share of market time."""
    source = EngineSource(scenario_from(QUIET, "costs"), 1)
    market = market_of(source)
    market.warm().result()
    listen(market, list(market.streams))
    play(market, source.start + 5 * SECOND)
    began = time.process_time()
    play(market, source.start + (5 + seconds) * SECOND)
    return (time.process_time() - began) / seconds


def first_tickers(symbols: int, seed: int) -> float:
    """CPU seconds until every symbol of a cold market has its first ticker."""
    names: list[dict[str, Any]] = [{"symbol": f"S{number}/USD", "orders_per_second": 2.0} for number in range(symbols)]
    scenario = scenario_from({"name": "many", "symbols": names}, "costs")
    began = time.process_time()
    market = market_of(EngineSource(scenario, seed))
    listen(market, [Stream("ticker", name["symbol"]) for name in names])
    play(market, market.source.start)
    for name in names:
        assert market.state_of(Stream("ticker", name["symbol"]), 1, PLAIN)
    return time.process_time() - began


def membership(others: int) -> float:
    """CPU seconds of coming, being found a place, and leaving again, for one reader among so many others."""
    fanout = Fanout(ManualClock())
    group = Group(Stream("trading", SYMBOL))
    nowhere = os.open(os.devnull, os.O_WRONLY)
    readers = [
        Subscriber(Outbox(Sink(), OutboxLimits(2**20, SECOND), lambda _: None), nowhere) for _ in range(others + 1)
    ]
    for reader in readers:
        fanout.enter(reader, group)
    fanout.settle()
    last = readers[others // 2]

    def come_and_go() -> None:
        for _ in range(20_000):
            fanout.leave(last, group)
            fanout.settle()
            fanout.enter(last, group)
            fanout.settle()

    try:
        return best(come_and_go)
    finally:
        os.close(nowhere)


def crowd() -> float:
    """Resident MB that a hundred quiet markets take, each with readers of trades, ticker and book; for a process."""
    scenario = find_scenario("quiet")[0]
    markets = []
    before = resident()
    for seed in range(MARKETS):
        market = market_of(EngineSource(scenario, seed))
        listen(market, [Stream("trading", SYMBOL), Stream("ticker", SYMBOL), Stream("book", SYMBOL, "10")])
        play(market, market.source.start + 3 * MINUTE)
        markets.append(market)
    return resident() - before


def resident() -> float:
    """MB of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def measured(rounds: int) -> dict[str, list[float]]:
    """Every figure, once a round."""
    found: dict[str, list[float]] = {}
    for number in range(rounds):
        figures = engine_costs(number + 1)
        for channel, part in (("trading", ""), ("ticker", ""), ("candles", "1m"), ("book", "10"), ("book", "100")):
            name = f"a frame of {channel} {part}".strip()
            figures[f"{name} / orjson.dumps of its dictionary"] = frame_costs(channel, part)
        figures["leaving and joining among 10 000 / among 10"] = membership(10_000) / membership(10)
        figures["share of a core: 10 ticks/s, all channels"] = quiet_share()
        # The first market of a process also pays for what is loaded and built once.
        first_tickers(1, 1000 + number)
        figures["first ticker of a symbol / 0.1 s"] = first_tickers(1, 2000 + number) / 0.1
        figures["first tickers of 100 symbols / 1 s"] = first_tickers(100, 3000 + number)
        for name, value in figures.items():
            found.setdefault(name, []).append(value)
    told = subprocess.run([sys.executable, "-m", "tests.benchmarks.costs", "--crowd"], capture_output=True, check=True)
    found[f"{MARKETS} quiet markets / {BUDGET_MB} MB"] = [float(told.stdout) / BUDGET_MB]
    return found


def main(arguments: list[str] | None = None) -> int:
    """Measure, and print a table; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.costs", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="how often (3)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure here")
    parser.add_argument("--crowd", action="store_true", help="only the memory of the markets, MB")
    options = parser.parse_args(arguments)
    if options.crowd:
        print(crowd())
        return 0
    found = measured(options.rounds)
    for name, values in found.items():
        print(f"{name:55} {median(values):8.3f} ({min(values):.3f} to {max(values):.3f})")
    if options.json is not None:
        options.json.write_text(json.dumps(found, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
