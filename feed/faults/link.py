"""Chain of fault filters between a subscriber and its wire in one direction, while faults are armed.

Without a fault there is no link. Times are monotonic, in ns: a `now` goes in, a `deadline` comes out.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

from feed.faults.acts import FaultAct
from feed.protocol.effects import Stream

__all__ = ["PING_FRAME", "PONG_FRAME", "Delivery", "Filter", "Link", "LinkCut", "Parcel", "act_parcel"]

PING_FRAME, PONG_FRAME = "ping frame", "pong frame"
"""Names of control frames."""


class Parcel(NamedTuple):
    """Frame on its way to a client, or message of a client.

    `kind` is `data` for a message of a stream, `event` for everything else that a market says, `control` for ping and
    pong frames, and `request` for a client's message. `act` stands in the place where the server does something.
    `name` is the class of an event, the `event` of a request, or tells control frames apart. `seq` is that of the
    stream; a client's messages are counted from 1. Without `whole`, it is a part of a frame and not the last one.
    """

    data: bytes
    kind: Literal["data", "event", "control", "request", "act"]
    stream: Stream | None
    seq: int
    name: str
    act: FaultAct | None = None
    whole: bool = True


def act_parcel(act: FaultAct) -> Parcel:
    """Return the parcel of an act, which the server carries out when its turn comes."""
    return Parcel(b"", "act", None, 0, "", act)


class Delivery(NamedTuple):
    """Parcel with the time from which it may be sent."""

    at: int
    parcel: Parcel


@dataclass(frozen=True, slots=True)
class LinkCut:
    """End of the connection.

    It is broken by a TCP reset (`reset`), closed with a close frame of this code and reason (`close`), closed without
    a close frame (`end`), or left alone without a word (`vanish`) until it is dropped after `lasts` ns of real time.
    """

    how: Literal["reset", "close", "end", "vanish"]
    code: int = 1006
    reason: str = ""
    lasts: int = 0


class Filter(Protocol):
    """Effect of one fault on the parcels that pass it.

    A parcel returned with a later time is held by the link, and parcels that the fault concerns stay in order behind
    it. A filter that needs another order keeps parcels itself, and returns them in its own order.
    """

    def concerns(self, parcel: Parcel) -> bool:
        """Return True if the parcel goes through this filter; others overtake the held parcels."""

    def carry(self, parcel: Parcel, now: int) -> Sequence[Delivery] | LinkCut:
        """Return the parcels that replace a parcel (none, one or more), each with its time of sending, or a cut."""

    def release(self) -> Sequence[Parcel]:
        """Return the parcels that the filter has kept, when it is removed."""

    @property
    def kept(self) -> int:
        """The number of bytes that it keeps."""


class _Stage:
    """Filter with the parcels it has delayed: first in, first out."""

    __slots__ = ("_size", "filter", "held", "number", "rank")

    def __init__(self, number: int, filter_: Filter, rank: int) -> None:
        self.number = number
        self.rank = rank
        self.filter = filter_
        self.held: deque[Delivery] = deque()
        self._size = 0

    @property
    def size(self) -> int:
        """The number of bytes held, by the filter itself or for it."""
        return self._size + self.filter.kept

    def carry(self, parcel: Parcel, now: int) -> list[Parcel] | LinkCut:
        if not self.filter.concerns(parcel):
            return [parcel]
        deliveries = self.filter.carry(parcel, now)
        if isinstance(deliveries, LinkCut):
            return deliveries
        ready: list[Parcel] = []
        for at, one in deliveries:
            if self.held:
                self._hold(max(at, self.held[-1].at), one)
            elif at > now:
                self._hold(at, one)
            else:
                ready.append(one)
        return ready

    def _hold(self, at: int, parcel: Parcel) -> None:
        self.held.append(Delivery(at, parcel))
        self._size += len(parcel.data)

    def expire(self, now: int) -> list[Parcel]:
        ready: list[Parcel] = []
        while self.held and self.held[0].at <= now:
            ready.append(self.held.popleft().parcel)
        self._size -= sum(len(parcel.data) for parcel in ready)
        return ready

    def empty(self) -> list[Parcel]:
        left = [delivery.parcel for delivery in self.held]
        self.held.clear()
        self._size = 0
        return [*left, *self.filter.release()]


class Link:
    """Filters of one direction of one connection, in the order in which they were added."""

    __slots__ = ("_stages",)

    def __init__(self) -> None:
        self._stages: list[_Stage] = []

    def __len__(self) -> int:
        return len(self._stages)

    @property
    def held(self) -> int:
        """The number of bytes that have come in and not gone out."""
        return sum(stage.size for stage in self._stages)

    @property
    def deadline(self) -> int | None:
        """The time when `expire` next has parcels to return, or None."""
        return min((stage.held[0].at for stage in self._stages if stage.held), default=None)

    def add(self, number: int, filter_: Filter, rank: int = 0) -> None:
        """Put a filter at the end of the chain, but before the filters of a higher rank."""
        place = sum(stage.rank <= rank for stage in self._stages)
        self._stages.insert(place, _Stage(number, filter_, rank))

    def remove(self, number: int, now: int) -> list[Parcel] | LinkCut:
        """Remove a filter; its held parcels continue at once through the filters after it."""
        place = next(index for index, stage in enumerate(self._stages) if stage.number == number)
        left = self._stages.pop(place).empty()
        return self._carry_on(left, place, now)

    def carry(self, parcel: Parcel, now: int) -> list[Parcel] | LinkCut:
        """Take a parcel; return the parcels to send at once. It waits behind those that are due but not expired."""
        return self._carry_on([parcel], 0, now)

    def expire(self, now: int) -> list[Parcel] | LinkCut:
        """Return the held parcels that are due by `now`."""
        ready: list[Parcel] = []
        # From the end: parcels from a stage come after those that the later stages have held until now.
        for place in range(len(self._stages) - 1, -1, -1):
            onward = self._carry_on(self._stages[place].expire(now), place + 1, now)
            if isinstance(onward, LinkCut):
                return onward
            ready += onward
        return ready

    def _carry_on(self, parcels: Iterable[Parcel], place: int, now: int) -> list[Parcel] | LinkCut:
        """Return the parcels that leave the chain when `parcels` enter the stage at `place`."""
        going = list(parcels)
        for stage in self._stages[place:]:
            onward: list[Parcel] = []
            for parcel in going:
                ready = stage.carry(parcel, now)
                if isinstance(ready, LinkCut):
                    return ready
                onward += ready
            going = onward
        return going
