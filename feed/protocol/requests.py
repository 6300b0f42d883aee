"""Requests of a client, as plain values: what is asked, without the text that asked it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from feed.protocol.codes import ErrorCode

__all__ = [
    "Auth",
    "Control",
    "ListSubscriptions",
    "Ping",
    "Pong",
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
    """Base of all requests.

    Attributes:
        id: comes back on everything that answers it.
        context: what its dialect wants to remember when it answers.
    """

    id: RequestId | None = None
    context: Any = None


@dataclass(frozen=True, slots=True)
class Resume:
    """Where a client that was cut off wants to go on."""

    epoch: str
    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscribe(Request):
    """Begin to receive one or more streams.

    Attributes:
        channel, symbol: names, or `"*"` for all.
        parts: by key (`interval`, `depth`) which of a symbol's streams; the usual one where missing.
        history: send the last so many messages first.
        resume: send what was missed since then first.
        max_rate: at most so many messages a second, always the newest.
        snapshot: whether a channel that has a state begins with it.
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
    """Stop receiving one or more streams; see `Subscribe`. All of a symbol's streams where `parts` names none."""

    channel: tuple[str, ...]
    symbol: tuple[str, ...]
    parts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ping(Request):
    """Ask for a sign of life; `timestamp` is opaque and comes back."""

    timestamp: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pong(Request):
    """Answer the server's question for a sign of life."""

    timestamp: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Auth(Request):
    """Prove who you are, on a server that asks for it."""

    token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Control(Request):
    """Do something to the market: pause it, step it, or begin a new epoch of it.

    Attributes:
        action: what to do.
        keys: what the action is given; the action itself reads it.
    """

    action: str
    keys: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListSubscriptions(Request):
    """Ask which streams this connection receives."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """A message that is no valid request, and why."""

    code: ErrorCode
    message: str
    id: RequestId | None = None
    field: str | None = None
    hint: str | None = None
    context: Any = None
