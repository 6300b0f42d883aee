"""Acts of faults other than on the bytes of a message: what the server says or does because of a fault."""

from __future__ import annotations

from dataclasses import dataclass

from feed.protocol.codes import CloseCode, ErrorCode
from feed.protocol.effects import Stream
from feed.protocol.events import Event

__all__ = ["EndStream", "EnterMaintenance", "FaultAct", "RefuseRequest", "SayEvent", "SayFarewell"]


@dataclass(frozen=True, slots=True)
class SayEvent:
    """Send the client an event."""

    event: Event


@dataclass(frozen=True, slots=True)
class SayFarewell:
    """Announce a close, and close the connection."""

    code: CloseCode
    reason: str


@dataclass(frozen=True, slots=True)
class EndStream:
    """Unsubscribe the client from a stream that it has not asked to leave."""

    stream: Stream


@dataclass(frozen=True, slots=True)
class RefuseRequest:
    """Answer a request with an error in place of carrying it out."""

    payload: bytes
    code: ErrorCode
    message: str
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class EnterMaintenance:
    """Say that maintenance begins, close the connection, and refuse new ones for `lasts` ns of market time."""

    reason: str
    notice: int
    lasts: int


FaultAct = SayEvent | SayFarewell | EndStream | RefuseRequest | EnterMaintenance
