"""What the server says besides `data`: one value an event. A dialect turns them into bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from feed.protocol.codes import ErrorCode, Reconnect
from feed.protocol.requests import Request, RequestId

__all__ = [
    "Acknowledged",
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
    """Base of everything here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Status(Event):
    """The first thing that is said: which market this is and what it can do; a dialect describes the `symbols`."""

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
    limits: Mapping[str, int | float]
    symbols: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscribed(Event):
    """A subscription stands. `seq` is the last one published before it."""

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

    channel: str
    symbol: str
    interval: str | None = None
    depth: int | None = None
    seq: int
    epoch: str
    id: RequestId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledged(Event):
    """A request with its results as one, for dialects that answer once a request.

    It is said twice: before the results are said one by one, each before its data, and behind all of that.
    """

    request: Request
    results: tuple[Subscribed | Unsubscribed | ErrorEvent, ...]
    done: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscriptions(Event):
    """The answer to `list`."""

    subscriptions: tuple[Mapping[str, str | int], ...]
    epoch: str
    id: RequestId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorEvent(Event):
    """A request was refused; the connection stays."""

    message: str
    code: ErrorCode
    id: RequestId | None = None
    field: str | None = None
    hint: str | None = None
    channel: str | None = None
    symbol: str | None = None
    context: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PongEvent(Event):
    """The answer to a client's `ping`; `server_time` is wall-clock milliseconds."""

    timestamp: Any
    server_time: int
    id: RequestId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PingEvent(Event):
    """Asks a client under `heartbeat=strict` for a `pong`."""

    timestamp: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat(Event):
    """Nothing else was sent for a while; `last` has the last seq of each subscribed stream.

    `timestamp` is market time in milliseconds, so that a page sees how old its data is.
    """

    timestamp: int
    last: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Authenticated(Event):
    """The token was right. `expires_at` is wall-clock milliseconds, or null for never."""

    scopes: tuple[str, ...]
    expires_at: int | None
    id: RequestId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketChanged(Event):
    """The market's clock or state changed; `virtual_time` is market time in milliseconds.

    While it cannot keep its speed, `real_speed` is the one it has, and `behind_ms` how late its messages are.
    """

    state: MarketPhase
    virtual_time: int
    speed: float | str
    epoch: str
    real_speed: float | None = None
    behind_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandDone(Event):
    """A command has happened, and all data before it has been sent: tests wait for this instead of sleeping."""

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

    code: int
    reason: str
    in_ms: int
    reconnect: Reconnect
