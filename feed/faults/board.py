"""Faults of one market: those armed on all of its connections, plans to choose from, and the ground truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from feed.faults.door import Door, HandshakeFault, Welcome
from feed.faults.fault import Fault
from feed.faults.kinds.maintenance import Maintenance
from feed.faults.log import FaultLog
from feed.faults.plan import FaultIdentity, FaultSource, MarketCalendar
from feed.faults.traffic import TrafficTap

__all__ = ["FaultBoard", "FaultSeat"]

MAX_KNOCKERS = 1_000
"""The number of clients whose own faults of connecting are remembered, the last ones."""


class FaultSeat(Protocol):
    """Connection that faults of its market can be armed on."""

    def arm_of_market(self, fault: Fault, identity: FaultIdentity) -> None:
        """Arm a fault of the market."""

    def strike_of_market(self, fault: Fault, identity: FaultIdentity) -> None:
        """Let a fault of the market strike now, once."""

    def clear_of_market(self, number: int) -> None:
        """End a fault of the market, if it is armed here."""


class FaultBoard:
    """Board of the faults of one market.

    Args:
        calendar: the market time.

    Attributes:
        log: the ground truth.
        plans: named lists of faults, from the scenario.
        traffic: receiver of both directions of each connection that begins from now on, or None.
    """

    def __init__(self, calendar: MarketCalendar) -> None:
        self._calendar = calendar
        self._known: set[int] = set()
        self._armed: dict[int, tuple[Fault, FaultIdentity]] = {}
        self._doors: dict[int, Door] = {}
        # Faults of connecting that come with a client's URL count its handshakes, however often it comes back.
        self._own_doors: dict[tuple[str, str], Door] = {}
        self._seats: dict[FaultSeat, None] = {}
        self.log = FaultLog()
        self.plans: Mapping[str, Sequence[Fault]] = {}
        self.traffic: TrafficTap | None = None

    def follow(self, wanted: Mapping[int, Fault], source: FaultSource = "command") -> None:
        """Arm and end faults on all present and future connections, so that these are in force, by number.

        A fault of a command that has no trigger and happens once, such as `close`, strikes the present connections
        now, and no later one.
        """
        for number in [number for number in self._known if number not in wanted]:
            self._clear(number)
        for number, fault in wanted.items():
            if number not in self._known:
                self._known.add(number)
                self._arm(fault, FaultIdentity(number, source))

    def _arm(self, fault: Fault, identity: FaultIdentity) -> None:
        self.log.arm(identity.number, None, fault, identity.source)
        strikes_now = identity.source == "command" and fault.is_momentary
        if is_at_door(fault):
            door = Door(fault, identity.number, identity.source, self._calendar, self.log)
            self._doors[identity.number] = door
            if strikes_now:
                self._shut(door)
        if strikes_now:
            for seat in list(self._seats):
                seat.strike_of_market(fault, identity)
        elif fault.subject != "handshakes":
            self._armed[identity.number] = fault, identity
            for seat in list(self._seats):
                seat.arm_of_market(fault, identity)

    def _clear(self, number: int) -> None:
        self._known.discard(number)
        self._doors.pop(number, None)
        self.log.clear(number, None)
        if self._armed.pop(number, None) is not None:
            for seat in list(self._seats):
                seat.clear_of_market(number)

    # Connections.

    def seat(self, seat: FaultSeat) -> None:
        """Arm the market's faults on a connection, now and from now on."""
        self._seats[seat] = None
        for fault, identity in self._armed.values():
            seat.arm_of_market(fault, identity)

    def leave(self, seat: FaultSeat) -> None:
        """Forget a connection."""
        self._seats.pop(seat, None)

    def knock(self, ordinal: int, name: str, client: str, own: Sequence[Fault]) -> list[Welcome]:
        """Return what a handshake meets, of the market's faults and of those in its URL."""
        mine = [(place, fault) for place, fault in enumerate(own, 1) if is_at_door(fault)]
        doors = [*self._doors.values(), *(self._own_door(client, place, fault) for place, fault in mine)]
        for door in doors:
            self._open_by_time(door)
        met = [door.knock(ordinal, name) for door in doors]
        return [welcome for welcome in met if welcome is not None]

    def shut(self, identity: FaultIdentity, client: str, fault: Fault) -> None:
        """Refuse connections from now on, because maintenance has begun: of all, or of the client of a URL."""
        if identity.source == "url":
            self._shut(self._own_door(client, identity.number, fault))
        elif (door := self._doors.get(identity.number)) is not None:
            self._shut(door)

    def _shut(self, door: Door) -> None:
        if isinstance(door.fault, Maintenance):
            door.shut_until = self._calendar.here + door.fault.lasts

    def _open_by_time(self, door: Door) -> None:
        """Let maintenance of a given time begin, although there is nobody whom it could be said to."""
        if isinstance(door.fault, Maintenance) and door.fault.at is not None:
            door.shut_until = door.begins + door.fault.lasts if self._calendar.here >= door.begins else None

    def _own_door(self, client: str, number: int, fault: Fault) -> Door:
        key = client, f"{number} {fault!r}"
        door = self._own_doors.get(key)
        if door is None:
            if len(self._own_doors) >= MAX_KNOCKERS:
                self._own_doors.pop(next(iter(self._own_doors)))
            door = self._own_doors[key] = Door(fault, number, "url", self._calendar, self.log)
        return door

    def document(self) -> dict[str, Any]:
        """Return the ground truth as a JSON object."""
        return self.log.document()


def is_at_door(fault: Fault) -> bool:
    """Return True if a fault may stand in the way of handshakes."""
    return isinstance(fault, HandshakeFault | Maintenance)
