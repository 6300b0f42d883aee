"""Commands to a market at any moment: the bytes of every epoch are those of a market that was opened there."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from itertools import islice
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from feed.data.ticks import Batch
from feed.delivery.framing import text_frame
from feed.dialects.registry import PLAIN
from feed.market.commands import CommandError, Entry
from feed.market.control import MarketControl
from feed.market.market import Market
from feed.market.player import Player
from feed.market.state import MarketState
from feed.protocol.effects import Stream
from feed.protocol.events import Event, MarketChanged
from feed.units import MILLISECOND, SECOND
from tests.support.market import Reader, make_market
from tests.support.sources import BTC, ETH, MetronomeSource
from tests.support.virtual import LoopClock, VirtualLoop, run_virtually

SOURCE = MetronomeSource((BTC, ETH), every=20 * MILLISECOND, count=400, batch=37, halt_at=150)
"""Eight seconds of two symbols; their ticks fall on the same moments."""

STREAMS = (("trading", ""), ("status", ""), ("candles", "1s"))


def joined(market: Market) -> Reader:
    """A reader of several streams, lossless and other ones."""
    wanted = [stream for stream in market.streams if (stream.channel, stream.part) in STREAMS]
    return Reader(market, *wanted)


def publish(market: Market, until: int) -> None:
    """Publish everything due at a market time or before it."""
    while (due := market.next_time()) is not None and due <= until:
        market.publish_due(until, 7)


@dataclass
class Told:
    """What came of one epoch."""

    begins: int
    reader: Reader


class Witness:
    """A client that listens in every epoch from its beginning, as a peer does."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self._epoch = market.epoch
        self.epochs = [Told(market.state.begins, joined(market))]
        market.attend(self, self.hear)

    def hear(self, event: Event) -> None:
        """A new epoch: what came before is done with."""
        assert isinstance(event, MarketChanged)
        if event.epoch != self._epoch:
            self._epoch = event.epoch
            self._market.hub.dismiss(self.epochs[-1].reader.subscriber)
            self.epochs.append(Told(self._market.state.begins, joined(self._market)))

    @property
    def frames(self) -> list[list[bytes]]:
        """The frames of each epoch."""
        return [told.reader.payloads for told in self.epochs]


@dataclass
class Room:
    """A market that is played in virtual time and obeys."""

    speed: float
    gather: int
    waits: bool
    loop: VirtualLoop = field(default_factory=VirtualLoop)

    def __post_init__(self) -> None:
        self.clock = LoopClock(self.loop)
        self.market = make_market(SOURCE, self.clock, speed=self.speed, waits=self.waits)
        self.opened = self.market.state
        player = Player(self.market, self.clock, wait_for=1, gather=self.gather, patience=SECOND)
        self.control = MarketControl(self.market, player, self.clock)
        player.on_awaited = self.control.begin
        self._player = player
        self.witness = Witness(self.market)

    async def live(self, steps: list[tuple[int, list[Asked]]]) -> None:
        """Give commands at some times, those of one step at once, and let the market stand at the end."""
        playing = self.loop.create_task(self._player.run())
        for wait, commands in steps:
            await asyncio.sleep(wait / 1000)
            await asyncio.gather(*(self.act(*asked) for asked in commands))
        await self.act("pause", {})
        assert not playing.done()
        playing.cancel()

    async def act(self, action: str, keys: dict[str, Any]) -> None:
        """Give a command; one that is refused changes nothing."""
        before = self.control.newest
        try:
            done = await self.control.act(action, keys, "test")
        except CommandError:
            return
        assert done.log > before
        if self.market.state.moving or self.control.newest != done.log:
            return
        told = self.witness.frames
        assert told[-1] == expected(self.market.state.begins, self.market.state.at), "all of it, and no more"
        await asyncio.sleep(0.5)
        if self.control.newest == done.log:
            assert self.witness.frames == told, "nothing is published while it stands"


Asked = tuple[str, dict[str, Any]]


@cache
def expected(begins: int, until: int) -> list[bytes]:
    """The frames of a market that was opened at `begins` and has come to `until`."""
    market = make_market(SOURCE, begins=begins)
    reader = joined(market)
    publish(market, until)
    return reader.payloads


def replayed(opened: MarketState, log: list[Entry]) -> list[list[bytes]]:
    """The frames of each epoch of a market without a clock, that obeys a log where each command takes effect."""
    market = make_market(SOURCE, begins=opened.begins)
    witness = Witness(market)
    for entry in log:
        publish(market, entry.effect)
        market.obey(entry.state)
    publish(market, log[-1].effect)
    return witness.frames


AT = st.sampled_from(["0s", "0.02s", "1s", "2.999s", "3.01s", "7.98s", "-1s", "+500ms", "+9s", "-20ms"])

ASKED: st.SearchStrategy[Asked] = st.one_of(
    st.tuples(st.sampled_from(["pause", "resume", "restart"]), st.just({})),
    st.tuples(st.just("speed"), st.fixed_dictionaries({"value": st.sampled_from([0.3, 1, 3.7, 50, 1000, "max"])})),
    st.tuples(st.just("step"), st.fixed_dictionaries({"count": st.integers(1, 300)})),
    st.tuples(st.just("step"), st.fixed_dictionaries({"for": st.sampled_from(["1ms", "20ms", "333ms", "20s"])})),
    st.tuples(st.just("seek"), st.fixed_dictionaries({"time": AT})),
)

STEPS = st.lists(st.tuples(st.integers(0, 700), st.lists(ASKED, min_size=1, max_size=3)), min_size=1, max_size=8)


@settings(deadline=None, max_examples=60)
@given(st.sampled_from([1.0, 0.7, 10.0, float("inf")]), st.sampled_from([0, MILLISECOND]), st.booleans(), STEPS)
@example(1.0, MILLISECOND, False, [(0, [("step", {"count": 300}), ("seek", {"time": "3.01s"})])])
@example(1.0, 0, True, [(400, [("seek", {"time": "1s"}), ("pause", {})]), (0, [("restart", {}), ("resume", {})])])
def test_every_epoch_is_that_of_a_market_opened_there(
    speed: float, gather: int, waits: bool, steps: list[tuple[int, list[Asked]]]
) -> None:
    """Whatever is asked, and when: a prefix of a fresh market's frames, whole up to where a command took effect."""
    room = Room(speed, gather, waits)
    run_virtually(room.live(steps), room.loop)
    told, log = room.witness.frames, list(room.control.log)
    for epoch, frames in zip(room.witness.epochs, told, strict=True):
        assert frames == expected(epoch.begins, 2**62)[: len(frames)]
    assert [entry.number for entry in log] == list(range(1, len(log) + 1))
    assert [epoch.begins for epoch in room.witness.epochs] == _beginnings(room.opened, log)
    assert replayed(room.opened, log) == told


def _beginnings(opened: MarketState, log: list[Entry]) -> list[int]:
    states = [opened, *(entry.state for entry in log)]
    return list({state.number: state.begins for state in states}.values())


def test_refused_command_is_not_in_the_log() -> None:
    """What cannot be done now, or is not understood, leaves market and log as they are."""
    room = Room(1.0, 0, waits=False)

    async def ask() -> None:
        playing = room.loop.create_task(room._player.run())
        await asyncio.sleep(0)
        for action, keys in (("step", {"count": 10_000}), ("seek", {"time": "1h"}), ("pase", {}), ("pause", {"a": 1})):
            before = room.market.state
            with contextlib.suppress(CommandError):
                await room.control.act(action, keys, "test")
                raise AssertionError(action)
            assert (room.market.state, room.control.log) == (before, ())
        playing.cancel()

    run_virtually(ask(), room.loop)


class BrokenSource(MetronomeSource):
    """Ends in an error."""

    def batches(self, at: int) -> Iterator[Batch]:
        """Two batches, and no third."""
        yield from islice(super().batches(at), 2)
        raise OSError("the disk is gone")


def test_market_that_is_not_played_any_more_refuses() -> None:
    """A source that fails ahead of a market refuses a step; one that fails under it lets go whoever waits."""
    loop = VirtualLoop()
    clock = LoopClock(loop)
    market = make_market(BrokenSource(every=20 * MILLISECOND, count=400, batch=37), clock, waits=False)
    player = Player(market, clock, wait_for=0, gather=0, patience=SECOND)
    control = MarketControl(market, player, clock)

    async def ask() -> None:
        playing = loop.create_task(player.run())
        await asyncio.sleep(0)
        with pytest.raises(CommandError, match="the disk is gone"):
            await control.act("step", {"for": "7s"}, "test")
        await control.act("resume", {}, "test")
        # Who waits for a market time when the source fails waits no more.
        await player.reach(market.state.end or 0)
        for action in ("pause", "resume"):
            with pytest.raises(CommandError, match="not played any more"):
                await control.act(action, {}, "test")
        with pytest.raises(OSError, match="disk"):
            await playing

    run_virtually(ask(), loop)


def test_what_waits_of_the_old_epoch_comes_before_the_new_one() -> None:
    """A reader that does not keep up gets its trades, and nothing of the new epoch among them."""
    market = make_market(SOURCE, waits=False)
    candles, trading = Stream("candles", "BTC/USD", "1s"), Stream("trading", "BTC/USD")
    slow, fast = Reader(market, candles, trading), Reader(market, trading)

    def hear(event: Event) -> None:
        # As a peer does it, one stream after the other.
        market.hub.release(slow.subscriber)
        for stream in (candles, trading):
            market.leave(slow.subscriber, stream, PLAIN)
            market.join(slow.subscriber, stream, PLAIN)

    market.attend(slow, hear)
    publish(market, SOURCE.start + SECOND)
    slow.stuck = True
    slow.write(text_frame(b'{"event":"pong","channel":""}'))
    publish(market, SOURCE.start + 4 * SECOND)
    assert slow.subscriber.deferred.lossless
    before = list(fast.seqs())
    market.obey(market.state.begin(SOURCE.start, market.state.plan, digest="again", end=SOURCE.end), market.here)
    assert not slow.subscriber.deferred
    publish(market, SOURCE.start + SECOND)
    slow.release()
    told = slow.seqs()
    assert told[: len(before)] == before
    assert told[len(before) :] == fast.seqs()[len(before) :]
    assert slow.seqs("candles") == [1, 2, 3, 4, 1], "those of the old epoch, then those of the new one"
