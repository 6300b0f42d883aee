"""What every fault says besides what it does: when, and whom. A kind of fault adds its parameters and its deed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any, ClassVar, Literal, Protocol

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from feed.errors import UsageError
from feed.faults.link import Delivery, LinkCut, Parcel
from feed.units import MILLISECOND, parse_duration, parse_time

__all__ = ["REQUESTS_HEARD", "Action", "Draw", "Fault", "Span", "read_moment"]

REQUESTS_HEARD = ("auth", "control", "list", "ping", "pong", "subscribe", "unsubscribe")
"""What a client may send that a fault can wait for."""

MAX_SPAN = 24 * 3600 * 1000 * MILLISECOND
"""No delay and no length is longer than a day."""

Draw = Callable[[str], float]
"""Gives a number in (0, 1) for the message at hand: the same for the same name, seed, fault, connection and `seq`."""


def _read_span(value: Any) -> int:
    try:
        span = parse_duration(value)
    except UsageError as error:
        raise PydanticCustomError("span", "{message}", {"message": str(error)}) from None
    if span > MAX_SPAN:
        raise PydanticCustomError("span", "it is longer than a day", {"hint": "write it like 250ms, 90s or 1h30m"})
    return span


def read_moment(text: str) -> tuple[int, bool]:
    """A market time in ns, and whether it counts from the scenario's beginning: `5m`, or `2025-01-06T14:30:00Z`."""
    try:
        return parse_duration(text), True
    except UsageError:
        return parse_time(text), False


def _check_moment(value: Any) -> str:
    try:
        read_moment(str(value))
    except UsageError:
        hint = "write it like 5m or 00:05:00, from the scenario's beginning, or like 2025-01-06T14:30:00Z"
        raise PydanticCustomError("moment", "it is no market time", {"hint": hint}) from None
    return str(value)


Span = Annotated[
    int,
    BeforeValidator(_read_span),
    PlainSerializer(lambda span: f"{span / MILLISECOND:g}ms"),
    WithJsonSchema({"type": ["string", "number"], "minimum": "0s", "maximum": "24h", "examples": ["250ms", "90s"]}),
]
"""A length of time in ns; written as text with a unit, or as seconds."""

Moment = Annotated[
    str,
    BeforeValidator(_check_moment),
    WithJsonSchema({"type": "string", "examples": ["5m", "00:05:00", "2025-01-06T14:30:00Z"]}),
]

TRIGGERS = ("at", "seq", "after", "on")


class Action(Protocol):
    """What a fault does on one connection."""

    def strike(self, parcel: Parcel, now: int, draw: Draw) -> Sequence[Delivery] | LinkCut:
        """What becomes of a message that the fault strikes."""

    def release(self) -> Sequence[Parcel]:
        """What it has kept to itself."""

    @property
    def kept(self) -> int:
        """Bytes that it keeps to itself."""


class Fault(BaseModel):
    """One fault as a file, a URL or a command says it. A message is one of `data` going out, or one of the client's.

    A kind is a subclass with a `kind`, a `summary`, a `remedy` and a `strike`. One that has to remember something of
    a connection gives another object from `begin` for each.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, allow_inf_nan=False)

    summary: ClassVar[str]
    remedy: ClassVar[str]

    kind: str
    at: Moment | None = Field(None, description="from this market time on")
    seq: int | None = Field(None, ge=1, strict=True, description="from this seq of each stream on")
    after: int | None = Field(None, ge=1, strict=True, description="after so many messages of each stream")
    on: str | None = Field(None, description=f"whenever the client sends this: {', '.join(REQUESTS_HEARD)}")
    rate: float | None = Field(None, gt=0, le=1, description="each message with this probability")
    length: Span | None = Field(None, alias="for", description="for so long, in market time")
    count: int | None = Field(None, ge=1, strict=True, description="so many messages of each stream")
    connection: int | None = Field(None, ge=1, strict=True, description="only the n-th connection of the market")
    channel: str | None = Field(None, max_length=64, description="only this channel")
    symbol: str | None = Field(None, max_length=64, description="only this symbol")
    direction: Literal["in", "out"] = Field("out", description="what the market sends, or what the client sends")

    @model_validator(mode="after")
    def _check_sense(self) -> Fault:
        given = [name for name in TRIGGERS if getattr(self, name) is not None]
        if len(given) > 1:
            raise _senseless(given[1], f"it cannot begin with both {given[0]} and {given[1]}", "give one of them")
        if self.on is not None and self.on not in REQUESTS_HEARD:
            raise _senseless("on", f"{self.on[:64]!r} is nothing that a client sends", None, REQUESTS_HEARD, self.on)
        if self.direction == "in":
            for name in ("channel", "symbol", "seq"):
                if getattr(self, name) is not None:
                    raise _senseless(name, "what a client sends is of no stream", 'use "after", or the direction "out"')
        return self

    @property
    def document(self) -> dict[str, Any]:
        """The fault as it would be written."""
        return self.model_dump(by_alias=True, exclude_none=True, exclude_defaults=True) | {"kind": self.kind}

    # What a kind does.

    def begin(self) -> Action:
        """What strikes on one connection: the fault itself, where it has nothing to remember."""
        return self

    def strike(self, parcel: Parcel, now: int, draw: Draw) -> Sequence[Delivery] | LinkCut:
        """What becomes of a message that the fault strikes."""
        raise NotImplementedError

    def release(self) -> Sequence[Parcel]:
        """What it has kept to itself."""
        return ()

    @property
    def kept(self) -> int:
        """Bytes that it keeps to itself."""
        return 0


def _senseless(
    field: str, message: str, hint: str | None, known: Sequence[str] = (), value: str = ""
) -> PydanticCustomError:
    return PydanticCustomError(
        "senseless", "{message}", {"message": message, "field": field, "hint": hint, "known": known, "value": value}
    )
