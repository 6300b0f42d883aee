"""What a client may ask: one model an event, validated before anything else looks at it.

The models are also the source of the published schema, so every key has a description.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from feed.protocol.codes import ErrorCode

__all__ = [
    "REQUESTS",
    "Auth",
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

MAX_ID_LENGTH = 36
MAX_NAME_LENGTH = 64
MAX_HISTORY = 10_000
MIN_RATE, MAX_RATE = 0.1, 1000

RequestId = Annotated[str, Field(max_length=MAX_ID_LENGTH)] | int | float
Name = Annotated[str, Field(min_length=1, max_length=MAX_NAME_LENGTH)]
MAX_DEPTH = 64


def _shallow(value: Any, depth: int = 0) -> Any:
    """What comes back as it came must be something that can be written again: JSON writers bound their nesting."""
    if depth > MAX_DEPTH:
        raise ValueError("nested too deeply")
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for item in inner:
        _shallow(item, depth + 1)
    return value


Opaque = Annotated[Any, BeforeValidator(_shallow)]


def _as_tuple(value: object) -> object:
    """One name or an array of names: inside it is always a tuple without repetition, in the order given."""
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
    """Depths are numbers on the wire and texts inside, as intervals are."""
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


class Request(BaseModel):
    """What all requests share."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    id: RequestId | None = Field(None, description="Comes back on everything that answers this request")


class Resume(BaseModel):
    """Where a client that was cut off wants to go on."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    epoch: str = Field(description="The epoch that the client last saw", max_length=64)
    seq: int = Field(description="The last seq that the client has", ge=0, le=2**53)


class Subscribe(Request):
    """Begin to receive one or more streams."""

    event: Literal["subscribe"] = "subscribe"
    channel: Names = Field(description='A channel, an array of channels, or "*" for all')
    symbol: Names = Field(description='A symbol, an array of symbols, or "*" for all')
    interval: Names | None = Field(None, description='Length of candles, an array, or "*"; 1m where missing')
    depth: Depths | None = Field(None, description='Levels of a book: 10, 25, 100, an array, or "*"; 10 where missing')
    history: int | None = Field(None, description="Send the last N messages first", ge=0, le=MAX_HISTORY)
    resume: Resume | None = Field(None, description="Send what was missed since then first")
    max_rate: Annotated[float, Field(ge=MIN_RATE, le=MAX_RATE)] | None = Field(
        None, description="At most so many messages a second, always the newest; each tells how many were skipped"
    )

    @property
    def parts(self) -> dict[str, tuple[str, ...]]:
        """What the request says of the streams of a symbol, by its key."""
        return _parts(self.interval, self.depth)


class Unsubscribe(Request):
    """Stop receiving one or more streams."""

    event: Literal["unsubscribe"] = "unsubscribe"
    channel: Names = Field(description='A channel, an array of channels, or "*" for all')
    symbol: Names = Field(description='A symbol, an array of symbols, or "*" for all')
    interval: Names | None = Field(None, description="Length of candles; all of them where missing")
    depth: Depths | None = Field(None, description="Levels of a book; all of them where missing")

    @property
    def parts(self) -> dict[str, tuple[str, ...]]:
        """What the request says of the streams of a symbol, by its key."""
        return _parts(self.interval, self.depth)


class Ping(Request):
    """Ask for a sign of life."""

    event: Literal["ping"] = "ping"
    timestamp: Opaque = Field(None, description="Opaque; comes back in the pong")


class Pong(Request):
    """The answer to a server's `ping` event."""

    event: Literal["pong"] = "pong"
    timestamp: Opaque = Field(None, description="The timestamp of the ping that it answers")


class Auth(Request):
    """Prove who you are, on a server that asks for it."""

    event: Literal["auth"] = "auth"
    token: str = Field(description="The server's token", max_length=4096)


class ListSubscriptions(Request):
    """Ask which streams this connection receives."""

    event: Literal["list"] = "list"


REQUESTS: dict[str, type[Request]] = {
    "subscribe": Subscribe,
    "unsubscribe": Unsubscribe,
    "ping": Ping,
    "pong": Pong,
    "auth": Auth,
    "list": ListSubscriptions,
}


class Rejected(BaseModel):
    """A frame that is no valid request, and why."""

    model_config = ConfigDict(frozen=True)

    code: ErrorCode
    message: str
    id: RequestId | None = None
    field: str | None = None
    hint: str | None = None
