"""One client: carries out what its session wants, and keeps its timers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from feed.clock import Clock, Now
from feed.delivery.outbox import Outbox, OutboxLimits
from feed.delivery.pulse import FIRST
from feed.delivery.subscriber import Subscriber
from feed.dialects.base import Form
from feed.market.market import Market
from feed.protocol import codes
from feed.protocol.codes import CloseCode, clipped_reason
from feed.protocol.effects import Abort, Close, Effect, Join, Leave, ProbePeer, Send, Stream
from feed.protocol.events import Closing, ErrorEvent, Event
from feed.protocol.session import Session
from feed.protocol.view import SessionLimits
from feed.server.alarms import Alarms
from feed.server.backfill import Backfill
from feed.server.connection import FeedConnection
from feed.server.counters import ServerCounters
from feed.server.sampler import Sampler
from feed.server.talk import Talk
from feed.units import MILLISECOND, SECOND

__all__ = ["Peer", "PeerLimits"]

CLOSE_GRACE = 5 * SECOND
"""So long a client may take to answer a close frame before its TCP connection is dropped."""

SLOW_GRACE = 1 * SECOND
"""The same for a client that was too slow: its buffer is full, so it will hardly see the close frame."""

MAX_QUESTION = 18
"""Digits of the number of a question."""

log = structlog.get_logger("feed")


@dataclass(frozen=True, slots=True)
class PeerLimits:
    """What one client may do and hold."""

    session: SessionLimits
    outbox: OutboxLimits
    max_fragments: int


class Peer:
    """The shell around a session.

    Args:
        name: the connection's name in logs and in its status frame.
        connection: the wire.
        market: the market that it listens to.
        alarms: wakes it when its session waits for a time.
        on_gone: called once, when the TCP connection is gone.
    """

    __slots__ = (
        "_alarms",
        "_backfills",
        "_clock",
        "_closed",
        "_connection",
        "_counters",
        "_farewell",
        "_form",
        "_last_sent",
        "_limits",
        "_loop",
        "_market",
        "_on_gone",
        "_outbox",
        "_samplers",
        "_session",
        "_subscriber",
        "_talk",
        "_watchdog",
        "alarm",
        "name",
    )

    def __init__(
        self,
        name: str,
        connection: FeedConnection,
        market: Market,
        *,
        alarms: Alarms,
        limits: PeerLimits,
        clock: Clock,
        counters: ServerCounters,
        form: Form,
        strict: bool,
        token: str | None,
        on_gone: Callable[[Peer], None],
    ) -> None:
        self.name = name
        self._connection = connection
        self._market = market
        self._limits = limits
        self._clock = clock
        self._counters = counters
        self._form = form
        self._talk = Talk(form, market, alarms, clock)
        self._on_gone = on_gone
        self._loop = asyncio.get_running_loop()
        self._outbox = Outbox(connection, limits.outbox, self._too_slow)
        self._subscriber = Subscriber(self._outbox, connection.descriptor, market.hub.fanout, connection.round_trip)
        now, beat = clock.read(), form.dialect.heartbeat
        self._session = Session(name, market, limits.session, now=now, token=token, strict=strict, heartbeat=beat)
        self._backfills: dict[Stream, Backfill] = {}
        self._samplers: dict[Stream, Sampler] = {}
        self._last_sent = 0
        self._alarms = alarms
        self.alarm = 0
        self._watchdog: asyncio.TimerHandle | None = None
        self._farewell: asyncio.TimerHandle | None = None
        self._closed = False

    def open(self) -> None:
        """Greet the client and begin to listen."""
        log.debug("= open", connection=self.name)
        self._market.attend(self, self.send)
        self._do(self._session.open(self._clock.read()))
        self._connection.attach(self)

    def send(self, event: Event) -> None:
        """Send an event now."""
        if self._closed:
            return
        if isinstance(event, ErrorEvent):
            self._counters.errors[event.code] += 1
        if data := self._talk.frames_of(event):
            self._last_sent = self._clock.now()
            self._outbox.write(data)

    def close(self, code: CloseCode, reason: str, *, after: int = 0) -> None:
        """Announce a close and carry it out `after` nanoseconds later."""
        if self._closed:
            return
        text = clipped_reason(reason)
        in_ms = after // MILLISECOND
        self.send(Closing(code=code.number, reason=text, in_ms=in_ms, reconnect=code.reconnect))
        if after:
            self._farewell = self._loop.call_later(after / SECOND, self._close_now, code, text)
        else:
            self._close_now(code, text)

    def drop(self, reason: str) -> None:
        """End the TCP connection without a word."""
        log.debug("x drop", connection=self.name, reason=reason)
        self._connection.drop()

    # PeerPort: what the connection tells.

    def message(self, payload: bytes) -> None:
        """A whole text message came."""
        self._counters.messages_in += 1
        if not _is_utf8(payload):
            self.close(codes.NOT_UTF8, codes.NOT_UTF8.meaning)
            return
        log.debug("< message", connection=self.name, bytes=len(payload))
        now = self._clock.read()
        self._session.heard(now)
        self._do(self._session.receive(self._talk.read(payload, now), now))

    def binary(self) -> None:
        """A binary message came: there is no such thing here."""
        self.close(codes.UNSUPPORTED, codes.UNSUPPORTED.meaning)

    def fragmented(self, fragments: int) -> None:
        """A message in progress has so many fragments by now."""
        if fragments > self._limits.max_fragments:
            self.close(codes.TOO_BIG, f"a message in more than {self._limits.max_fragments} fragments")

    def ping(self) -> None:
        """A ping frame came, and has been answered."""
        now = self._clock.read()
        self._session.heard(now)
        self._do(self._session.control_frame(now))

    def pong(self, payload: bytes) -> None:
        """A pong frame came: the reader has got as far as a question that came with its data, or is just alive."""
        self._session.heard(self._clock.read())
        if len(payload) <= MAX_QUESTION and payload.isdigit():
            self._subscriber.answered(int(payload))
            self._sample()

    def paused(self) -> None:
        """Something waits to be sent."""
        self._subscriber.queue()
        if self._watchdog is None:
            self._watch()

    def resumed(self) -> None:
        """Nothing waits any more."""
        self._cancel_watchdog()
        self._subscriber.drained()
        self._sample()
        for backfill in list(self._backfills.values()):
            self._page(backfill)

    def closing(self) -> None:
        """A close frame has been sent; give the client a moment to answer."""
        if not self._closed:
            self._end(CLOSE_GRACE)

    def lost(self) -> None:
        """The TCP connection is gone."""
        log.debug("x gone", connection=self.name)
        self._closed = True
        self._outbox.closed = True
        self._subscriber.leave_all()
        self._stop_streams()
        self._market.depart(self)
        self._cancel_watchdog()
        self._alarms.forget(self)
        if self._farewell is not None:
            self._farewell.cancel()
        self._on_gone(self)

    # What the session wants.

    def _do(self, effects: list[Effect]) -> None:
        for effect in effects:
            if self._closed:
                return
            self._carry_out(effect)
        self._arm()

    def _carry_out(self, effect: Effect) -> None:
        match effect:
            case Send(event):
                self.send(event)
            case Join():
                self._join(effect)
            case Leave(stream):
                self._leave(stream)
            case ProbePeer():
                self._connection.probe()
            case Close(code, reason):
                self.close(code, reason)
            case Abort(reason):
                self.drop(reason)

    def _join(self, join: Join) -> None:
        stream, market = join.stream, self._market
        # A repeated subscription with a history gets that again, and then the one stream goes on.
        self._leave(stream)
        if join.max_rate is not None:
            sampler = Sampler(market, stream, self._form, self._subscriber, join.max_rate, self._clock)
            self._samplers[stream] = sampler
        seq = market.seq(stream)
        state = None
        if join.after_seq is not None:
            after, snapshot_until = join.after_seq, 0
        else:
            after, snapshot_until = market.snapshot_begins(stream, join.snapshot), seq
            state = market.state_of(stream, join.snapshot, self._form) if join.snapshot else None
        if self._is_thinned(stream):
            # In front of the first data: so the answer does not have to wait for the reader of that.
            self._subscriber.ask()
        if state is not None:
            self._outbox.write(state)
            after = market.seq(stream)
        self._page(Backfill(market, stream, self._form, after, snapshot_until))

    def _leave(self, stream: Stream) -> None:
        self._backfills.pop(stream, None)
        self._market.leave(self._subscriber, stream, self._form)
        if (sampler := self._samplers.pop(stream, None)) is not None:
            sampler.stop()

    def _page(self, backfill: Backfill) -> None:
        stream = backfill.stream
        if backfill.done:
            self._backfills.pop(stream, None)
            self._go_live(stream)
            return
        first = stream not in self._backfills
        self._backfills[stream] = backfill
        if not backfill.send_page(self._outbox):
            self._too_slow("what it has yet to get is no longer kept")
        elif backfill.done or (first and not self._outbox.waiting):
            self._page(backfill)
        elif not self._outbox.waiting:
            self._loop.call_soon(self._next_page, backfill)

    def _go_live(self, stream: Stream) -> None:
        if self._is_thinned(stream):
            self._connection.keep_fresh()
            if self._subscriber.is_new:
                self._loop.call_later(FIRST / SECOND, self._wait_no_longer)
        sampler = self._samplers.get(stream)
        if sampler is None:
            self._market.join(self._subscriber, stream, self._form)
        else:
            self._market.count_in(self._subscriber, stream)
            sampler.start()

    def _next_page(self, backfill: Backfill) -> None:
        if not self._closed and self._backfills.get(backfill.stream) is backfill:
            self._page(backfill)

    # Time.

    def _arm(self) -> None:
        """One alarm for all that the session waits for; a heartbeat that moved on is found when it rings."""
        deadline = self._session.deadline
        if deadline is not None and not self._closed:
            self._alarms.set(self, deadline)

    def wake(self, now: Now) -> None:
        """What the session waited for may be due."""
        if not self._closed:
            self._do(self._session.expire(now, self._latest()))

    def _latest(self) -> int:
        """When anything was last sent. Data is noted once a stream and not once a subscriber."""
        if not self._session.streams:
            return self._last_sent
        return max([self._last_sent, *map(self._data_sent, self._session.streams)])

    def _data_sent(self, stream: Stream) -> int:
        sampler = self._samplers.get(stream)
        return self._market.hub.written_at(stream, self._form) if sampler is None else sampler.last_sent

    def _watch(self) -> None:
        again = self._outbox.check(self._clock.now())
        self._watchdog = None if again is None else self._loop.call_at(again / SECOND, self._watch)

    def _cancel_watchdog(self) -> None:
        if self._watchdog is not None:
            self._watchdog.cancel()
            self._watchdog = None

    def _is_thinned(self, stream: Stream) -> bool:
        """Whether it gets only the newest of a stream when it does not keep up."""
        return stream in self._samplers or not self._market.is_lossless(stream)

    def _wait_no_longer(self) -> None:
        self._subscriber.wait_no_longer()
        self._sample()

    def _sample(self) -> None:
        for sampler in list(self._samplers.values()):
            sampler.drained()

    # The end.

    def _stop_streams(self) -> None:
        self._backfills.clear()
        for sampler in self._samplers.values():
            sampler.stop()
        self._samplers.clear()

    def _too_slow(self, reason: str) -> None:
        if self._closed:
            return
        self._counters.slow += 1
        log.info("! too slow", connection=self.name, reason=reason)
        text = clipped_reason(f"{codes.TOO_SLOW.meaning} ({reason})")
        code = codes.TOO_SLOW
        closing = Closing(code=code.number, reason=text, in_ms=0, reconnect=code.reconnect)
        # Past the outbox, whose bound is what it has just run into.
        self._connection.write(self._talk.frames_of(closing))
        self._end(SLOW_GRACE)
        self._connection.say_close(self._talk.close_number(code), text)

    def _close_now(self, code: CloseCode, reason: str) -> None:
        number = self._talk.close_number(code)
        log.debug("> close", connection=self.name, code=number, reason=reason)
        self._connection.say_close(number, reason)

    def _end(self, grace: int) -> None:
        """Leave the fan-out, since nothing may follow a close frame, and bound how long the rest takes."""
        self._closed = True
        self._outbox.closed = True
        self._stop_streams()
        self._subscriber.leave_all()
        self._cancel_watchdog()
        self._alarms.forget(self)
        if self._farewell is not None:
            self._farewell.cancel()
        self._farewell = self._loop.call_later(grace / SECOND, self._connection.drop)


def _is_utf8(payload: bytes) -> bool:
    try:
        payload.decode()
    except UnicodeDecodeError:
        return False
    return True
