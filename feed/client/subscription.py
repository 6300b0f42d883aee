"""Subscriptions as a client asks for them: one channel and symbol each, or many at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from feed.protocol.effects import Stream

__all__ = ["ManySubscriptions", "Subscription"]


@dataclass(frozen=True, slots=True)
class Subscription:
    """Subscription; channel and symbol may be `*`. `history` asks for at most this many of the last messages."""

    channel: str = "trading"
    symbol: str = "*"
    history: int | None = None
    interval: str | None = None
    depth: int | None = None

    @classmethod
    def to(cls, stream: Stream) -> Subscription:
        """Return the subscription for this stream alone."""
        return cls(stream.channel, stream.symbol, interval=stream.interval, depth=stream.depth)

    def covers(self, stream: Stream) -> bool:
        """Tell whether the stream belongs to this subscription."""
        wanted = (
            (self.channel, stream.channel),
            (self.symbol, stream.symbol),
            (self.interval or "*", stream.interval),
            (self.depth or "*", stream.depth),
        )
        return all(wish in ("*", name) for wish, name in wanted)

    def request(self) -> dict[str, Any]:
        """Return the request as it is sent."""
        keys = {
            "channel": self.channel,
            "symbol": self.symbol,
            "history": self.history,
            "interval": self.interval,
            "depth": self.depth,
        }
        return {"event": "subscribe"} | {name: value for name, value in keys.items() if value is not None}


@dataclass(frozen=True, slots=True)
class ManySubscriptions:
    """Subscriptions that begin in the same moment: every channel of every symbol, with these intervals and depths.

    A market that waits for a subscriber goes on with the first one: of channels that are asked for one by one, those
    behind it have lost their beginning.
    """

    channels: tuple[str, ...]
    symbols: tuple[str, ...] = ("*",)
    intervals: tuple[str, ...] = ()
    depths: tuple[int, ...] = ()

    def covers(self, stream: Stream) -> bool:
        """Tell whether the stream belongs to these subscriptions."""
        return {"*", stream.channel} & {*self.channels} != set() and {"*", stream.symbol} & {*self.symbols} != set()

    def request(self) -> dict[str, Any]:
        """Return the request as it is sent."""
        keys = {"interval": list(self.intervals), "depth": list(self.depths)}
        request = {"event": "subscribe", "channel": list(self.channels), "symbol": list(self.symbols)}
        return request | {name: value for name, value in keys.items() if value}

    def without(self, streams: Iterable[Stream]) -> ManySubscriptions | None:
        """Return the subscriptions to channels without a stream so far; None if there are none."""
        answered = {stream.channel for stream in streams}
        left = tuple(channel for channel in self.channels if channel not in answered)
        return replace(self, channels=left) if left and not ("*" in left and answered) else None
