"""A small market without sockets, and a reader that remembers what it got."""

from __future__ import annotations

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
from feed.market.pace import Pace
from feed.protocol.effects import Stream
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
) -> Market:
    """A market that has not begun to run."""
    source = source or MetronomeSource()
    return Market(
        MarketIdentity("main", "metronome", 1, "digest"),
        source,
        Pace(source.start if begins is None else begins, speed),
        window=window or ResumeWindow(10_000, 300 * SECOND),
        clock=clock or ManualClock(),
        shift=shift,
    )


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
        self.subscriber = Subscriber(self.outbox, None, market.hub.fanout)
        form = form or (Form(NATIVE, (("numbers", "string"),)) if numbers == "string" else PLAIN)
        for stream in streams:
            market.join(self.subscriber, stream, form)

    def _slow(self, reason: str) -> None:
        self.too_slow.append(reason)
        self.subscriber.leave_all()

    def write(self, data: bytes) -> None:
        """The wire's side."""
        if self.stuck:
            self.held += data
            self.subscriber.queue()
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
        self.subscriber.drained()

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
