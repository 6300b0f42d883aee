"""A small market without sockets, and a reader that remembers what it got."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson

from feed.clock import Clock, ManualClock
from feed.data.ticks import Source
from feed.delivery.outbox import Outbox, OutboxLimits
from feed.delivery.subscriber import Subscriber
from feed.dialects.base import Form
from feed.dialects.registry import NATIVE, PLAIN
from feed.market.history import ResumeWindow
from feed.market.market import Market, MarketIdentity
from feed.market.plan import EpochPlan
from feed.market.shared import SharedSource
from feed.market.state import MarketState, exact_speed
from feed.protocol.effects import Stream
from feed.scenario.model import Scenario
from feed.units import SECOND
from tests.support.sources import MetronomeSource

TRADING = Stream("trading", "BTC/USD")
STATUS = Stream("status", "BTC/USD")


def make_market(
    source: Source | None = None,
    clock: Clock | None = None,
    *,
    speed: float = 1.0,
    window: ResumeWindow | None = None,
    shift: int = 0,
    begins: int | None = None,
    past: Source | None = None,
    waits: bool = True,
    name: str = "main",
) -> Market:
    """A market that has not begun to run."""
    source = source or MetronomeSource()
    return Market(
        MarketIdentity(name, "metronome"),
        SharedSource(source, past),
        opening_state(source, speed=speed, begins=begins, waits=waits, shift=shift),
        window=window or ResumeWindow(10_000, 300 * SECOND),
        clock=clock or ManualClock(),
        shift=shift,
        repertoire=OneSource(source, past),
    )


class OneSource:
    """A repertoire of one source, whatever the plan."""

    def __init__(self, source: Source, past: Source | None = None) -> None:
        self._shared = SharedSource(source, past)

    def open(self, plan: EpochPlan) -> SharedSource:
        """The one source."""
        return self._shared

    def digest(self, plan: EpochPlan, begins: int) -> str:
        """A name for all that counts."""
        return f"digest-{plan.seed}-{begins}"

    def script(self, plan: EpochPlan) -> Scenario:
        """A scenario that has nothing to do with the source."""
        return Scenario(name="metronome", seed=plan.seed, events=plan.shocks)

    def shift(self, plan: EpochPlan) -> int:
        """Times are as they are."""
        return 0

    def default_seed(self, scenario: str) -> int:
        """Always the same."""
        return 1

    def folder(self, scenario: str) -> Path:
        """Nowhere: the scenario has no files."""
        return Path()


def opening_state(
    source: Source, *, speed: float = 1.0, begins: int | None = None, waits: bool = True, shift: int = 0
) -> MarketState:
    """The state of a market that waits for its first subscribers."""
    begins = source.start if begins is None else begins
    return MarketState(
        seed=1,
        # As a market's own digest, it tells where it begins and how its times are shifted.
        digest=f"digest-{begins}-{shift}",
        begins=begins,
        at=begins - 1,
        scenario="metronome",
        speed=exact_speed(speed),
        usual=exact_speed(speed),
        end=source.end,
        waits=waits,
    )


def start(market: Market, now: int) -> None:
    """Let market time run."""
    market.obey(market.state.run(now))


class Reader:
    """A subscriber whose socket takes everything, or nothing."""

    def __init__(
        self, market: Market, *streams: Stream, limit: int = 2**20, numbers: str = "plain", form: Form | None = None
    ) -> None:
        self.data = bytearray()
        self.stuck = False
        self.held = bytearray()
        self.too_slow: list[str] = []
        self.outbox = Outbox(self, OutboxLimits(limit, 10 * SECOND), self._slow)
        self.subscriber = Subscriber(self.outbox, None)
        self._hub = market.hub
        form = form or (Form(NATIVE, (("numbers", "string"),)) if numbers == "string" else PLAIN)
        for stream in streams:
            market.join(self.subscriber, stream, form)

    def _slow(self, reason: str) -> None:
        self.too_slow.append(reason)
        self._hub.dismiss(self.subscriber)

    def write(self, data: bytes) -> None:
        """The wire's side."""
        if self.stuck:
            self.held += data
            self._hub.queue(self.subscriber)
        else:
            self.data += data

    def waiting(self) -> int:
        """The wire's side."""
        return len(self.held)

    def release(self) -> None:
        """Read what waits."""
        self.stuck = False
        self.data += self.held
        self.held.clear()
        self._hub.resume(self.subscriber)

    @property
    def payloads(self) -> list[bytes]:
        """The payload of each frame."""
        return unframed(bytes(self.data))

    @property
    def messages(self) -> list[dict[str, Any]]:
        """Each frame as an object."""
        return [orjson.loads(payload) for payload in self.payloads]

    def seqs(self, channel: str = "trading") -> list[int]:
        """The seq of each frame of a channel."""
        return [message["seq"] for message in self.messages if message["channel"] == channel]


def state_of(market: Market, stream: Stream, count: int = 1) -> bytes:
    """The frames of a stream's state, in the usual form."""
    frames = market.state_of(stream, count, PLAIN)
    assert frames is not None
    return frames


def unframed(data: bytes) -> list[bytes]:
    """The payloads of a run of unmasked text frames."""
    payloads = []
    at = 0
    while at < len(data):
        assert data[at] == 0x81
        length, at = data[at + 1], at + 2
        if length == 126:
            length, at = int.from_bytes(data[at : at + 2], "big"), at + 2
        elif length == 127:
            length, at = int.from_bytes(data[at : at + 8], "big"), at + 8
        payloads.append(data[at : at + length])
        at += length
    return payloads
