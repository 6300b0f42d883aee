"""Models of native requests as JSON text, one per event, validated before any other processing.

They are also the source of the published schema, so every key has a description.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from feed.protocol import requests
from feed.protocol.requests import Request

__all__ = [
    "MAX_HISTORY",
    "MAX_ID_LENGTH",
    "MAX_NAME_LENGTH",
    "MAX_RATE",
    "MIN_RATE",
    "MODELS",
    "AuthText",
    "ControlText",
    "ExpectText",
    "ListText",
    "PingText",
    "PongText",
    "RequestText",
    "ResumeText",
    "SubscribeText",
    "UnsubscribeText",
]

MAX_ID_LENGTH = 36
MAX_NAME_LENGTH = 64
MAX_HISTORY = 10_000
MIN_RATE, MAX_RATE = 0.1, 1000

Id = Annotated[str, Field(max_length=MAX_ID_LENGTH)] | int | float
Name = Annotated[str, Field(min_length=1, max_length=MAX_NAME_LENGTH)]
MAX_DEPTH = 64


def _shallow(value: Any, depth: int = 0) -> Any:
    """Return a value that the server echoes, checked for nesting depth, which JSON writers limit."""
    if depth > MAX_DEPTH:
        raise ValueError("nested too deeply")
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for item in inner:
        _shallow(item, depth + 1)
    return value


Opaque = Annotated[Any, BeforeValidator(_shallow)]


def _as_tuple(value: object) -> object:
    """Return one name or an array of names as a tuple without repetition, in the order given."""
    if isinstance(value, str):
        return (value,)
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return tuple(dict.fromkeys(value))
    return tuple(value) if isinstance(value, list) else value


Names = Annotated[
    tuple[Name, ...],
    Field(min_length=1),
    BeforeValidator(_as_tuple, json_schema_input_type=str | list[str]),
]


def _as_depths(value: object) -> object:
    """Return depths, which are numbers on the wire, as text, like intervals."""
    values = value if isinstance(value, list) else [value]
    if values == ["*"]:
        return ("*",)
    if any(not isinstance(item, int) or isinstance(item, bool) for item in values):
        raise ValueError("a depth is a whole number")
    return tuple(dict.fromkeys(str(item) for item in values))


Depths = Annotated[
    tuple[Name, ...],
    Field(min_length=1),
    BeforeValidator(_as_depths, json_schema_input_type=int | list[int] | Literal["*"]),
]


def _parts(interval: tuple[str, ...] | None, depth: tuple[str, ...] | None) -> dict[str, tuple[str, ...]]:
    given = {"interval": interval, "depth": depth}
    return {key: value for key, value in given.items() if value is not None}


class RequestText(BaseModel):
    """Base of all requests."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, defer_build=True)

    id: Id | None = Field(None, description="Comes back on everything that answers this request")

    def neutral(self) -> Request:
        """Return the request independent of the dialect."""
        raise NotImplementedError


class ResumeText(BaseModel):
    """Position at which a disconnected client resumes a stream."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, defer_build=True)

    epoch: str = Field(description="The epoch that the client last saw", max_length=64)
    seq: int = Field(description="The last seq that the client has", ge=0, le=2**53)


class SubscribeText(RequestText):
    """Begin to receive one or more streams."""

    event: Literal["subscribe"] = "subscribe"
    channel: Names = Field(description='A channel, an array of channels, or "*" for all')
    symbol: Names = Field(description='A symbol, an array of symbols, or "*" for all')
    interval: Names | None = Field(None, description='Length of candles, an array, or "*"; 1m where missing')
    depth: Depths | None = Field(None, description='Levels of a book: 10, 25, 100, an array, or "*"; 10 where missing')
    history: int | None = Field(None, description="Send the last N messages first", ge=0, le=MAX_HISTORY)
    resume: ResumeText | None = Field(None, description="Send what was missed since then first")
    max_rate: Annotated[float, Field(ge=MIN_RATE, le=MAX_RATE)] | None = Field(
        None, description="At most so many messages a second, always the newest; each tells how many were skipped"
    )

    def neutral(self) -> requests.Subscribe:
        """Return the request independent of the dialect."""
        return requests.Subscribe(
            channel=self.channel,
            symbol=self.symbol,
            parts=_parts(self.interval, self.depth),
            history=self.history,
            resume=None if self.resume is None else requests.Resume(self.resume.epoch, self.resume.seq),
            max_rate=self.max_rate,
            id=self.id,
        )


class UnsubscribeText(RequestText):
    """Stop receiving one or more streams."""

    event: Literal["unsubscribe"] = "unsubscribe"
    channel: Names = Field(description='A channel, an array of channels, or "*" for all')
    symbol: Names = Field(description='A symbol, an array of symbols, or "*" for all')
    interval: Names | None = Field(None, description="Length of candles; all of them where missing")
    depth: Depths | None = Field(None, description="Levels of a book; all of them where missing")

    def neutral(self) -> requests.Unsubscribe:
        """Return the request independent of the dialect."""
        parts = _parts(self.interval, self.depth)
        return requests.Unsubscribe(channel=self.channel, symbol=self.symbol, parts=parts, id=self.id)


class PingText(RequestText):
    """Ask for a sign of life."""

    event: Literal["ping"] = "ping"
    timestamp: Opaque = Field(None, description="Opaque; comes back in the pong")

    def neutral(self) -> requests.Ping:
        """Return the request independent of the dialect."""
        return requests.Ping(timestamp=self.timestamp, id=self.id)


class PongText(RequestText):
    """The answer to a server's `ping` event."""

    event: Literal["pong"] = "pong"
    timestamp: Opaque = Field(None, description="The timestamp of the ping that it answers")

    def neutral(self) -> requests.Pong:
        """Return the request independent of the dialect."""
        return requests.Pong(timestamp=self.timestamp, id=self.id)


class AuthText(RequestText):
    """Prove who you are, on a server that asks for it."""

    event: Literal["auth"] = "auth"
    token: str = Field(description="The server's token", max_length=4096)

    def neutral(self) -> requests.Auth:
        """Return the request independent of the dialect."""
        return requests.Auth(token=self.token, id=self.id)


class ControlText(RequestText):
    """Do something to the market: pause it, step it, or begin a new epoch of it."""

    model_config = ConfigDict(strict=True, extra="allow", frozen=True, defer_build=True)

    event: Literal["control"] = "control"
    action: str = Field(description="What to do, such as pause, resume, speed or step", min_length=1, max_length=64)

    def neutral(self) -> requests.Control:
        """Return the request independent of the dialect."""
        return requests.Control(action=self.action, keys=dict(self.model_extra or {}), id=self.id)


class ExpectText(RequestText):
    """Ask what a correct client shows after a message, whether this one ever got it or not."""

    event: Literal["expect"] = "expect"
    channel: Name = Field(description="The channel of the message")
    symbol: Name | None = Field(None, description="Its symbol; may be missing where the market has one")
    interval: Name | None = Field(None, description="The interval, for candles")
    depth: int | None = Field(None, ge=1, le=10_000, description="The levels of the book in the answer")
    seq: int | None = Field(None, ge=0, description="The number of the message; where missing: the last one")

    def neutral(self) -> requests.Expect:
        """Return the request independent of the dialect."""
        return requests.Expect(
            channel=self.channel,
            symbol=self.symbol,
            interval=self.interval,
            depth=None if self.depth is None else str(self.depth),
            seq=self.seq,
            id=self.id,
        )


class ListText(RequestText):
    """Ask which streams this connection receives."""

    event: Literal["list"] = "list"

    def neutral(self) -> requests.ListSubscriptions:
        """Return the request independent of the dialect."""
        return requests.ListSubscriptions(id=self.id)


MODELS: dict[str, type[RequestText]] = {
    "subscribe": SubscribeText,
    "unsubscribe": UnsubscribeText,
    "ping": PingText,
    "pong": PongText,
    "auth": AuthText,
    "list": ListText,
    "control": ControlText,
    "expect": ExpectText,
}
