"""Faults of one connection, of its URL and of its market: armed as they come, ended as they go, and acted out."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from feed.clock import Clock
from feed.delivery.subscriber import Subscriber
from feed.faults.acts import EndStream, EnterMaintenance, FaultAct, RefuseRequest, SayEvent, SayFarewell
from feed.faults.fault import Fault
from feed.faults.link import LinkCut, Parcel
from feed.faults.plan import ArmedFault, FaultIdentity, FaultTarget
from feed.market.market import Market
from feed.protocol import codes
from feed.protocol.codes import CloseCode
from feed.protocol.effects import Effect, Stream
from feed.protocol.events import ErrorEvent, Event
from feed.protocol.seat import SessionPort
from feed.server.faulting import PeerFaults
from feed.server.talk import Talk

__all__ = ["FaultDesk", "FaultHost"]


OPCODE, CLOSE = 0x0F, 0x08


class FaultHost(Protocol):
    """Peer of a connection, as far as faults need it."""

    def take_message(self, payload: bytes) -> None:
        """Handle a message of the client that has come through."""

    def send(self, event: Event) -> None:
        """Send an event now."""

    def close(self, code: CloseCode, reason: str, *, after: int = 0) -> None:
        """Announce a close and carry it out `after` nanoseconds later."""

    def cut(self, cut: LinkCut) -> None:
        """End the connection as a fault wants it."""

    def go_on(self) -> None:
        """Send the client its waiting messages."""

    def carry_out(self, effects: list[Effect]) -> None:
        """Carry out effects of the session."""


class FaultDesk:
    """Faults of one connection. Without any, messages do not come here.

    Args:
        host: the peer.
        target: the connection.
        client: the name that the client has given itself, or empty.
        market: its market.
        subscriber: the client's subscriber.
        clock: real time.
        talk: its dialect.
        session: its session.

    Attributes:
        active: the links of the connection, from its first fault on.
    """

    __slots__ = (
        "_client", "_clock", "_host", "_market", "_of_market", "_own", "_session", "_subscriber", "_talk", "_target",
        "active",
    )  # fmt: skip

    def __init__(
        self,
        host: FaultHost,
        target: FaultTarget,
        client: str,
        market: Market,
        subscriber: Subscriber,
        clock: Clock,
        talk: Talk,
        session: SessionPort,
    ) -> None:
        self._talk = talk
        self._session = session
        self._host = host
        self._target = target
        self._client = client
        self._market = market
        self._subscriber = subscriber
        self._clock = clock
        self.active: PeerFaults | None = None
        # Numbers in the links, by the number on the connection and in the market.
        self._own: dict[int, int] = {}
        self._of_market: dict[int, int] = {}
        if market.faults.traffic is not None:
            self._links()

    def arm(self, fault: Fault) -> int:
        """Arm a fault of this connection alone, and return its number."""
        identity = FaultIdentity(max(self._own, default=0) + 1, "url")
        self._market.faults.log.arm(identity.number, self._target.name, fault)
        self._own[identity.number] = 0
        if fault.subject != "handshakes" and self._concerns(fault):
            self._own[identity.number] = self._links().arm(fault, identity)
        return identity.number

    def clear(self, number: int) -> None:
        """End a fault of this connection. Raises KeyError if there is none with this number."""
        placed = self._own[number]
        if placed < 0:
            raise KeyError(number)
        # Numbers are not used again.
        self._own[number] = -1
        self._market.faults.log.clear(number, self._target.name)
        if placed and self.active is not None:
            self.active.clear(placed)

    @property
    def is_mid_frame(self) -> bool:
        """True while only a part of a frame has been sent."""
        return self.active is not None and self.active.is_mid_frame

    def close(self) -> None:
        """Let out what is held, in front of a close."""
        if self.active is not None:
            self.active.clear_all()

    def renew(self) -> None:
        """Begin anew with every fault, because a new epoch of the market has begun."""
        if self.active is not None:
            self.active.renew()

    def stop(self) -> None:
        """Let nothing more through: the connection is closing or gone."""
        if self.active is not None:
            self.active.stop()

    def control(self, frame: bytes) -> bool:
        """Return True if a control frame of the library may be sent as it is; a link takes ping and pong frames."""
        if self.active is None:
            return True
        if frame[0] & OPCODE == CLOSE:
            return not self.active.stops_close
        self.active.take([Parcel(frame, "event", None, 0, "")])
        return False

    # Seat at the board of the market.

    def arm_of_market(self, fault: Fault, identity: FaultIdentity) -> None:
        """Arm a fault of the market."""
        if self._concerns(fault):
            self._of_market[identity.number] = self._links().arm(fault, identity)

    def strike_of_market(self, fault: Fault, identity: FaultIdentity) -> None:
        """Let a fault of the market strike now, once: the connection, or each of its streams."""
        if not self._concerns(fault):
            return
        streams: tuple[Stream | None, ...] = self._session.streams if fault.by_stream else (None,)
        for stream in streams:
            seq = 0 if stream is None else self._market.seq(stream)
            self._links().strike(fault, identity, Parcel(b"", "event" if stream is None else "data", stream, seq, ""))
        if self.active is not None:
            self.active.rest()

    def clear_of_market(self, number: int) -> None:
        """End a fault of the market, if it is armed here."""
        placed = self._of_market.pop(number, None)
        if placed is not None and self.active is not None:
            self.active.clear(placed)

    def _concerns(self, fault: Fault) -> bool:
        return fault.connection in (None, self._target.ordinal)

    def _links(self) -> PeerFaults:
        if self.active is None:
            host = self._host
            self.active = PeerFaults(
                self._target,
                self._market,
                self._subscriber,
                self._clock,
                read=host.take_message,
                cut=host.cut,
                perform=self._perform,
                resume=host.go_on,
                tap=self._market.faults.traffic,
            )
        return self.active

    # Acts.

    def _perform(self, act: FaultAct, origin: ArmedFault | None) -> None:
        host = self._host
        match act:
            case SayEvent(event):
                host.send(event)
            case SayFarewell(code, reason):
                host.close(code, reason)
            case EndStream(stream):
                host.carry_out(self._session.end(stream))
            case RefuseRequest():
                self._refuse(act)
            case EnterMaintenance(reason, notice):
                if origin is not None:
                    self._market.faults.shut(origin.identity, self._client, origin.fault)
                host.send(replace(self._market.status(self._target.name), status="maintenance"))
                host.close(codes.RESTART, reason, after=notice)

    def _refuse(self, refusal: RefuseRequest) -> None:
        """Answer each request of a message with an error, in place of carrying it out."""
        for request in self._talk.read(refusal.payload, self._clock.read()):
            self._host.send(
                ErrorEvent(
                    message=refusal.message,
                    code=refusal.code,
                    id=request.id,
                    hint=refusal.hint,
                    context=request.context,
                )
            )
