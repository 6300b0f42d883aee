"""What a session wants done. The shell around it does these in order, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from feed.protocol.codes import CloseCode
from feed.protocol.events import Event
from feed.protocol.requests import RequestId

__all__ = ["PART_KEYS", "Abort", "Act", "Close", "Effect", "Join", "Leave", "ProbePeer", "Send", "Stream"]


PART_KEYS = {"candles": "interval", "book": "depth"}
"""By what the streams of a symbol differ, in the channels that have several, and the key that says it."""


class Stream(NamedTuple):
    """One sequence of messages: what `seq` counts in. `part` is the interval of candles or the depth of a book."""

    channel: str
    symbol: str
    part: str = ""

    @property
    def interval(self) -> str | None:
        """Of candles, their length."""
        return self.part if PART_KEYS.get(self.channel) == "interval" else None

    @property
    def depth(self) -> int | None:
        """Of a book, its levels."""
        return int(self.part) if PART_KEYS.get(self.channel) == "depth" else None

    @property
    def names(self) -> dict[str, str | int]:
        """What it is called in frames, without what it does not have."""
        names = {"channel": self.channel, "symbol": self.symbol, "interval": self.interval, "depth": self.depth}
        return {name: value for name, value in names.items() if value is not None}

    @property
    def key(self) -> str:
        """The stream's name in a heartbeat."""
        return f"{self.channel}:{self.symbol}:{self.part}" if self.part else f"{self.channel}:{self.symbol}"


@dataclass(frozen=True, slots=True)
class Send:
    """Send this event now."""

    event: Event


@dataclass(frozen=True, slots=True)
class Join:
    """Deliver the stream from now on, after everything that came behind `after_seq`.

    `snapshot` is how many of the last messages to send first, marked as a snapshot. With a `max_rate` at most so many
    messages a second follow, always the newest.
    """

    stream: Stream
    after_seq: int | None = None
    snapshot: int = 0
    max_rate: float | None = None


@dataclass(frozen=True, slots=True)
class Leave:
    """Stop delivering the stream."""

    stream: Stream


@dataclass(frozen=True, slots=True)
class ProbePeer:
    """Send a ping frame of the WebSocket protocol, to find a dead peer."""


@dataclass(frozen=True, slots=True)
class Close:
    """Close the connection, politely and within a bound."""

    code: CloseCode
    reason: str


@dataclass(frozen=True, slots=True)
class Abort:
    """Drop the connection: nobody is there to say goodbye to."""

    reason: str


@dataclass(frozen=True, slots=True)
class Act:
    """Carry out a command to the market, and answer it once it has happened."""

    action: str
    keys: Mapping[str, Any]
    id: RequestId | None = None


Effect = Send | Join | Leave | Act | ProbePeer | Close | Abort
