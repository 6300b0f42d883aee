"""Faults of connecting: what happens to a handshake in place of a connection."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Literal

from feed.faults.chance import Chance
from feed.faults.fault import Fault, FaultGroup, Subject, read_moment
from feed.faults.link import Parcel
from feed.faults.log import Deed, FaultLog
from feed.faults.plan import MarketCalendar
from feed.units import MILLISECOND, SECOND

__all__ = ["Door", "HandshakeFault", "Welcome"]


@dataclass(frozen=True, slots=True)
class Welcome:
    """What a handshake meets: a refusal with an HTTP `status`, a wait of `by` ns, a wrong key, or a reset."""

    how: Literal["refuse", "wait", "wrong-accept", "reset"]
    status: int = 503
    retry_after: int | None = None
    by: int = 0
    reason: str = "A fault refuses this connection"


class HandshakeFault(Fault):
    """Fault of connecting. `after` and `count` count handshakes."""

    group: ClassVar[FaultGroup] = "connecting"
    subject: ClassVar[Subject] = "handshakes"

    direction: Literal["in"] = "in"

    @abstractmethod
    def welcome(self) -> Welcome:
        """Return what a handshake meets."""


class Door:
    """One fault of connecting, armed on a market or on the connections of one client.

    Args:
        fault: the fault; other kinds do nothing here.
        number: its number.
        source: where it comes from.
        calendar: the market time.
        log: the ground truth.
    """

    def __init__(self, fault: Fault, number: int, source: str, calendar: MarketCalendar, log: FaultLog) -> None:
        self.fault = fault
        self._number = number
        self._source = source
        self._calendar = calendar
        self._log = log
        self._seen = 0
        self._struck = 0
        self._armed_at = calendar.here
        # The market time until which maintenance refuses connections.
        self.shut_until: int | None = None

    def knock(self, ordinal: int, name: str) -> Welcome | None:
        """Return what a handshake meets, or None if this fault has nothing against it."""
        fault = self.fault
        if self.shut_until is not None and self._calendar.here < self.shut_until:
            left = -(-(self.shut_until - self._calendar.here) // SECOND)
            return self._note(ordinal, name, Welcome("refuse", 503, left, reason="Maintenance"))
        if not isinstance(fault, HandshakeFault) or fault.connection not in (None, ordinal):
            return None
        self._seen += 1
        if not self._is_open(ordinal) or (fault.count is not None and self._struck >= fault.count):
            return None
        self._struck += 1
        return self._note(ordinal, name, fault.welcome())

    @property
    def begins(self) -> int:
        """The market time at which it begins."""
        if self.fault.at is None:
            return self._armed_at
        time, is_offset = read_moment(self.fault.at)
        return time + self._calendar.start if is_offset else time

    def _is_open(self, ordinal: int) -> bool:
        fault, begins = self.fault, self.begins
        if self._calendar.here < begins or (fault.after is not None and self._seen <= fault.after):
            return False
        if fault.length is not None and self._calendar.here >= begins + fault.length:
            return False
        return fault.rate is None or self._draw(ordinal) < fault.rate

    def _draw(self, ordinal: int) -> float:
        chance = Chance(self._calendar.seed, self._number, 0)
        return chance.draw("handshake", Parcel(b"", "request", None, ordinal, ""))

    def _note(self, ordinal: int, name: str, welcome: Welcome) -> Welcome:
        deed = {"refuse": "refused", "wait": "delayed", "wrong-accept": "changed", "reset": "cut"}[welcome.how]
        ms = welcome.by / MILLISECOND if welcome.how == "wait" else None
        self._log.note(
            Deed(
                self._number, self.fault.kind, name, "in", None, ordinal, deed, ms,
                source=self._source, ordinal=ordinal,
            )
        )  # fmt: skip
        return welcome
