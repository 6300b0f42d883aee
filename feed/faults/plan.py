"""Decision for every kind of fault of the time and the target it strikes; made only in this module."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple, Protocol

from feed.faults.chance import Chance
from feed.faults.fault import Fault, read_moment
from feed.faults.link import Delivery, LinkCut, Parcel
from feed.faults.log import Deed, FaultLog
from feed.protocol.effects import Stream
from feed.units import MILLISECOND

__all__ = ["ArmedFault", "FaultTarget", "MarketCalendar"]


class MarketCalendar(Protocol):
    """Market time, in ns as clients see it."""

    @property
    def start(self) -> int:
        """The start of the scenario."""

    @property
    def now(self) -> int:
        """The time up to which everything has been published."""

    def time_of(self, stream: Stream, seq: int) -> int | None:
        """Return the time a message was due; None if it is no longer kept."""


class FaultTarget(NamedTuple):
    """Connection that a fault is armed on: its name, and its ordinal in its market."""

    name: str
    ordinal: int


class ArmedFault:
    """Fault armed on one connection: a filter of its link.

    Counts are per stream, so that results do not depend on the interleaving of several streams.

    Args:
        fault: the fault, with its trigger and target.
        number: the fault's number; with the seed, the ordinal and a message's stream and `seq` it fixes random choices.
        target: the connection.
        calendar: the market time.
        seed: the seed of the market.
        log: the log that receives the deeds.
    """

    __slots__ = (
        "_act",
        "_at",
        "_calendar",
        "_chance",
        "_fault",
        "_log",
        "_number",
        "_opened",
        "_seen",
        "_struck",
        "_target",
    )

    def __init__(
        self, fault: Fault, number: int, target: FaultTarget, *, calendar: MarketCalendar, seed: int, log: FaultLog
    ) -> None:
        self._fault = fault
        self._act = fault.begin()
        self._number = number
        self._target = target
        self._calendar = calendar
        self._chance = Chance(seed, number, target.ordinal)
        self._log = log
        self._seen: Counter[Stream | None] = Counter()
        self._struck: Counter[Stream | None] = Counter()
        # The market time it began, by stream; a start for all streams at once is under None.
        self._opened: dict[Stream | None, int] = {}
        self._at = None if fault.at is None else _moment(fault.at, calendar.start)
        if fault.at is None and fault.seq is None and fault.after is None and fault.on is None:
            self._opened[None] = calendar.now

    def hear(self, name: str) -> None:
        """Note a request of the client, which may start the fault."""
        if name and name == self._fault.on:
            self._opened[None] = self._calendar.now
            self._struck.clear()

    # Filter.

    def concerns(self, parcel: Parcel) -> bool:
        """Return True if connection, direction, channel and symbol match.

        A parcel without a stream matches only a fault without channel and symbol.
        """
        fault = self._fault
        if fault.connection not in (None, self._target.ordinal) or (parcel.kind == "request") != (
            fault.direction == "in"
        ):
            return False
        if parcel.stream is None:
            return fault.channel is None and fault.symbol is None
        return fault.channel in (None, parcel.stream.channel) and fault.symbol in (None, parcel.stream.symbol)

    def carry(self, parcel: Parcel, now: int) -> Sequence[Delivery] | LinkCut:
        """Apply the fault to a parcel and return the result; an event is never struck, and only keeps its place."""
        if parcel.kind == "event" or not self._strikes(parcel):
            return (Delivery(now, parcel),)
        result = self._act.strike(parcel, now, partial(self._draw, parcel))
        self._note(parcel, result, now)
        return result

    def release(self) -> Sequence[Parcel]:
        """Return the parcels that the fault has kept."""
        return self._act.release()

    @property
    def kept(self) -> int:
        """The number of bytes that it keeps."""
        return self._act.kept

    # Trigger.

    def _strikes(self, parcel: Parcel) -> bool:
        fault, key = self._fault, parcel.stream
        self._seen[key] += 1
        if not self._is_open(parcel):
            return False
        if fault.rate is not None and self._draw(parcel, "rate") >= fault.rate:
            return False
        if fault.count is not None and self._struck[key] >= fault.count:
            return False
        self._struck[key] += 1
        return True

    def _is_open(self, parcel: Parcel) -> bool:
        began = self._began(parcel)
        if began is None:
            return False
        return self._fault.length is None or self._time_of(parcel) < began + self._fault.length

    def _began(self, parcel: Parcel) -> int | None:
        """Return the market time the fault began for this stream, or None before that."""
        fault, key = self._fault, parcel.stream
        if self._at is not None:
            return self._at if self._time_of(parcel) >= self._at else None
        if (fault.seq is not None and parcel.seq >= fault.seq) or (
            fault.after is not None and self._seen[key] > fault.after
        ):
            if key not in self._opened:
                self._opened[key] = self._first_time(parcel)
            return self._opened[key]
        return self._opened.get(None)

    def _first_time(self, parcel: Parcel) -> int:
        """Return the time of the message that a fault begins with; with `seq` that may be an earlier message."""
        if self._fault.length is None:
            return 0
        return self._time_of(parcel if self._fault.seq is None else parcel._replace(seq=self._fault.seq))

    def _time_of(self, parcel: Parcel) -> int:
        time = None if parcel.stream is None else self._calendar.time_of(parcel.stream, parcel.seq)
        return self._calendar.now if time is None else time

    def _draw(self, parcel: Parcel, what: str) -> float:
        return self._chance.draw(what, parcel)

    def _note(self, parcel: Parcel, result: Sequence[Delivery] | LinkCut, now: int) -> None:
        deed, ms = _deed(parcel, result, now)
        stream = None if parcel.stream is None else parcel.stream.key
        fault = self._fault
        self._log.note(Deed(self._number, fault.kind, self._target.name, fault.direction, stream, parcel.seq, deed, ms))


def _moment(text: str, start: int) -> int:
    time, is_offset = read_moment(text)
    return start + time if is_offset else time


def _deed(parcel: Parcel, result: Sequence[Delivery] | LinkCut, now: int) -> tuple[str, float | None]:
    if isinstance(result, LinkCut):
        return "cut", None
    if not result:
        return "dropped", None
    if [delivery.parcel for delivery in result] != [parcel]:
        return "changed", None
    return "delayed", (result[0].at - now) / MILLISECOND
