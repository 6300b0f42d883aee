"""Markets of a small scenario that can be shocked, and the replay of their logs, also as a program of its own."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import orjson

from feed.clock import Clock, ManualClock
from feed.engine.source import EngineSource
from feed.market.digest import market_digest
from feed.market.history import ResumeWindow
from feed.market.market import Market, MarketIdentity
from feed.market.plan import EpochPlan
from feed.market.shared import SharedSource
from feed.market.state import MarketState, state_from
from feed.protocol.events import Event, MarketChanged
from feed.scenario.load import scenario_from
from feed.scenario.model import Scenario
from feed.units import SECOND
from tests.support.market import Reader

LAB = {
    "name": "lab",
    "duration": "40s",
    "market": {"orders_per_second": 8},
    "phases": [{"name": "calm", "for": "12s"}, {"name": "storm", "for": "10s", "volatility": 4}],
    "events": [{"kind": "jump", "at": "15s", "size": "2%", "name": "news"}],
}

STREAMS = {("trading", ""), ("status", ""), ("candles", "1s"), ("book", "10")}


class EngineRepertoire:
    """The generated markets of one scenario."""

    def __init__(self, document: dict[str, Any] = LAB) -> None:
        self._scenario = scenario_from(document, "lab")
        self._open: dict[EpochPlan, SharedSource] = {}

    def open(self, plan: EpochPlan) -> SharedSource:
        """A source for each plan."""
        if plan not in self._open:
            self._open[plan] = SharedSource(EngineSource(self.script(plan)))
        return self._open[plan]

    def digest(self, plan: EpochPlan, begins: int) -> str:
        """The real one."""
        return market_digest(self.script(plan), Path(), self.open(plan).source, seed=plan.seed, at=begins)

    def script(self, plan: EpochPlan) -> Scenario:
        """The scenario with the shocks in it."""
        events = (*self._scenario.events, *plan.shocks)
        return self._scenario.model_copy(update={"seed": plan.seed, "events": events})

    def shift(self, plan: EpochPlan) -> int:
        """Times are as they are."""
        return 0

    def default_seed(self, scenario: str) -> int:
        """Its own."""
        return self._scenario.seed

    def folder(self, scenario: str) -> Path:
        """It plays no files."""
        return Path()


REPERTOIRE = EngineRepertoire()


def engine_market(repertoire: EngineRepertoire = REPERTOIRE, clock: Clock | None = None, **state: Any) -> Market:
    """A market that stands before its first message; `state` are the plan and the beginning, where they are others."""
    plan = EpochPlan("lab", state.get("seed", 1), state.get("shocks", ()))
    source = repertoire.open(plan).source
    begins = state.get("begins", source.start)
    opened = MarketState(
        seed=plan.seed,
        scenario=plan.scenario,
        shocks=plan.shocks,
        digest=repertoire.digest(plan, begins),
        begins=begins,
        at=begins - 1,
        end=source.end,
    )
    return Market(
        MarketIdentity("lab", "lab"),
        repertoire.open(plan),
        opened,
        window=ResumeWindow(1_000_000, 3600 * SECOND),
        clock=clock or ManualClock(),
        repertoire=repertoire,
    )


class Listener:
    """A client that listens in every epoch from its beginning, as a peer does."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self._epoch = market.epoch
        self.states = [market.state]
        self._readers = [self._reader()]
        market.attend(self, self._hear)

    @property
    def frames(self) -> list[list[bytes]]:
        """The frames of each epoch."""
        return [reader.payloads for reader in self._readers]

    @property
    def messages(self) -> list[list[dict[str, Any]]]:
        """The messages of each epoch."""
        return [reader.messages for reader in self._readers]

    def _reader(self) -> Reader:
        wanted = [stream for stream in self._market.streams if (stream.channel, stream.part) in STREAMS]
        return Reader(self._market, *wanted, limit=2**30)

    def _hear(self, event: Event) -> None:
        if isinstance(event, MarketChanged) and event.epoch != self._epoch:
            self._epoch = event.epoch
            self._market.hub.dismiss(self._readers[-1].subscriber)
            self.states.append(self._market.state)
            self._readers.append(self._reader())


def publish(market: Market, until: int) -> None:
    """Publish everything due at a market time or before it."""
    while (due := market.next_time()) is not None and due <= until:
        market.publish_due(until, 50)


def fresh_frames(state: MarketState, until: int, repertoire: EngineRepertoire = REPERTOIRE) -> list[bytes]:
    """The frames of a market that was opened as an epoch begins, and has come to a time."""
    market = engine_market(repertoire, seed=state.seed, shocks=state.shocks, begins=state.begins)
    listener = Listener(market)
    publish(market, until)
    return listener.frames[0]


def replayed(lines: Iterable[bytes], repertoire: EngineRepertoire = REPERTOIRE) -> list[list[bytes]]:
    """The frames of each epoch of a market without a clock, that obeys the lines of a log where they take effect."""
    market = engine_market(repertoire)
    listener = Listener(market)
    effect = market.state.at
    for line in lines:
        entry = orjson.loads(line)
        effect = entry["effect"]
        publish(market, effect)
        market.obey(state_from(entry["state"]))
    publish(market, max(effect, market.state.at))
    return listener.frames


def hashes(frames: list[list[bytes]]) -> list[str]:
    """One hash for each epoch."""
    return [hashlib.sha256(b"\n".join(each)).hexdigest() for each in frames]


if __name__ == "__main__":
    sys.stdout.write("\n".join(hashes(replayed(sys.stdin.buffer.read().splitlines()))))
