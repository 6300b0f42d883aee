"""Events that the server sends besides `data`, one class each. A dialect turns them into bytes."""

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
    "RawPayload",
    "StateTold",
    "Status",
    "Subscribed",
    "Subscriptions",
    "Unsubscribed",
]

MarketPhase = Literal["running", "paused", "ended"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Base class of all events."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Status(Event):
    """First event of a connection: the market's identity and abilities; a dialect describes the `symbols`."""

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
    """Confirmation of a subscription. `seq` is the last one published before it."""

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
    """Confirmation that a subscription has ended."""

    channel: str
    symbol: str
    interval: str | None = None
    depth: int | None = None
    seq: int
    epoch: str
    id: RequestId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledged(Event):
    """Request with all its results, for dialects that send one answer a request.

    It is sent twice: before the individual results, each of which precedes its data, and after all of them.
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
    """Refusal of a request; the connection stays open."""

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
    """Request for a `pong` from a client under `heartbeat=strict`."""

    timestamp: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat(Event):
    """Sign of life after a period without other messages; `last` has the last seq of each subscribed stream.

    `timestamp` is market time in milliseconds, so that a client can tell the age of its data.
    """

    timestamp: int
    last: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Authenticated(Event):
    """Confirmation that the token was accepted. `expires_at` is wall-clock milliseconds, or null for never."""

    scopes: tuple[str, ...]
    expires_at: int | None
    id: RequestId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketChanged(Event):
    """Change of the market's clock or state; `virtual_time` is market time in milliseconds.

    While the market cannot keep its speed, `real_speed` is its actual speed, and `behind_ms` the delay of its messages.
    """

    state: MarketPhase
    virtual_time: int
    speed: float | str
    epoch: str
    real_speed: float | None = None
    behind_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandDone(Event):
    """Completion of a command, after all data before it has been sent: tests wait for this instead of sleeping.

    The keys after `seq` belong to single actions: the trades of a step, the number of an armed fault, the numbers of
    the ended ones, whether a run came to its end; and of a command that waited for the clients, whether all answered,
    and which did not.
    """

    action: str
    log: int
    epoch: str
    virtual_time: int
    state: MarketPhase
    seq: Mapping[str, int]
    trades: int | None = None
    reached: bool | None = None
    fault: int | None = None
    cleared: tuple[int, ...] | None = None
    settled: bool | None = None
    unsettled: tuple[str, ...] | None = None
    id: RequestId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RawPayload(Event):
    """Message that a dialect has already written, for one connection."""

    payload: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class StateTold(Event):
    """Answer to `expect`: what a correct client shows after message `seq` of a stream, as objects of the dialect.

    `last`, `bid` and `ask` are those of the stream that was asked for.
    """

    channel: str
    symbol: str
    interval: str | None = None
    depth: int | None = None
    seq: int
    epoch: str
    timestamp: int
    last: Any = None
    bid: Any = None
    ask: Any = None
    trade: Any = None
    book: Any = None
    candles: Any = None
    ticker: Any = None
    status: Any = None
    id: RequestId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing(Event):
    """Announcement of a planned close of the connection."""

    code: int
    reason: str
    in_ms: int
    reconnect: Reconnect
