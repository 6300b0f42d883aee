"""Session with a client of an exchange: timers, limits and planned closes; a dialect adds its requests and answers."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any, ClassVar

import orjson

from feed.clock import Now
from feed.data.ticks import Instrument
from feed.protocol import codes
from feed.protocol.codes import CloseCode
from feed.protocol.effects import Close, Effect, Join, Leave, Send, Stream
from feed.protocol.events import Closing, ErrorEvent, Event, RawPayload, Status
from feed.protocol.requests import RawMessage, Rejected, Request
from feed.protocol.seat import Seat
from feed.units import SECOND

__all__ = ["ExchangeSession", "said"]

PLANNED = frozenset(code.number for code in (codes.GOING_AWAY, codes.RESTART, codes.MARKET_GONE))
"""Numbers of the closes that an exchange announces."""


def said(document: object) -> Send:
    """Return the effect that sends a document, or text that has been written already."""
    payload = document if isinstance(document, bytes) else orjson.dumps(document)
    return Send(RawPayload(payload=payload))


class ExchangeSession:
    """Session and conversation with one client.

    Args:
        seat: the data that it begins with.

    Attributes:
        rate: the most messages of the client in a time (ns); None for no limit.
        first_within: the time (ns) for the first subscription; 0 for no limit.
    """

    rate: ClassVar[tuple[int, int] | None] = None
    first_within: ClassVar[int] = 0

    def __init__(self, seat: Seat) -> None:
        self.seat = seat
        self.view = seat.view
        self.instruments: dict[str, Instrument] = {each.symbol: each for each in seat.view.instruments}
        self._timers: dict[str, int] = {}
        self._heard: deque[int] = deque()
        # Joined streams by the name that the client knows them by.
        self.joined: dict[Any, tuple[Join, ...]] = {}

    # What a dialect adds.

    def greet(self, now: Now) -> list[Effect]:
        """Return what is sent first."""
        del now
        return []

    def opened(self, now: Now) -> list[Effect]:
        """Return the effects of streams named in the URL."""
        del now
        return []

    def message(self, payload: bytes, now: Now) -> list[Effect]:
        """Handle a message of the client. Never raises, whatever the payload."""
        raise NotImplementedError

    def fire(self, timer: str, now: Now, last_sent: int) -> list[Effect]:
        """Handle a timer that is due."""
        raise NotImplementedError

    def goodbye(self, now: Now) -> Sequence[bytes]:
        """Return what is sent before a planned close."""
        del now
        return ()

    def refusal(self, event: ErrorEvent, now: Now) -> Sequence[bytes]:
        """Return a refusal by the server's own rules or by a fault, in the exchange's words."""
        raise NotImplementedError

    def maintenance(self, now: Now) -> Sequence[bytes]:
        """Return the announcement of maintenance, if the exchange has one."""
        del now
        return ()

    def too_fast(self) -> list[Effect]:
        """Handle a message beyond the rate."""
        return [Close(codes.POLICY, "Too many requests")]

    # Timers.

    def arm(self, timer: str, at: int) -> None:
        """Arm a timer for monotonic time `at`."""
        self._timers[timer] = at

    def limit(self, timer: str, at: int) -> None:
        """Arm a timer of an exchange's limit, unless those are lifted."""
        if not self.seat.is_lenient:
            self.arm(timer, at)

    def disarm(self, timer: str) -> None:
        """Disarm a timer."""
        self._timers.pop(timer, None)

    # Subscriptions.

    def join(self, key: object, *joins: Join) -> list[Effect]:
        """Join streams under a name."""
        self.disarm("first")
        self.joined[key] = joins
        for each in joins:
            self.view.listen(each.stream)
        return list(joins)

    def leave(self, key: object) -> list[Effect]:
        """Leave the streams of a name."""
        return [Leave(each.stream, each.view) for each in self.joined.pop(key)]

    # SessionPort.

    @property
    def deadline(self) -> int | None:
        """Monotonic time at which `expire` must be called, or None."""
        return min(self._timers.values(), default=None)

    @property
    def streams(self) -> tuple[Stream, ...]:
        """The streams that count as signs of life: none, unless a dialect says so."""
        return ()

    def open(self, now: Now) -> list[Effect]:
        """Start the timers of a new connection and greet the client."""
        if self.first_within:
            self.limit("first", now.monotonic + self.first_within)
        return self.greet(now)

    def begin(self, now: Now) -> list[Effect]:
        """Join the streams named in the URL."""
        return self.opened(now)

    def heard(self, now: Now) -> None:
        """Note that bytes came from the peer."""

    def control_frame(self, now: Now) -> list[Effect]:
        """Handle a ping frame, which has been answered."""
        return self._counted(now)

    def pong_frame(self, payload: bytes, now: Now) -> list[Effect]:
        """Handle a pong frame."""
        del payload, now
        return []

    def receive(self, requests: Sequence[Request | Rejected], now: Now) -> list[Effect]:
        """Handle a message of the client."""
        if over := self._counted(now):
            return over
        effects: list[Effect] = []
        for request in requests:
            if isinstance(request, RawMessage):
                effects += self.message(request.payload, now)
        return effects

    def expire(self, now: Now, last_sent: int) -> list[Effect]:
        """Handle the timers that are due."""
        effects: list[Effect] = []
        for timer in [name for name, at in self._timers.items() if at <= now.monotonic]:
            del self._timers[timer]
            effects += [self._unused()] if timer == "first" else self.fire(timer, now, last_sent)
            if effects and isinstance(effects[-1], Close):
                # Nothing follows a close.
                break
        return effects

    def renew(self) -> list[Effect]:
        """Close the connection: clients of an exchange come back by themselves, and find higher numbers."""
        return [Close(codes.RESTART, "the market begins anew")]

    def end(self, stream: Stream) -> list[Effect]:
        """End a subscription without a word: exchanges have none for it."""
        keys = [key for key, joins in self.joined.items() if any(join.stream == stream for join in joins)]
        return [effect for key in keys for effect in self.leave(key)]

    def status_changed(self, status: str, now: Now) -> list[Effect]:
        """Close the connection for maintenance."""
        del now
        return [Close(codes.RESTART, "maintenance")] if status == "maintenance" else []

    # Conversation.

    def read(self, payload: bytes, now: Now) -> Sequence[Request | Rejected]:
        """Return the message as it came."""
        del now
        return (RawMessage(payload=payload),)

    def say(self, event: Event, now: Now) -> Sequence[bytes]:
        """Return what has been written, and the announcement of a planned close; native events say nothing here."""
        if isinstance(event, RawPayload):
            return (event.payload,)
        if isinstance(event, Closing) and event.code in PLANNED:
            return self.goodbye(now)
        if isinstance(event, ErrorEvent):
            return self.refusal(event, now)
        if isinstance(event, Status) and event.status == "maintenance":
            return self.maintenance(now)
        return ()

    def stamp(self, payload: bytes) -> bytes:
        """Return the payload unchanged."""
        return payload

    def _unused(self) -> Effect:
        return Close(codes.POLICY, f"no subscription within {self.first_within // SECOND} s")

    def _counted(self, now: Now) -> list[Effect]:
        """Count a frame of the client against its rate."""
        if self.rate is None or self.seat.is_lenient:
            return []
        most, window = self.rate
        times = self._heard
        while times and times[0] <= now.monotonic - window:
            times.popleft()
        times.append(now.monotonic)
        return self.too_fast() if len(times) > most else []


def standard_number(code: CloseCode) -> int:
    """Return the number that an exchange closes with: none of this server's own."""
    if code is codes.MARKET_GONE:
        return codes.RESTART.number
    return code.number if code.number < 4000 else codes.POLICY.number
