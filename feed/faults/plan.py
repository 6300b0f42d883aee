"""Decision for every kind of fault of the time and the target it strikes; made only in this module."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal, NamedTuple, Protocol

from feed.faults.chance import Chance
from feed.faults.fault import Fault, Framing, Strike, read_moment
from feed.faults.link import Delivery, LinkCut, Parcel
from feed.faults.log import Deed, FaultLog
from feed.protocol.effects import Stream
from feed.protocol.shape import MessageShape
from feed.units import MILLISECOND

__all__ = ["ArmedFault", "FaultIdentity", "FaultSource", "FaultTarget", "MarketCalendar"]

FaultSource = Literal["url", "scenario", "command"]
"""Where a fault comes from. Those of a URL are numbered on each connection, the others in their market."""


class MarketCalendar(Protocol):
    """Market time, in ns as clients see it."""

    @property
    def start(self) -> int:
        """The start of the scenario."""

    @property
    def seed(self) -> int:
        """The seed of the market."""

    @property
    def now(self) -> int:
        """The time up to which everything has been published."""

    @property
    def here(self) -> int:
        """The present time, up to which not everything may have been published yet."""

    def time_of(self, stream: Stream, seq: int) -> int | None:
        """Return the time a message was due; None if it is no longer kept."""


class FaultTarget(NamedTuple):
    """Connection that a fault is armed on: its name, its ordinal in its market, and the form of its messages."""

    name: str
    ordinal: int
    shape: MessageShape
    framing: Framing


@dataclass(frozen=True, slots=True)
class FaultIdentity:
    """Identity of an armed fault: its number, and where it comes from."""

    number: int
    source: FaultSource

    @property
    def name(self) -> str:
        """A name that no other fault on the same connection has."""
        return f"{self.source} {self.number}"


class ArmedFault:
    """Fault armed on one connection: a filter of its link.

    Counts are per stream, so that results do not depend on the interleaving of several streams.

    Args:
        fault: the fault, with its trigger and target.
        identity: its number and source; with the seed, the ordinal and a message's stream and `seq` the number fixes
            random choices.
        target: the connection.
        calendar: the market time.
        log: the log that receives the deeds.
    """

    __slots__ = (
        "_act",
        "_approached",
        "_at",
        "_calendar",
        "_chance",
        "_connected",
        "_log",
        "_opened",
        "_seen",
        "_struck",
        "_target",
        "fault",
        "identity",
    )

    def __init__(
        self, fault: Fault, identity: FaultIdentity, target: FaultTarget, *, calendar: MarketCalendar, log: FaultLog
    ) -> None:
        self.fault = fault
        self._act = fault.begin()
        self.identity = identity
        self._target = target
        self._calendar = calendar
        self._log = log
        self._connected = calendar.here
        self.renew()

    def renew(self) -> None:
        """Begin anew, because a new epoch of the market has begun: its messages are counted from 1 again."""
        fault, calendar = self.fault, self._calendar
        self._chance = Chance(calendar.seed, self.identity.number, self._target.ordinal)
        self._seen: Counter[Stream | None] = Counter()
        self._struck: Counter[Stream | None] = Counter()
        # Streams on which a message before the one of `seq` was seen.
        self._approached: set[Stream | None] = set()
        # The market time it began, by stream; a start for all streams at once is under None.
        self._opened: dict[Stream | None, int] = {}
        self._at = None if fault.at is None else _moment(fault.at, calendar.start)
        if fault.is_untriggered:
            self._opened[None] = calendar.now

    def hear(self, name: str) -> None:
        """Note a request of the client, which may start the fault."""
        self._act.hear(name)
        if name and name == self.fault.on:
            self._opened[None] = self._calendar.now
            self._struck.clear()

    def strike_now(self, parcel: Parcel, now: int) -> Sequence[Delivery] | LinkCut:
        """Strike at once, with an empty parcel in place of a message."""
        result = self._act.strike(parcel, self._circumstances(parcel, now))
        self._note(parcel, result, now)
        if isinstance(result, LinkCut):
            return result
        return self._signed([each for each in result if each.parcel is not parcel])

    def stops_close(self) -> bool:
        """Return True if not even a close frame may go out."""
        return self.fault.kind == "freeze" and self._is_open(Parcel(b"", "control", None, 0, ""))

    # Filter.

    def concerns(self, parcel: Parcel) -> bool:
        """Return True if connection, direction, channel and symbol match.

        A parcel without a stream matches only a fault without channel and symbol.
        """
        fault = self.fault
        if fault.connection not in (None, self._target.ordinal) or (parcel.kind == "request") != (
            fault.direction == "in"
        ):
            return parcel.kind == "act"
        return (fault.takes(parcel) or fault.holds_up(parcel)) and self.names(parcel)

    def names(self, parcel: Parcel) -> bool:
        """Return True if the channel and symbol of a parcel match."""
        fault = self.fault
        if parcel.stream is None:
            return fault.channel is None and fault.symbol is None
        return fault.channel in (None, parcel.stream.kind) and fault.symbol in (None, parcel.stream.symbol)

    def carry(self, parcel: Parcel, now: int) -> Sequence[Delivery] | LinkCut:
        """Apply the fault to a parcel and return the result; what it does not take only keeps its place."""
        if not self.fault.takes(parcel):
            return (Delivery(now, parcel),)
        # Events and control frames have no number of their own.
        has_number = parcel.kind in ("data", "request")
        numbered = parcel if has_number else parcel._replace(seq=self._seen[None] + 1)
        strike = self._circumstances(numbered, now)
        if not self._strikes(numbered):
            return self._act.let_by(parcel, strike)
        result = self._act.strike(parcel, strike)
        self._note(numbered, result, now)
        return self._signed(result)

    def release(self) -> Sequence[Parcel]:
        """Return the parcels that the fault has kept."""
        return self._act.release()

    @property
    def kept(self) -> int:
        """The number of bytes that it keeps."""
        return self._act.kept

    def _signed(self, result: Sequence[Delivery] | LinkCut) -> Sequence[Delivery] | LinkCut:
        """Return deliveries whose acts tell which fault they come from."""
        if isinstance(result, LinkCut) or all(each.parcel.act is None for each in result):
            return result
        return [
            each if each.parcel.act is None else each._replace(parcel=each.parcel._replace(name=self.identity.name))
            for each in result
        ]

    def _circumstances(self, parcel: Parcel, now: int) -> Strike:
        return Strike(now, partial(self._draw, parcel), self._target.shape, self._target.framing)

    # Trigger.

    def _strikes(self, parcel: Parcel) -> bool:
        fault, key = self.fault, parcel.stream
        self._seen[key] += 1
        if not self._is_open(parcel):
            return False
        if fault.rate is not None and self._draw(parcel, "rate") >= fault.rate:
            return False
        # What happens once, happens to the connection, or to a stream.
        counted = None if fault.once and not fault.by_stream else key
        if fault.most is not None and self._struck[counted] >= fault.most:
            return False
        self._struck[counted] += 1
        return True

    def _is_open(self, parcel: Parcel) -> bool:
        began = self._began(parcel)
        if began is None:
            return False
        if self.fault.lasts is None:
            # A moment that had passed when the client came.
            return not (self._at is not None and self.fault.once and self._connected > self._at)
        return self._time_of(parcel) < began + self.fault.lasts

    def _began(self, parcel: Parcel) -> int | None:
        """Return the market time the fault began for this stream, or None before that."""
        fault = self.fault
        if self._at is not None:
            return self._at if self._time_of(parcel) >= self._at else None
        # What concerns everything begins for everything.
        key = None if fault.subject == "everything" else parcel.stream
        if fault.seq is None and fault.after is None:
            return self._opened.get(None)
        if parcel.kind in ("data", "request") and self._reaches(parcel):
            return self._opened.setdefault(key, self._first_time(parcel))
        return self._opened.get(None)

    def _reaches(self, parcel: Parcel) -> bool:
        """Return True if this message is one with which, or after which, the fault begins."""
        fault, stream = self.fault, parcel.stream
        if fault.after is not None:
            return self._seen[stream] > fault.after
        assert fault.seq is not None
        if parcel.seq < fault.seq:
            self._approached.add(stream)
            return False
        # A client that came later never got to that message; it is spared by what happens once.
        return not fault.once or parcel.seq == fault.seq or stream in self._approached

    def _first_time(self, parcel: Parcel) -> int:
        """Return the time of the message that a fault begins with; with `seq` that may be an earlier message."""
        if self.fault.lasts is None:
            return 0
        return self._time_of(parcel if self.fault.seq is None else parcel._replace(seq=self.fault.seq))

    def _time_of(self, parcel: Parcel) -> int:
        time = None if parcel.stream is None else self._calendar.time_of(parcel.stream, parcel.seq)
        return self._calendar.now if time is None else time

    def _draw(self, parcel: Parcel, what: str) -> float:
        return self._chance.draw(what, parcel)

    def _note(self, parcel: Parcel, result: Sequence[Delivery] | LinkCut, now: int) -> None:
        deed, ms = _deed(parcel, result, now)
        deed = deed if isinstance(result, LinkCut) else self.fault.deed or deed
        stream = None if parcel.stream is None else parcel.stream.key
        fault, target, identity = self.fault, self._target, self.identity
        self._log.note(
            Deed(
                identity.number, fault.kind, target.name, fault.direction, stream, parcel.seq, deed, ms,
                source=identity.source, ordinal=target.ordinal,
            )
        )  # fmt: skip


def _moment(text: str, start: int) -> int:
    time, is_offset = read_moment(text)
    return start + time if is_offset else time


def _deed(parcel: Parcel, result: Sequence[Delivery] | LinkCut, now: int) -> tuple[str, float | None]:
    if isinstance(result, LinkCut):
        return "cut", None
    if any(delivery.parcel.kind == "act" for delivery in result):
        return "acted", None
    whole = [delivery for delivery in result if delivery.parcel.whole]
    same = [delivery for delivery in whole if delivery.parcel.data == parcel.data]
    if not result:
        return "dropped", None
    if len(result) > len(whole):
        return "sliced", None
    if len(same) != len(whole):
        return "changed", None
    if len(same) > 1:
        return "repeated", None
    late = (same[0].at - now) / MILLISECOND
    return ("delayed", late) if late > 0 else ("unchanged", None)
