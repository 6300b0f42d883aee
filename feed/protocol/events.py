"""What the server says besides `data`: one value an event. A dialect turns them into bytes.

A field that is None is left out of the frame, unless its class lists it under `nullable`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from feed.protocol.codes import ErrorCode, Reconnect
from feed.protocol.requests import RequestId

__all__ = [
    "Authenticated",
    "Closing",
    "CommandDone",
    "ErrorEvent",
    "Event",
    "Heartbeat",
    "MarketChanged",
    "MarketPhase",
    "PingEvent",
    "PongEvent",
    "Status",
    "Subscribed",
    "Subscriptions",
    "Unsubscribed",
]

MarketPhase = Literal["running", "paused", "ended"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Base of everything here; `name` is the frame's `event`."""

    name: ClassVar[str]
    nullable: ClassVar[frozenset[str]] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Status(Event):
    """The first frame of every connection: which market this is and what it can do."""

    name: ClassVar[str] = "status"
    status: str
    version: str
    connection: str
    market: str
    scenario: str
    seed: int
    epoch: str
    digest: str
    state: MarketPhase
    virtual_time: int
    speed: float | str
    channels: tuple[str, ...]
    symbols: tuple[Mapping[str, Any], ...]
    limits: Mapping[str, int | float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscribed(Event):
    """A subscription stands. `seq` is the last one published before it."""

    name: ClassVar[str] = "subscribed"
    channel: str
    symbol: str
    interval: str | None = None
    depth: int | None = None
    seq: int
    epoch: str
    recovered: bool | None = None
    max_rate: float | None = None
    id: RequestId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsubscribed(Event):
    """A subscription has ended."""

    name: ClassVar[str] = "unsubscribed"
    channel: str
    symbol: str
    interval: str | None = None
    depth: int | None = None
    seq: int
    epoch: str
    id: RequestId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscriptions(Event):
    """The answer to `list`."""

    name: ClassVar[str] = "subscriptions"
    subscriptions: tuple[Mapping[str, str | int], ...]
    epoch: str
    id: RequestId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorEvent(Event):
    """A request was refused; the connection stays."""

    name: ClassVar[str] = "error"
    message: str
    code: ErrorCode
    id: RequestId | None = None
    field: str | None = None
    hint: str | None = None
    channel: str | None = None
    symbol: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PongEvent(Event):
    """The answer to a client's `ping`; `server_time` is wall-clock milliseconds."""

    name: ClassVar[str] = "pong"
    nullable: ClassVar[frozenset[str]] = frozenset({"timestamp"})
    timestamp: Any
    server_time: int
    id: RequestId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PingEvent(Event):
    """Asks a client under `heartbeat=strict` for a `pong`."""

    name: ClassVar[str] = "ping"
    timestamp: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat(Event):
    """Nothing else was sent for a while; `last` has the last seq of each subscribed stream.

    `timestamp` is market time in milliseconds, so that a page sees how old its data is.
    """

    name: ClassVar[str] = "heartbeat"
    timestamp: int
    last: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Authenticated(Event):
    """The token was right. `expires_at` is wall-clock milliseconds, or null for never."""

    name: ClassVar[str] = "authenticated"
    nullable: ClassVar[frozenset[str]] = frozenset({"expires_at"})
    scopes: tuple[str, ...]
    expires_at: int | None
    id: RequestId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketChanged(Event):
    """The market's clock or state changed; `virtual_time` is market time in milliseconds.

    While it cannot keep its speed, `real_speed` is the one it has, and `behind_ms` how late its messages are.
    """

    name: ClassVar[str] = "market"
    state: MarketPhase
    virtual_time: int
    speed: float | str
    epoch: str
    real_speed: float | None = None
    behind_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandDone(Event):
    """A command has happened, and all data before it has been sent: tests wait for this instead of sleeping."""

    name: ClassVar[str] = "done"
    action: str
    log: int
    epoch: str
    virtual_time: int
    state: MarketPhase
    seq: Mapping[str, int]
    trades: int | None = None
    id: RequestId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing(Event):
    """Comes before a planned close."""

    name: ClassVar[str] = "closing"
    code: int
    reason: str
    in_ms: int
    reconnect: Reconnect
