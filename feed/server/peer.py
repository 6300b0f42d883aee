"""Peer of one client: carries out the effects of its session, and keeps its timers."""

from __future__ import annotations

from collections.abc import Callable

from feed.clock import Clock, Now
from feed.dialects.base import Form, shape_of
from feed.faults.link import LinkCut
from feed.faults.plan import FaultTarget
from feed.log import get_logger
from feed.market.hosted import HostedMarket
from feed.protocol import codes
from feed.protocol.codes import CloseCode, clipped_reason
from feed.protocol.effects import Abort, Act, Close, Consult, Effect, Join, Leave, ProbePeer, Reform, Send
from feed.protocol.events import ErrorEvent, Event, MarketChanged
from feed.protocol.seat import Seat
from feed.server.alarms import Alarms
from feed.server.connection import FeedConnection, is_utf8
from feed.server.counters import ServerCounters
from feed.server.farewell import CLOSE_GRACE, SLOW_GRACE, Farewell, closing_event
from feed.server.faultdesk import FaultDesk
from feed.server.faulting import WIRE
from feed.server.limits import PeerLimits
from feed.server.lines import say_error, say_streams
from feed.server.outlet import Outlet
from feed.server.peer_commands import PeerCommands
from feed.server.pings import barrier_number, barrier_ping, progress_number
from feed.server.report.witness import Witness
from feed.server.streams import PeerStreams
from feed.server.talk import Talk
from feed.server.watching import watch_statuses
from feed.units import MILLISECOND

__all__ = ["Peer"]

log = get_logger("feed")


class Peer:
    """I/O shell around the session of one client.

    Args:
        name: the connection's name in logs and in its status frame.
        connection: the wire.
        hosted: the market it is connected to.
        alarms: wakes it when its session waits for a time.
        form: the wire form that the client chose.
        seat: the data that its session begins with.
        witness: takes notes on what the client does, for the report.
        on_gone: called once, when the TCP connection is gone.

    Attributes:
        faults: the faults between the client and the market.
    """

    __slots__ = (
        "_alarms", "_clock", "_commands", "_connection", "_counters", "_epoch", "_farewell", "_last_sent", "_limits",
        "_market", "_on_gone", "_outlet", "_session", "_streams", "_talk", "_witness", "alarm", "faults", "hosted",
        "name",
    )  # fmt: skip

    def __init__(
        self,
        name: str,
        connection: FeedConnection,
        hosted: HostedMarket,
        *,
        alarms: Alarms,
        limits: PeerLimits,
        clock: Clock,
        counters: ServerCounters,
        form: Form,
        seat: Seat,
        witness: Witness,
        on_gone: Callable[[Peer], None],
    ) -> None:
        self.name = name
        self._witness = witness
        self._connection = connection
        self.hosted = hosted
        self._market = market = hosted.market
        self._epoch = market.epoch
        self._commands = PeerCommands(hosted, name, form, self.send)
        self._limits = limits
        self._clock = clock
        self._counters = counters
        self._session, conversation = form.dialect.open(seat)
        self._talk = Talk(name, form, conversation, alarms, clock)
        self._on_gone = on_gone
        self._outlet = Outlet(connection, market.hub, form, conversation, clock, limits.outbox, self._too_slow)
        subscriber = self._outlet.subscriber
        self._streams = PeerStreams(
            market,
            subscriber,
            form,
            clock,
            keep_fresh=connection.keep_fresh,
            on_too_slow=self._too_slow,
            on_failed=self.failed,
        )
        target = FaultTarget(name, connection.ordinal, shape_of(form.dialect), WIRE)
        self.faults = FaultDesk(
            self, target, connection.wishes.client, market, subscriber, clock, self._talk, self._session
        )
        self._last_sent = 0
        self._alarms = alarms
        self.alarm = 0
        self._farewell = Farewell(name, connection)

    def open(self) -> None:
        """Greet the client and begin to take its messages."""
        self._market.attend(self, self.hear)
        self.hosted.barrier.enter(self)
        self._market.faults.seat(self.faults)
        self.carry_out(self._session.open(self._clock.read()))
        self._connection.attach(self)
        # Data may fill the socket, which the connection then tells.
        self.carry_out(self._session.begin(self._clock.read()))
        if self._talk.is_foreign:
            watch_statuses(self._market, self._hear_status)

    def hear(self, event: Event) -> None:
        """Pass on an event of the market; a new epoch restarts every subscription."""
        self.send(event)
        if isinstance(event, MarketChanged) and event.epoch != self._epoch:
            self._epoch = event.epoch
            self.faults.renew()
            for stream in self._session.streams:
                self._streams.leave(Leave(stream))
            self.carry_out(self._session.renew())

    def _hear_status(self, status: str) -> bool:
        if not self._farewell.is_over:
            self.carry_out(self._session.status_changed(status, self._clock.read()))
        return not self._farewell.is_over

    def send(self, event: Event) -> None:
        """Send an event now."""
        if self._farewell.is_over:
            return
        if isinstance(event, ErrorEvent):
            self._counters.errors[event.code] += 1
            say_error(self.name, event)
        if data := self._talk.frames_of(event):
            # An event follows the trades that were published before it.
            self._outlet.release()
            self._last_sent = self._clock.now()
            self._witness.tell(event)
            self._outlet.subscriber.say(data, type(event).__name__)

    def close(self, code: CloseCode, reason: str, *, after: int = 0) -> None:
        """Announce a close and carry it out `after` nanoseconds later."""
        if self._farewell.is_over:
            return
        text = clipped_reason(reason)
        self.send(closing_event(code, text, after // MILLISECOND))
        if after:
            self._farewell.plan(after, self._close_now, code, text)
        else:
            self._close_now(code, text)

    def drop(self, reason: str) -> None:
        """End the TCP connection without a close frame."""
        self._farewell.drop(reason)

    def ask(self, number: int) -> None:
        """Send the client a ping frame behind everything sent so far; its answer goes to the market's barrier."""
        self._outlet.release()
        self._witness.ping()
        self._outlet.subscriber.say(barrier_ping(number))

    # PeerPort: callbacks of the connection.

    def message(self, payload: bytes) -> None:
        """Handle a whole text message."""
        if self.faults.active is None:
            self.take_message(payload)
        else:
            self.faults.active.receive(payload)

    def control(self, frame: bytes) -> bool:
        """Return True if a control frame may be sent as it is; faults may want it for themselves."""
        return self._farewell.is_over or self.faults.control(frame)

    def take_message(self, payload: bytes) -> None:
        """Handle a text message that has come through all faults."""
        self._counters.messages_in += 1
        if not is_utf8(payload):
            self.close(codes.NOT_UTF8, codes.NOT_UTF8.meaning)
            return
        now = self._clock.read()
        self._session.heard(now)
        requests = self._talk.read(payload, now)
        self._witness.hear(requests)
        effects = self._session.receive(requests, now)
        self.carry_out(effects)
        say_streams(self.name, effects)

    def binary(self) -> None:
        """Close the connection, since binary messages are not supported."""
        self.close(codes.UNSUPPORTED, codes.UNSUPPORTED.meaning)

    def fragmented(self, fragments: int) -> None:
        """Close the connection if an unfinished message has too many fragments."""
        if fragments > self._limits.max_fragments:
            self.close(codes.TOO_BIG, f"a message in more than {self._limits.max_fragments} fragments")

    def ping(self) -> None:
        """Handle a ping frame that has been answered."""
        now = self._clock.read()
        self._session.heard(now)
        self.carry_out(self._session.control_frame(now))

    def pong(self, payload: bytes) -> None:
        """Handle a pong frame: the answer to a progress ping sent with data, or just a sign of life."""
        self.carry_out(self._session.pong_frame(payload, self._clock.read()))
        self._witness.pong()
        if (number := barrier_number(payload)) is not None:
            self.hosted.barrier.hear(self, number)
        elif (number := progress_number(payload)) is not None:
            self._outlet.hear(number)
            self._streams.sample()

    def paused(self) -> None:
        """Send through the outbox and watch it, since unsent bytes wait."""
        self._witness.blocked += 1
        self._outlet.pause()

    def resumed(self) -> None:
        """Stop watching the outbox and send waiting messages, since no unsent bytes wait any more."""
        self._outlet.resume()
        self.go_on()

    def go_on(self) -> None:
        """Send the client its waiting messages."""
        if self._outlet.go_on():
            self._streams.resume()

    def closing(self) -> None:
        """Give the client a moment to answer the close frame that has been sent."""
        if not self._farewell.is_over:
            self._end(CLOSE_GRACE)

    def failed(self) -> None:
        """Close this connection, and no other, after an error in carrying out its requests."""
        log.exception("! internal error", connection=self.name)
        self.close(codes.INTERNAL, codes.INTERNAL.meaning)

    def lost(self) -> None:
        """Handle the loss of the TCP connection."""
        self._farewell.finish()
        self._witness.end(self._connection.goodbye, self._outlet.subscriber.skipped)
        self._stop()
        self._market.depart(self)
        self._market.faults.leave(self.faults)
        self._on_gone(self)

    # Effects of the session.

    def carry_out(self, effects: list[Effect]) -> None:
        """Carry out effects of the session, in order."""
        for effect in effects:
            if self._farewell.is_over:
                return
            self._carry_out(effect)
        self._arm()

    def _carry_out(self, effect: Effect) -> None:
        match effect:
            case Send(event):
                self.send(event)
            case Join():
                self._streams.join(effect)
            case Leave():
                self._streams.leave(effect)
            case Reform(options):
                self._streams.reform(options)
            case Act():
                self._commands.give(effect)
            case Consult(request):
                self._commands.consult(request)
            case ProbePeer(payload):
                self._witness.ping()
                self._connection.probe(payload)
            case Close(code, reason):
                self.close(code, reason)
            case Abort(reason):
                self.drop(reason)

    # Time.

    def _arm(self) -> None:
        """Set one alarm for all deadlines of the session; a postponed heartbeat is noticed when it fires."""
        deadline = self._session.deadline
        if deadline is not None and not self._farewell.is_over:
            self._alarms.set(self, deadline)

    def wake(self, now: Now) -> None:
        """Handle the alarm: a deadline of the session may be due."""
        if not self._farewell.is_over:
            self.carry_out(self._session.expire(now, self._latest()))

    def _latest(self) -> int:
        """Return the time anything was last sent. For data it is kept per stream, not per subscriber."""
        if (faults := self.faults.active) is not None and faults.is_armed:
            return max(self._last_sent, faults.sent_at)
        return max([self._last_sent, *map(self._streams.sent_at, self._session.streams)])

    # The end.

    def _too_slow(self, reason: str) -> None:
        if self._farewell.is_over:
            return
        self._counters.slow += 1
        text = clipped_reason(f"{codes.TOO_SLOW.meaning} ({reason})")
        code = codes.TOO_SLOW
        if not self.faults.is_mid_frame:
            # Past the outbox, whose bound is what it has just run into.
            self._connection.write(self._talk.frames_of(closing_event(code, text, 0)))
        self._end(SLOW_GRACE)
        self._farewell.say(self._talk.close_number(code), text)

    def cut(self, cut: LinkCut) -> None:
        """End the connection as a fault wants it."""
        self._witness.cut = cut.how
        self._end(cut.lasts or CLOSE_GRACE)
        self._farewell.cut(cut)

    def _close_now(self, code: CloseCode, reason: str) -> None:
        self.faults.close()
        self._outlet.release()
        self._farewell.say(self._talk.close_number(code), reason)

    def _stop(self) -> None:
        """Let nothing more go to the client, and wait for nothing more from it."""
        self.hosted.barrier.leave(self)
        self._outlet.close()
        self._streams.stop()
        self.faults.stop()
        self._alarms.forget(self)

    def _end(self, grace: int) -> None:
        """Leave the fan-out, since nothing may follow a close frame, and drop the connection after `grace` ns."""
        self._farewell.begin(grace)
        self._stop()
