"""Requests of a client as plain values, independent of their wire format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from feed.protocol.codes import ErrorCode

__all__ = [
    "Auth",
    "Control",
    "Expect",
    "ListSubscriptions",
    "Ping",
    "Pong",
    "RawMessage",
    "Rejected",
    "Request",
    "RequestId",
    "Resume",
    "Subscribe",
    "Unsubscribe",
]

RequestId = str | int | float


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Base class of all requests.

    Attributes:
        id: repeated in every answer to the request.
        context: data that the dialect needs when it answers.
    """

    id: RequestId | None = None
    context: Any = None


@dataclass(frozen=True, slots=True)
class Resume:
    """Position from which a disconnected client wants to continue: an epoch and the last `seq` it received."""

    epoch: str
    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscribe(Request):
    """Begin to receive one or more streams.

    Attributes:
        channel, symbol: names, or `"*"` for all.
        parts: by key (`interval`, `depth`), which of a symbol's streams; the default one if missing.
        history: the number of last messages to send first.
        resume: the position after which missed messages are sent first.
        max_rate: the most messages a second, always the newest.
        snapshot: whether a channel with a state begins with a snapshot of it.
    """

    channel: tuple[str, ...]
    symbol: tuple[str, ...]
    parts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    history: int | None = None
    resume: Resume | None = None
    max_rate: float | None = None
    snapshot: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsubscribe(Request):
    """Stop receiving one or more streams; see `Subscribe`. Without `parts`, all of a symbol's streams."""

    channel: tuple[str, ...]
    symbol: tuple[str, ...]
    parts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ping(Request):
    """Ask the server for a `pong`; `timestamp` is opaque and returned unchanged."""

    timestamp: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pong(Request):
    """Answer a `ping` event of the server."""

    timestamp: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Auth(Request):
    """Authenticate with a token, on a server that requires one."""

    token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Control(Request):
    """Command the market: pause it, step it, or begin a new epoch.

    Attributes:
        action: the name of the action.
        keys: the arguments of the action, which the action itself parses.
    """

    action: str
    keys: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Expect(Request):
    """Ask what a correct client shows after message `seq` of a stream, or now.

    Attributes:
        channel, symbol, interval, depth: the stream; without `symbol`, that of the only one.
        seq: the number of the message; None: the last one.
    """

    channel: str
    symbol: str | None = None
    interval: str | None = None
    depth: str | None = None
    seq: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListSubscriptions(Request):
    """Ask for the list of streams that this connection receives."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RawMessage(Request):
    """Message that the session of a dialect reads itself."""

    payload: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """Message that is not a valid request, with the reason."""

    code: ErrorCode
    message: str
    id: RequestId | None = None
    field: str | None = None
    hint: str | None = None
    context: Any = None
