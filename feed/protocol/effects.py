"""Effects that a session requests. The shell around it carries them out in order, and does nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from feed.protocol.codes import CloseCode
from feed.protocol.events import Event
from feed.protocol.requests import Expect, RequestId

__all__ = [
    "PART_KEYS", "Abort", "Act", "Close", "Consult", "Effect", "Join", "Leave", "ProbePeer", "Reform", "Send",
    "Stream", "View",
]  # fmt: skip

View = tuple[tuple[str, str], ...]
"""Options of one subscription by key, added to those of its connection: how a dialect writes this stream here."""


PART_KEYS = {"candles": "interval", "book": "depth"}
"""The key that tells the streams of a symbol apart, for each channel that has several streams a symbol."""


NATIVE_KINDS = {
    "gathered_book": "book", "touched_book": "book", "quotes": "book", "gathered_trades": "trading",
    "trade_candles": "candles", "klines": "candles", "trade_ticker": "ticker", "quote_ticker": "ticker",
    "windows": "ticker",
}  # fmt: skip
"""Channels for exchanges, each with the native one of the same content."""


class Stream(NamedTuple):
    """Sequence of messages with its own `seq`. `part` is the interval of candles or the depth of an order book."""

    channel: str
    symbol: str
    part: str = ""

    @property
    def kind(self) -> str:
        """The native channel that a channel for exchanges is made of; otherwise the channel itself."""
        return NATIVE_KINDS.get(self.channel, self.channel)

    @property
    def interval(self) -> str | None:
        """The interval of a candle stream; None for other channels."""
        return self.part if PART_KEYS.get(self.channel) == "interval" else None

    @property
    def depth(self) -> int | None:
        """The number of levels a side of an order book stream; None for other channels."""
        return int(self.part) if PART_KEYS.get(self.channel) == "depth" else None

    @property
    def names(self) -> dict[str, str | int]:
        """The keys that identify the stream in frames, without those that do not apply to it."""
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
    """Deliver the stream from now on, after first sending every message after `after_seq`.

    `snapshot` is the number of last messages to send first, marked as a snapshot. With a `max_rate`, at most that many
    messages a second follow, always the newest. A stream may be joined once for each `view`.
    """

    stream: Stream
    after_seq: int | None = None
    snapshot: int = 0
    max_rate: float | None = None
    view: View = ()


@dataclass(frozen=True, slots=True)
class Leave:
    """Stop delivering the stream in this view."""

    stream: Stream
    view: View = ()


@dataclass(frozen=True, slots=True)
class Reform:
    """Write all streams of the connection with these options from the next message on."""

    options: View


@dataclass(frozen=True, slots=True)
class ProbePeer:
    """Send a ping frame of the WebSocket protocol, to find a dead peer."""

    payload: bytes = b"feed"


@dataclass(frozen=True, slots=True)
class Close:
    """Close the connection with a closing handshake, within a time limit."""

    code: CloseCode
    reason: str


@dataclass(frozen=True, slots=True)
class Abort:
    """Drop the connection without a closing handshake, because the peer is gone."""

    reason: str


@dataclass(frozen=True, slots=True)
class Act:
    """Carry out a command on the market, and answer once it has taken effect."""

    action: str
    keys: Mapping[str, Any]
    id: RequestId | None = None


@dataclass(frozen=True, slots=True)
class Consult:
    """Answer what a correct client shows after a message."""

    request: Expect


Effect = Send | Join | Leave | Reform | Act | Consult | ProbePeer | Close | Abort
