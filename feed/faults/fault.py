"""Base of all faults: trigger, duration and target. A kind of fault adds its parameters and its effect."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, Protocol

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from feed.errors import UsageError
from feed.faults.link import Delivery, LinkCut, Parcel
from feed.protocol.shape import MessageShape
from feed.units import MILLISECOND, parse_duration, parse_time

__all__ = [
    "REQUESTS_HEARD",
    "TRIGGERS",
    "Draw",
    "Fault",
    "FaultEffect",
    "FaultGroup",
    "Framing",
    "Span",
    "Strike",
    "read_moment",
]

REQUESTS_HEARD = ("auth", "control", "list", "ping", "pong", "subscribe", "unsubscribe")
"""The client requests that a fault can wait for."""

MAX_SPAN = 24 * 3600 * 1000 * MILLISECOND
"""The maximum of a delay or a length: one day, in ns."""

Draw = Callable[[str], float]
"""Random number in (0, 1) for the current message; fixed by the name, seed, fault, connection and `seq`."""


def _read_span(value: Any) -> int:
    try:
        span = parse_duration(value)
    except UsageError as error:
        raise PydanticCustomError("span", "{message}", {"message": str(error)}) from None
    if span > MAX_SPAN:
        raise PydanticCustomError("span", "it is longer than a day", {"hint": "write it like 250ms, 90s or 1h30m"})
    return span


def read_moment(text: str) -> tuple[int, bool]:
    """Return a market time in ns, and True if it counts from the scenario's start: `5m` or `2025-01-06T14:30:00Z`."""
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
"""Length of time in ns; written as text with a unit, or as a number of seconds."""

Moment = Annotated[
    str,
    BeforeValidator(_check_moment),
    WithJsonSchema({"type": "string", "examples": ["5m", "00:05:00", "2025-01-06T14:30:00Z"]}),
]

TRIGGERS = ("at", "seq", "after", "on")

FaultGroup = Literal["protocol", "messages", "content", "liveness", "network", "connecting"]
"""Groups of the catalogue. On one connection, faults act in this order, whatever the order in which they were armed."""

Subject = Literal["messages", "everything", "answers", "heartbeats", "pongs", "handshakes"]
"""Targets of a kind: messages of streams, or all that is sent, or one part of it, or the opening of a connection."""


class Framing(Protocol):
    """Frames of one direction of a connection: from and to payloads."""

    def payload(self, frame: bytes) -> bytes:
        """Return the payload of a frame, uncompressed."""

    def text(self, payload: bytes) -> bytes:
        """Return a payload as a text frame."""

    def binary(self, payload: bytes) -> bytes:
        """Return a payload as a binary frame."""


@dataclass(frozen=True, slots=True)
class Strike:
    """Circumstances of one strike.

    Attributes:
        now: monotonic time, ns.
        draw: random numbers of the message.
        shape: knowledge of the form of the messages.
        framing: the frames of the direction.
    """

    now: int
    draw: Draw
    shape: MessageShape
    framing: Framing

    def pass_on(self, parcel: Parcel) -> tuple[Delivery]:
        """Return the delivery of a parcel at once."""
        return (Delivery(self.now, parcel),)


class FaultEffect(Protocol):
    """Effect of a fault on one connection."""

    def strike(self, parcel: Parcel, strike: Strike) -> Sequence[Delivery] | LinkCut:
        """Return the deliveries that replace a message struck by the fault, or a cut of the connection."""

    def let_by(self, parcel: Parcel, strike: Strike) -> Sequence[Delivery]:
        """Return the deliveries that replace a message that is not struck: mostly itself."""

    def hear(self, name: str) -> None:
        """Note a request of the client."""

    def release(self) -> Sequence[Parcel]:
        """Return the parcels that it has kept."""

    @property
    def kept(self) -> int:
        """The number of bytes that it keeps."""


class Fault(BaseModel):
    """Fault as specified in a file, a URL or a command. A message is an outgoing one of `data`, or one of the client's.

    A kind is a subclass with a `kind`, a `summary`, a `remedy`, the report line that watches it, and a `strike`. A
    kind that keeps state of a connection returns a separate object from `begin` for each connection.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, allow_inf_nan=False, defer_build=True)

    summary: ClassVar[str]
    remedy: ClassVar[str]
    group: ClassVar[FaultGroup] = "messages"
    watched: ClassVar[str] = "survived"
    """The line of the report that watches what the client does about it."""

    subject: ClassVar[Subject] = "messages"
    once: ClassVar[bool] = False
    """Flag: it happens once on a connection, at a moment. A client that came after that moment is spared."""

    by_stream: ClassVar[bool] = False
    """Flag: what happens once, happens once on each stream."""

    deed: ClassVar[str | None] = None
    """Name of what was done to a message, where that is not seen from the message."""

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
        for name, reason in self.needless.items():
            if getattr(self, name) is not None:
                raise _senseless("for" if name == "length" else name, f"a {self.kind} {reason}", None)
        if self.direction == "in":
            for name in ("channel", "symbol", "seq"):
                if getattr(self, name) is not None:
                    raise _senseless(name, "what a client sends is of no stream", 'use "after", or the direction "out"')
        return self

    @property
    def needless(self) -> Mapping[str, str]:
        """Keys that make no sense for this kind, each with the reason."""
        if self.subject == "messages":
            return {}
        whole = "is of the whole connection"
        if self.subject == "everything":
            return {"channel": whole, "symbol": whole}
        if self.subject == "handshakes":
            early = "comes before any message"
            return dict.fromkeys(("seq", "on", "channel", "symbol"), early)
        return {"channel": whole, "symbol": whole, "seq": "is not about messages of a stream"}

    @property
    def document(self) -> dict[str, Any]:
        """The fault as a JSON object, without default values."""
        return self.model_dump(by_alias=True, exclude_none=True, exclude_defaults=True) | {"kind": self.kind}

    @property
    def is_untriggered(self) -> bool:
        """True if it begins at once."""
        return all(getattr(self, name) is None for name in TRIGGERS)

    @property
    def is_momentary(self) -> bool:
        """True if it happens once, as soon as it is armed."""
        return self.once and self.is_untriggered and self.rate is None and self.direction == "out"

    @property
    def lasts(self) -> int | None:
        """The length of the fault in market time, ns; None without an end."""
        return self.length

    @property
    def most(self) -> int | None:
        """The number of messages of each stream that it strikes at most."""
        return 1 if self.once and self.count is None else self.count

    def takes(self, parcel: Parcel) -> bool:
        """Return True if the fault may strike a parcel of its direction; its channel and symbol are checked apart."""
        if self.direction == "in":
            return parcel.kind == "request"
        if self.subject == "everything":
            return parcel.kind in ("data", "event", "control")
        # What happens at a market time also happens to a client that gets no messages.
        return parcel.kind == "data" or (self.once and self.at is not None and parcel.kind == "event")

    def holds_up(self, parcel: Parcel) -> bool:
        """Return True if a parcel of its direction keeps its place behind delayed ones."""
        return self.subject == "everything" or parcel.kind != "control"

    # Effect of a kind.

    def begin(self) -> FaultEffect:
        """Return the action for one connection: the fault itself if it keeps no state."""
        return self

    def strike(self, parcel: Parcel, strike: Strike) -> Sequence[Delivery] | LinkCut:
        """Return the deliveries that replace a message struck by the fault, or a cut of the connection."""
        raise NotImplementedError

    def let_by(self, parcel: Parcel, strike: Strike) -> Sequence[Delivery]:
        """Return the deliveries that replace a message that is not struck: itself."""
        return strike.pass_on(parcel)

    def hear(self, name: str) -> None:
        """Note a request of the client."""

    def release(self) -> Sequence[Parcel]:
        """Return the parcels that it has kept."""
        return ()

    @property
    def kept(self) -> int:
        """The number of bytes that it keeps."""
        return 0


def _senseless(
    field: str, message: str, hint: str | None, known: Sequence[str] = (), value: str = ""
) -> PydanticCustomError:
    return PydanticCustomError(
        "senseless", "{message}", {"message": message, "field": field, "hint": hint, "known": known, "value": value}
    )
