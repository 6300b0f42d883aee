"""What stands between a reader and its wire while faults are armed: a chain of small filters, one way.

There is no link where there is no fault. Times are monotonic, in ns: a `now` goes in, a `deadline` comes out.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

from feed.protocol.effects import Stream

__all__ = ["Delivery", "Filter", "Link", "LinkCut", "Parcel"]


class Parcel(NamedTuple):
    """One frame on its way, or one message of a client.

    `kind` is `data` for a message of a stream, `event` for all else that a market says, and `request` for what a
    client says, whose `event` is `name`. `seq` is that of the stream; a client's messages are counted from 1.
    """

    data: bytes
    kind: Literal["data", "event", "request"]
    stream: Stream | None
    seq: int
    name: str


class Delivery(NamedTuple):
    """A parcel, and when it may go."""

    at: int
    parcel: Parcel


@dataclass(frozen=True, slots=True)
class LinkCut:
    """The connection ends here: with a TCP reset, or with a close frame of this code and reason."""

    how: Literal["reset", "close"]
    code: int = 1006
    reason: str = ""


class Filter(Protocol):
    """What one fault does to what comes its way.

    A parcel that is given back for later is held by the link, and what the fault concerns stays in order behind it. Who
    wants another order keeps parcels to itself, and gives them back as it likes.
    """

    def concerns(self, parcel: Parcel) -> bool:
        """Whether the parcel comes this way at all; others pass beside what is held."""

    def carry(self, parcel: Parcel, now: int) -> Sequence[Delivery] | LinkCut:
        """What becomes of a parcel: none, one or more, each with the time when it may go."""

    def release(self) -> Sequence[Parcel]:
        """What the filter has kept to itself, when it is taken away."""

    @property
    def kept(self) -> int:
        """Bytes that it keeps to itself."""


class _Stage:
    """One filter, and what it has delayed: first in, first out."""

    __slots__ = ("_size", "filter", "held", "number")

    def __init__(self, number: int, filter_: Filter) -> None:
        self.number = number
        self.filter = filter_
        self.held: deque[Delivery] = deque()
        self._size = 0

    @property
    def size(self) -> int:
        """Bytes that are held, by the filter itself or for it."""
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
    """The filters of one direction of one connection, in the order in which they were added."""

    __slots__ = ("_stages",)

    def __init__(self) -> None:
        self._stages: list[_Stage] = []

    def __len__(self) -> int:
        return len(self._stages)

    @property
    def held(self) -> int:
        """Bytes that have come in and not gone out."""
        return sum(stage.size for stage in self._stages)

    @property
    def deadline(self) -> int | None:
        """When `expire` has something to give, or None."""
        return min((stage.held[0].at for stage in self._stages if stage.held), default=None)

    def add(self, number: int, filter_: Filter) -> None:
        """Put a filter at the end of the chain."""
        self._stages.append(_Stage(number, filter_))

    def remove(self, number: int, now: int) -> list[Parcel] | LinkCut:
        """Take a filter away; what it holds goes on at once, through those behind it."""
        place = next(index for index, stage in enumerate(self._stages) if stage.number == number)
        left = self._stages.pop(place).empty()
        return self._carry_on(left, place, now)

    def carry(self, parcel: Parcel, now: int) -> list[Parcel] | LinkCut:
        """Take a parcel; returns what may go at once. It waits behind what is due by now and not expired yet."""
        return self._carry_on([parcel], 0, now)

    def expire(self, now: int) -> list[Parcel] | LinkCut:
        """What was held until now."""
        ready: list[Parcel] = []
        # From the end: what comes out of a stage stands behind what the later ones have held until now.
        for place in range(len(self._stages) - 1, -1, -1):
            onward = self._carry_on(self._stages[place].expire(now), place + 1, now)
            if isinstance(onward, LinkCut):
                return onward
            ready += onward
        return ready

    def _carry_on(self, parcels: Iterable[Parcel], place: int, now: int) -> list[Parcel] | LinkCut:
        """What comes out at the end of what enters the stage at `place`."""
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
