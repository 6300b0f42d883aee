"""Faults of one client: a link in each direction, one timer for both, and the handling of released or cut messages."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterable
from typing import Any

import orjson

from feed.clock import Clock
from feed.delivery.subscriber import Subscriber
from feed.faults.fault import Fault
from feed.faults.link import Link, LinkCut, Parcel
from feed.faults.plan import ArmedFault, FaultTarget
from feed.market.market import Market
from feed.protocol.effects import Stream
from feed.units import SECOND

__all__ = ["PeerFaults"]


class _Calendar:
    """Market time as clients see it."""

    def __init__(self, market: Market) -> None:
        self._market = market

    @property
    def start(self) -> int:
        return self._market.source.start + self._market.shift

    @property
    def now(self) -> int:
        return self._market.published + self._market.shift

    def time_of(self, stream: Stream, seq: int) -> int | None:
        time = self._market.time_of(stream, seq)
        return None if time is None else time + self._market.shift


class PeerFaults:
    """Fault filters between a client and its wire, from its first fault on; bypassed while none is armed.

    Args:
        target: the connection.
        market: its market.
        subscriber: the client's subscriber, which takes this detour from the first fault on.
        clock: real time.
        read: function that takes the client's messages.
        cut: function that ends the connection.
        resume: called when nothing is held any more.

    Attributes:
        sent_at: the time anything was last sent, in monotonic ns.
    """

    __slots__ = (
        "_armed",
        "_calendar",
        "_clock",
        "_closed",
        "_cut",
        "_holds",
        "_in",
        "_loop",
        "_market",
        "_messages",
        "_numbers",
        "_out",
        "_read",
        "_resume",
        "_subscriber",
        "_target",
        "_timer",
        "sent_at",
    )

    def __init__(
        self,
        target: FaultTarget,
        market: Market,
        subscriber: Subscriber,
        clock: Clock,
        *,
        read: Callable[[bytes], None],
        cut: Callable[[LinkCut], None],
        resume: Callable[[], None],
    ) -> None:
        self._target = target
        self._market = market
        self._subscriber = subscriber
        self._clock = clock
        self._read = read
        self._cut = cut
        self._resume = resume
        self._calendar = _Calendar(market)
        self._loop = asyncio.get_running_loop()
        self._numbers = itertools.count(1)
        self._armed: dict[int, tuple[Link, ArmedFault]] = {}
        self._out, self._in = Link(), Link()
        self._messages = 0
        self._timer: asyncio.TimerHandle | None = None
        self._holds = False
        self._closed = False
        self.sent_at = 0

    @property
    def is_armed(self) -> bool:
        """True if any fault is armed."""
        return bool(self._armed)

    def arm(self, fault: Fault) -> int:
        """Arm a fault, and return its number on this connection."""
        number = next(self._numbers)
        log = self._market.faults
        armed = ArmedFault(fault, number, self._target, calendar=self._calendar, seed=self._market.state.seed, log=log)
        link = self._in if fault.direction == "in" else self._out
        self._armed[number] = link, armed
        link.add(number, armed)
        log.arm(number, self._target.name, fault)
        if self._subscriber.detour is None:
            self._market.hub.divert(self._subscriber, self)
        return number

    def clear(self, number: int) -> None:
        """End a fault; its held messages are passed on. Raises KeyError if there is none with this number."""
        link, _ = self._armed.pop(number)
        self._market.faults.clear(number, self._target.name)
        now = self._clock.now()
        self._go_on(link, link.remove(number, now))
        self._settle(now)
        if not self._armed and not self._closed:
            self._market.hub.undivert(self._subscriber)

    def clear_all(self) -> None:
        """End every fault: held messages go out before anything else."""
        for number in list(self._armed):
            self.clear(number)

    def stop(self) -> None:
        """Let nothing more through: the connection is closing or gone."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()

    # Detour of the subscriber.

    def take(self, parcels: Iterable[Parcel]) -> None:
        """Take outgoing frames of the market."""
        now = self._clock.now()
        ready: list[Parcel] = []
        for parcel in parcels:
            carried = self._out.carry(parcel, now)
            if isinstance(carried, LinkCut):
                self._go_on(self._out, ready)
                self._go_on(self._out, carried)
                return
            ready += carried
        self._go_on(self._out, ready)
        self._settle(now)

    def receive(self, payload: bytes) -> None:
        """Take a message of the client."""
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
            if carried:
                self.sent_at = self._clock.now()
                self._subscriber.outbox.write(b"".join([parcel.data for parcel in carried]))
        else:
            for parcel in carried:
                if not self._closed:
                    self._read(parcel.data)

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


def _event_of(payload: bytes) -> str:
    """Return the `event` of a client's message; empty if it cannot be read."""
    try:
        document: Any = orjson.loads(payload)
    except orjson.JSONDecodeError:
        return ""
    name = document.get("event") if isinstance(document, dict) else None
    return name if isinstance(name, str) else ""
