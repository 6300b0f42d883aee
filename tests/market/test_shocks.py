"""A market is its scenario, its seed and its log: whatever is commanded, each epoch has the bytes of its scenario."""

from __future__ import annotations

import asyncio
import itertools
import subprocess
import sys
import tomllib
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any, TypeVar

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from feed.market.commands import CommandError
from feed.market.control import MarketControl
from feed.market.effective import effective_scenario
from feed.market.plan import EpochPlan
from feed.market.player import Player
from feed.scenario.load import scenario_from
from feed.units import SECOND
from tests.support.engine_market import (
    LAB,
    REPERTOIRE,
    EngineRepertoire,
    Listener,
    engine_market,
    fresh_frames,
    hashes,
    replayed,
)
from tests.support.virtual import LoopClock, VirtualLoop

T = TypeVar("T")

SHOCKS: list[dict[str, Any]] = [
    {"kind": "jump", "size": "-5%"},
    {"kind": "flash-crash", "size": "-10%", "fall": "3s", "recovery": "5s"},
    {"kind": "burst", "factor": 20, "for": "4s"},
    {"kind": "halt", "for": "3s", "gap": "1%", "auction": "2s"},
    {"kind": "spread-blowout", "for": "5s"},
    {"kind": "target", "price": 66000, "for": "6s"},
]


class Lab:
    """A market in virtual time that is played, commanded and listened to."""

    def __init__(self) -> None:
        self.loop = VirtualLoop()
        clock = LoopClock(self.loop)
        self.market = engine_market(clock=clock)
        self.listener = Listener(self.market)
        player = Player(self.market, clock, wait_for=0, gather=0, patience=SECOND)
        self.control = MarketControl(self.market, player, clock)
        self._playing = self.loop.create_task(player.run())
        self.run(asyncio.sleep(0))

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Do something in the market's loop."""
        return self.loop.run_until_complete(work)

    def act(self, action: str, **keys: Any) -> Any:
        """Give a command; None if it is refused, and then nothing is in the log."""
        before = self.control.newest
        try:
            done = self.run(self.control.act(action, keys, "test"))
        except CommandError:
            assert self.control.newest == before
            return None
        assert done.log > before
        return done

    @property
    def log(self) -> list[bytes]:
        """The lines of the log."""
        return [orjson.dumps(entry.document()) for entry in self.control.log]

    def close(self) -> None:
        """End it."""
        self._playing.cancel()
        self.loop.run_until_complete(asyncio.gather(self._playing, return_exceptions=True))
        self.loop.close()


def test_a_shock_goes_on_without_a_seam() -> None:
    """Ids, volume and prices go on; the bytes are those of the effective scenario, read from its file, opened there."""
    lab = Lab()
    lab.act("run_until", time="6s")
    calm = lab.act("mark", text="before")
    for shock in SHOCKS[:2]:
        assert lab.act("shock", **shock) is not None
        lab.act("run_until", time="+2s")
    epochs = lab.listener.messages
    assert len(epochs) == 3
    for before, after in itertools.pairwise(epochs):
        last = [m["data"] for m in before if m["channel"] == "trading"][-1]
        first = next(m["data"] for m in after if m["channel"] == "trading")
        assert first["trade_id"] == last["trade_id"] + 1
        assert first["volume"] == pytest.approx(last["volume"] + first["size"])
        assert next(m["seq"] for m in after if m["channel"] == "trading") == 1
    text = effective_scenario(lab.market)
    script = scenario_from(tomllib.loads(text), "effective")
    state = lab.market.state
    assert script == REPERTOIRE.script(state.plan)
    alone = EngineRepertoire(tomllib.loads(text))
    assert alone.digest(EpochPlan("lab", state.seed), state.begins) == state.digest
    expected = Listener(market := engine_market(alone, begins=state.begins))
    while (due := market.next_time()) is not None and due <= state.at:
        market.publish_due(state.at, 100)
    assert expected.frames[0] == lab.listener.frames[-1]
    assert calm.log == 2
    assert replayed(lab.log) == lab.listener.frames
    lab.close()


@settings(max_examples=6, deadline=None)
@given(st.sampled_from(SHOCKS), st.integers(0, 30_000), st.integers(1, 9))
def test_a_shock_leaves_the_past_as_it_was(shock: dict[str, Any], at: int, seed: int) -> None:
    """A market whose scenario has the event from the start has the same frames up to the shock, to the byte."""
    lab = Lab()
    lab.act("restart", seed=seed)
    lab.act("run_until", time=f"{at}ms")
    assert lab.act("shock", **shock) is not None
    before, after = lab.listener.states[-2:]
    whole = fresh_frames(replace(after, begins=before.begins), after.begins - 1)
    assert whole == lab.listener.frames[-2]
    lab.close()


class MarketMachine(RuleBasedStateMachine):
    """Any commands in any order, with time passing in between."""

    def __init__(self) -> None:
        super().__init__()
        self.lab = Lab()

    @rule()
    def pause(self) -> None:
        """Stand still."""
        done = self.lab.act("pause")
        assert done.state in ("paused", "ended")

    @rule()
    def resume(self) -> None:
        """Go on; an ended market refuses."""
        self.lab.act("resume")

    @rule(value=st.sampled_from([0.5, 1, 10, 200, "max"]))
    def speed(self, value: float | str) -> None:
        """Another speed."""
        self.lab.act("speed", value=value)

    @rule(count=st.integers(1, 40))
    def step(self, count: int) -> None:
        """So many trades; a running market refuses."""
        before = self._trades()
        epoch = self.lab.market.epoch
        done = self.lab.act("step", count=count)
        if done is not None:
            assert (self._trades() - before, epoch) == (done.facts["trades"], done.epoch)

    @rule(time=st.sampled_from(["0s", "3s", "11.5s", "14.9s", "+2s", "-3s", "39s"]))
    def seek(self, time: str) -> None:
        """Another time."""
        self.lab.act("seek", time=time)

    @rule(seed=st.sampled_from([1, 2]))
    def restart(self, seed: int) -> None:
        """From the beginning."""
        self.lab.act("restart", seed=seed)

    @precondition(lambda self: len(self.lab.market.state.shocks) < 3)
    @rule(shock=st.sampled_from(SHOCKS))
    def shock(self, shock: dict[str, Any]) -> None:
        """Something happens now; two targets or halts at once are refused."""
        self.lab.act("shock", **shock)

    @rule(
        goal=st.sampled_from(
            [
                {"time": "+1s"},
                {"time": "20s"},
                {"phase": "storm"},
                {"event": "news"},
                {"scenario_event": "flash-crash ends"},
                {"seq": 30, "channel": "trading"},
                {"seq": 9, "channel": "candles", "interval": "1s"},
                {"seq": 200, "channel": "book"},
                {"price": 65100},
            ]
        ),
        speed=st.sampled_from([5, "max"]),
    )
    def run_until(self, goal: dict[str, Any], speed: float | str) -> None:
        """Up to there, and it stands there."""
        done = self.lab.act("run_until", speed=speed, **goal)
        if done is not None:
            assert done.facts["reached"]
            assert not self.lab.market.state.moving
            if "seq" in goal:
                stream = next(
                    it
                    for it in self.lab.market.streams
                    if it.channel == goal["channel"] and it.part in ("", "1s", "10")
                )
                assert self.lab.market.seq(stream) >= goal["seq"]

    @rule(milliseconds=st.integers(1, 3000))
    def wait(self, milliseconds: int) -> None:
        """Time passes."""
        self.lab.run(asyncio.sleep(milliseconds / 1000))

    @invariant()
    def the_epoch_is_that_of_its_effective_scenario(self) -> None:
        """All that has come of the present epoch is what a market that was opened as it begins sends."""
        state, frames = self.lab.market.state, self.lab.listener.frames[-1]
        assert frames == fresh_frames(state, self.lab.market.published)[: len(frames)]
        if not state.moving:
            assert frames == fresh_frames(state, state.at)

    def teardown(self) -> None:
        """The log alone gives all of it again."""
        self.lab.act("pause")
        assert replayed(self.lab.log) == self.lab.listener.frames
        self.lab.close()

    def _trades(self) -> int:
        return sum(m["channel"] == "trading" for m in self.lab.listener.messages[-1])


MarketMachine.TestCase.settings = settings(max_examples=6, stateful_step_count=7, deadline=None)
TestMarketMachine = MarketMachine.TestCase


def test_another_process_gives_every_byte_again() -> None:
    """It has the log alone."""
    lab = Lab()
    lab.act("run_until", seq=40, channel="trading")
    lab.act("shock", **SHOCKS[1])
    lab.act("resume")
    lab.run(asyncio.sleep(1.5))
    lab.act("speed", value=20)
    lab.run(asyncio.sleep(0.2))
    lab.act("shock", **SHOCKS[2])
    lab.run(asyncio.sleep(0.1))
    lab.act("pause")
    lab.act("seek", time="15s")
    lab.act("step", count=25)
    lab.act("restart", seed=5)
    lab.act("step", **{"for": "1500ms"})
    told = lab.listener.frames
    assert len(told) == 5
    command = [sys.executable, "-m", "tests.support.engine_market"]
    found = subprocess.run(command, input=b"\n".join(lab.log), capture_output=True, check=True)
    assert found.stdout.decode().split("\n") == hashes(told)
    lab.close()


def test_the_scenario_is_that_of_the_file() -> None:
    """The support of these tests plays what it says."""
    assert REPERTOIRE.script(EpochPlan("lab", 1)) == scenario_from(LAB, "lab")
