"""Faults of one client: a link in each direction, one timer for both, and the handling of released or cut messages."""

from __future__ import annotations

import asyncio
import itertools
import zlib
from collections.abc import Callable, Iterable
from typing import Any

import orjson

from feed.clock import Clock
from feed.delivery.framing import payload_of, text_frame
from feed.delivery.subscriber import Subscriber
from feed.faults.acts import FaultAct
from feed.faults.fault import Fault, FaultGroup
from feed.faults.link import PING_FRAME, PONG_FRAME, Link, LinkCut, Parcel
from feed.faults.plan import ArmedFault, FaultIdentity, FaultTarget
from feed.faults.traffic import Traffic, TrafficTap
from feed.market.calendar import ClientCalendar
from feed.market.market import Market
from feed.units import SECOND

__all__ = ["WIRE", "PeerFaults", "RequestFraming", "WireFraming"]

RANKS: tuple[FaultGroup, ...] = ("protocol", "messages", "content", "liveness", "network", "connecting")

LARGE_FRAME = 64 * 1024
"""The size of a frame from which it does not count against the bound of waiting bytes: no market message is so long."""

RSV1 = 0x40
OPCODE_MASK = 0x0F
BINARY, PING, PONG = 0x02, 0x09, 0x0A


class WireFraming:
    """Frames as they go to a client."""

    def payload(self, frame: bytes) -> bytes:
        """Return the payload of a frame, uncompressed."""
        data = payload_of(frame)
        return zlib.decompress(data + b"\x00\x00\xff\xff\x03\x00", -15) if frame[0] & RSV1 else data

    def text(self, payload: bytes) -> bytes:
        """Return a payload as a text frame."""
        return text_frame(payload)

    def binary(self, payload: bytes) -> bytes:
        """Return a payload as a binary frame."""
        frame = text_frame(payload)
        return bytes((frame[0] & ~OPCODE_MASK | BINARY,)) + frame[1:]


class RequestFraming:
    """Messages of a client, which are payloads already."""

    def payload(self, frame: bytes) -> bytes:
        """Return the payload."""
        return frame

    def text(self, payload: bytes) -> bytes:
        """Return the payload."""
        return payload

    def binary(self, payload: bytes) -> bytes:
        """Return the payload."""
        return payload


WIRE, REQUESTS = WireFraming(), RequestFraming()
"""The framings, which have no state."""


class PeerFaults:
    """Fault filters between a client and its wire, from its first fault on; bypassed while none is armed.

    Args:
        target: the connection.
        market: its market.
        subscriber: the client's subscriber, which takes this detour from the first fault on.
        clock: real time.
        read: function that takes the client's messages.
        cut: function that ends the connection.
        perform: function that carries out an act of a fault.
        resume: called when nothing is held any more.
        tap: receiver of the traffic in both directions; with one the detour is kept for good.

    Attributes:
        sent_at: the time anything was last sent, in monotonic ns.
        is_mid_frame: True while only a part of a frame has been sent.
    """

    __slots__ = (
        "_armed", "_calendar", "_clock", "_closed", "_cut", "_holds", "_in", "_loop", "_market", "_messages",
        "_numbers", "_out", "_perform", "_read", "_resume", "_subscriber", "_tap", "_target", "_timer",
        "is_mid_frame", "sent_at",
    )  # fmt: skip

    def __init__(
        self,
        target: FaultTarget,
        market: Market,
        subscriber: Subscriber,
        clock: Clock,
        *,
        read: Callable[[bytes], None],
        cut: Callable[[LinkCut], None],
        perform: Callable[[FaultAct, ArmedFault | None], None],
        resume: Callable[[], None],
        tap: TrafficTap | None = None,
    ) -> None:
        self._target = target
        self._market = market
        self._subscriber = subscriber
        self._clock = clock
        self._read = read
        self._cut = cut
        self._perform = perform
        self._resume = resume
        self._tap = tap
        self._calendar = ClientCalendar(market)
        self._loop = asyncio.get_running_loop()
        self._numbers = itertools.count(1)
        self._armed: dict[int, tuple[Link, ArmedFault]] = {}
        self._out, self._in = Link(), Link()
        self._messages = 0
        self._timer: asyncio.TimerHandle | None = None
        self._holds = False
        self._closed = False
        self.sent_at = 0
        self.is_mid_frame = False
        if tap is not None:
            market.hub.divert(subscriber, self)

    @property
    def is_armed(self) -> bool:
        """True if any fault is armed."""
        return bool(self._armed)

    @property
    def stops_close(self) -> bool:
        """True if not even a close frame may go out."""
        return any(armed.stops_close() for _, armed in self._armed.values())

    def arm(self, fault: Fault, identity: FaultIdentity) -> int:
        """Arm a fault, and return its number in the links of this connection."""
        number = next(self._numbers)
        armed = self._prepare(fault, identity)
        link = self._in if fault.direction == "in" else self._out
        self._armed[number] = link, armed
        link.add(number, armed, RANKS.index(fault.group))
        if self._subscriber.detour is None:
            self._market.hub.divert(self._subscriber, self)
        return number

    def strike(self, fault: Fault, identity: FaultIdentity, parcel: Parcel) -> None:
        """Let a fault strike now, once, with an empty parcel in place of a message."""
        armed = self._prepare(fault, identity)
        if not self._closed and armed.names(parcel):
            result = armed.strike_now(parcel, self._clock.now())
            if isinstance(result, LinkCut):
                self._go_on(self._out, result)
            else:
                for delivery in result:
                    if delivery.parcel.act is not None and not self._closed:
                        self._perform(delivery.parcel.act, armed)

    def clear(self, number: int) -> None:
        """End a fault; its held messages are passed on. Raises KeyError if there is none with this number."""
        link, _ = self._armed.pop(number)
        now = self._clock.now()
        self._go_on(link, link.remove(number, now))
        self._settle(now)
        self.rest()

    def rest(self) -> None:
        """Leave the way out as it was if no fault is armed."""
        if not self._armed and not self._closed and self._tap is None and self._subscriber.detour is self:
            self._market.hub.undivert(self._subscriber)

    def clear_all(self) -> None:
        """End every fault: held messages go out before anything else."""
        for number in list(self._armed):
            self.clear(number)

    def renew(self) -> None:
        """Begin anew with every fault, because a new epoch has begun."""
        for _, armed in self._armed.values():
            armed.renew()

    def stop(self) -> None:
        """Let nothing more through: the connection is closing or gone."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()

    def _prepare(self, fault: Fault, identity: FaultIdentity) -> ArmedFault:
        target = self._target._replace(framing=REQUESTS) if fault.direction == "in" else self._target
        return ArmedFault(fault, identity, target, calendar=self._calendar, log=self._market.faults.log)

    # Detour of the subscriber.

    def take(self, parcels: Iterable[Parcel]) -> None:
        """Take outgoing frames of the market."""
        now = self._clock.now()
        ready: list[Parcel] = []
        for parcel in parcels:
            carried = self._out.carry(_told_apart(parcel), now)
            if isinstance(carried, LinkCut):
                self._go_on(self._out, ready)
                self._go_on(self._out, carried)
                return
            ready += carried
        self._go_on(self._out, ready)
        self._settle(now)

    def receive(self, payload: bytes) -> None:
        """Take a message of the client."""
        self._keep_traffic("in", payload)
        name = _event_of(payload)
        for _, armed in self._armed.values():
            armed.hear(name)
        self._messages += 1
        now = self._clock.now()
        self._go_on(self._in, self._in.carry(Parcel(payload, "request", None, self._messages, name), now))
        self._settle(now)

    def _go_on(self, link: Link, carried: list[Parcel] | LinkCut) -> None:
        """Pass on the parcels that come out of a link."""
        if self._closed:
            return
        if isinstance(carried, LinkCut):
            self._cut(carried)
        elif link is self._out:
            self._send(carried)
        else:
            for parcel in carried:
                if not self._closed:
                    self._act_or_read(parcel)

    def _act_or_read(self, parcel: Parcel) -> None:
        if parcel.act is None:
            self._read(parcel.data)
        else:
            self._perform(parcel.act, self._origin(parcel))

    def _send(self, parcels: list[Parcel]) -> None:
        """Write parcels, those that follow each other in one write; an act comes exactly in its place."""
        batch: list[bytes] = []
        for parcel in parcels:
            if parcel.act is None and parcel.whole and not self.is_mid_frame and len(parcel.data) < LARGE_FRAME:
                batch.append(parcel.data)
                continue
            self._write(b"".join(batch))
            batch = []
            if self._closed:
                return
            if parcel.act is None:
                # Pieces and large frames are written each by itself.
                self.is_mid_frame = not parcel.whole
                self._write(parcel.data, large=len(parcel.data) >= LARGE_FRAME)
            else:
                self._perform(parcel.act, self._origin(parcel))
        self._write(b"".join(batch))

    def _write(self, data: bytes, *, large: bool = False) -> None:
        if not data or self._closed:
            return
        self.sent_at = self._clock.now()
        self._keep_traffic("out", data)
        outbox = self._subscriber.outbox
        (outbox.write_large if large else outbox.write)(data)

    def _keep_traffic(self, direction: Any, data: bytes) -> None:
        if self._tap is not None:
            target = self._target
            self._tap.take(Traffic(target.name, target.ordinal, direction, self._calendar.here, data))

    def _origin(self, parcel: Parcel) -> ArmedFault | None:
        """Return the fault that an act comes from, unless it has ended."""
        return next((armed for _, armed in self._armed.values() if armed.identity.name == parcel.name), None)

    def _settle(self, now: int) -> None:
        """Pass on due parcels, count held bytes against the outbox, and set the timer for the next due time."""
        for link in (self._out, self._in):
            if link.deadline is not None and link.deadline <= now:
                self._go_on(link, link.expire(now))
        if self._closed:
            return
        held = self._out.held + self._in.held
        self._set_timer()
        self._subscriber.outbox.hold(held)
        if self._subscriber.outbox.closed:
            return
        if held and not self._holds:
            self._holds = True
            self._market.hub.queue(self._subscriber)
        elif self._holds and not held:
            self._holds = False
            self._resume()

    def _set_timer(self) -> None:
        deadlines = [at for at in (self._out.deadline, self._in.deadline) if at is not None]
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(min(deadlines) / SECOND, self._expire) if deadlines else None

    def _expire(self) -> None:
        # The event loop may be early by its resolution.
        due = [at for at in (self._out.deadline, self._in.deadline) if at is not None]
        self._settle(max(self._clock.now(), min(due, default=0)))


def _told_apart(parcel: Parcel) -> Parcel:
    """Return a parcel of the server, with ping and pong frames told apart from its events."""
    if parcel.kind == "event" and (opcode := parcel.data[0] & OPCODE_MASK) in (PING, PONG):
        return parcel._replace(kind="control", name=PING_FRAME if opcode == PING else PONG_FRAME)
    return parcel


def _event_of(payload: bytes) -> str:
    """Return the name of a client's request, as any dialect has it; empty if it cannot be read."""
    try:
        document: Any = orjson.loads(payload)
    except orjson.JSONDecodeError:
        return ""
    if not isinstance(document, dict):
        return ""
    names = (document.get(key) for key in ("event", "method", "type"))
    return next((name.lower() for name in names if isinstance(name, str)), "")
