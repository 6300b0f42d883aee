"""Market: sources played on one set of streams. The shared market and every private one are this class."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import replace
from typing import Protocol

from feed.clock import Clock
from feed.delivery.hub import Hub, Run
from feed.delivery.subscriber import Subscriber
from feed.dialects.base import Form
from feed.faults.board import FaultBoard
from feed.market.account import MarketAccount, MarketIdentity
from feed.market.calendar import ClientCalendar
from feed.market.catalog import Catalog
from feed.market.chores import Chore
from feed.market.epoch import Epoch
from feed.market.history import ResumeWindow
from feed.market.lateness import Lateness
from feed.market.plan import Repertoire
from feed.market.readership import Readership
from feed.market.segment import Segment
from feed.market.shared import SharedSource
from feed.market.state import MarketState
from feed.protocol.effects import Stream
from feed.protocol.events import Event, MarketChanged, MarketPhase
from feed.units import MILLISECOND

__all__ = ["SLICE_MESSAGES", "Market", "MarketIdentity", "Tap"]

BASE_WEIGHT = 64 * 1024
"""The bytes that a market holds from the beginning."""

SLICE_MESSAGES = 512
"""The most messages published at a time; a player gives the event loop a turn in between."""


class Tap(Protocol):
    """Receiver of all published messages, such as a recorder."""

    @property
    def is_busy(self) -> bool:
        """Return whether a market at full speed should wait for the tap."""

    def take(self, segment: Segment, runs: list[Run], now: int) -> None:
        """Take messages that are published at monotonic time `now`, in this order."""


class Market(MarketAccount):
    """State and history of one simulation; a player (`feed.market.player`) advances its market time.

    Args:
        identity: the names of the market.
        shared: the source of the events, and what it shares with other markets.
        state: the market's initial state.
        shift: nanoseconds added to every time that a client sees (the anchor).
        window: the limits of a resume.
        limits: the server's limits, for the status frame.
        clock: real time.
        repertoire: what its epochs may play; without it, only what it begins with.
    """

    def __init__(
        self,
        identity: MarketIdentity,
        shared: SharedSource,
        state: MarketState,
        *,
        window: ResumeWindow,
        clock: Clock,
        shift: int = 0,
        limits: dict[str, int | float] | None = None,
        repertoire: Repertoire | None = None,
    ) -> None:
        self.identity = identity
        self.state = state
        self._clock = clock
        self._shift = shift
        self._limits = limits or {}
        self._window = window
        self.repertoire = repertoire
        self.catalog = Catalog(shared, shift)
        self.streams = self.catalog.native
        self.hub = Hub(self.catalog.streams, clock, self, self.catalog.conflated)
        self._readership = Readership(self.hub.numbered)
        self._counting: Future[None] | None = None
        self.lateness = Lateness()
        # Subscriptions that wait for their first state; at full speed the market waits for them.
        self.put_off = 0
        # Whether what is due is published a batch at a time only.
        self.dozes = False
        # The reason why it can't go on, once its source has failed.
        self.failure: str | None = None
        self.run = Epoch(
            self.catalog, state.begins, window, self.hub.numbered, number=state.number, on_open=self._count_ahead
        )
        self._audience: dict[object, Callable[[Event], None]] = {}
        self._phase: MarketPhase = "paused"
        self.on_phase: Callable[[MarketPhase], None] | None = None
        self.on_join: Callable[[Subscriber], None] | None = None
        self.tap: Tap | None = None
        self.faults = FaultBoard(ClientCalendar(self))
        self.faults.follow({each.number: each.fault for each in state.faults}, "scenario")
        self._measure()

    # Interface for sessions.

    def listen(self, stream: Stream) -> None:
        """Publish a stream that is about to be joined, so that the reported `seq` is the one of its snapshot."""
        self._activate(stream)

    def has_snapshot(self, channel: str) -> bool:
        """Return whether a subscription to this channel begins with a snapshot even if the client asks for none."""
        return self.catalog.has_snapshot(channel)

    def is_lossless(self, stream: Stream) -> bool:
        """Return whether every message of the stream is sent, even to slow subscribers."""
        return self.catalog.channel(stream).lossless

    def time_of(self, stream: Stream, seq: int) -> int | None:
        """Return the market time of a message, in ns without the anchor; None if it is not kept any more."""
        return self.history.time_of(self.catalog.number(stream), seq)

    def recoverable(self, stream: Stream, epoch: str, seq: int) -> bool:
        """Return whether every message after `seq` of that epoch can still be sent."""
        if epoch != self.epoch:
            return False
        self.catch_up()
        return self.history.reaches(self.catalog.number(stream), seq, self.seq(stream), self._clock.now())

    # Interface for connections.

    def attend(self, who: object, tell: Callable[[Event], None]) -> None:
        """Pass the market's own events to `tell` from now on."""
        self._audience[who] = tell

    def depart(self, who: object) -> None:
        """Stop passing events for `who`."""
        self._audience.pop(who, None)

    @property
    def attendance(self) -> int:
        """The number of connections in this market."""
        return len(self._audience)

    def join(self, subscriber: Subscriber, stream: Stream, form: Form) -> None:
        """Deliver a stream to a subscriber from the next message on."""
        self.count_in(subscriber, stream)
        self.hub.join(subscriber, stream, form)

    def count_in(self, subscriber: Subscriber, stream: Stream) -> None:
        """Note that a subscriber receives a stream, by whatever delivery, and publish the stream."""
        self._activate(stream)
        if self.on_join is not None:
            self.on_join(subscriber)

    def hold(self, stream: Stream) -> None:
        """Publish a stream at least until `release`: a client reads it, or will once it has the past."""
        self._readership.hold(self.catalog.number(stream))

    def release(self, stream: Stream) -> None:
        """End a `hold`; what nobody reads is let go after a while."""
        self._readership.release(self.catalog.number(stream))

    def leave(self, subscriber: Subscriber, stream: Stream, form: Form) -> None:
        """Stop delivering a stream."""
        self.hub.leave(subscriber, stream, form)

    def warm(self) -> Future[None]:
        """Compute the past day's bars for tickers and candles, so that the first subscriber need not wait for them."""
        catalog, begins = self.catalog, self.state.begins

        def chore() -> Chore[None]:
            yield from catalog.warm(begins)

        return self.chores.start(self, chore())

    def record(self, tap: Tap, streams: Iterable[Stream]) -> None:
        """Pass all published messages to the tap from now on, and publish these streams even without subscribers."""
        for stream in streams:
            self.hold(stream)
            self._activate(stream)
        self.tap = tap

    # Interface for players and commands.

    def obey(self, state: MarketState, effect: int | None = None) -> None:
        """Adopt the state that results from a command; a new epoch begins at once, and is announced.

        Args:
            state: the new state.
            effect: market time after which it applies; messages due until then belong to the epoch that ends.
        """
        renewed, replanned = state.number != self.state.number, state.plan != self.state.plan
        changes_faults = state.faults != self.state.faults
        if effect is not None and (renewed or changes_faults or self.dozes):
            self.dozes = False
            self._publish_up_to(effect)
        self.state = state
        if changes_faults:
            # What waits for a reader was published before, and goes the way of that time.
            self.hub.release_all()
            self.faults.follow({each.number: each.fault for each in state.faults})
        self._measure()
        if renewed:
            self._renew(replanned=replanned)

    def next_time(self) -> int | None:
        """Return the market time of the next message, or None if the source has ended."""
        return self.run.next_time()

    def publish_due(self, until: int, limit: int) -> int:
        """Publish messages due at market time `until`, at most `limit` of one segment; return their number."""
        run = self.run
        run.merge()
        segment, lo = run.segment, run.cursor
        if segment is None or lo >= len(segment) or segment.times[lo] > until:
            # Called on every wake-up; mostly there is nothing more to publish.
            return 0
        hi = segment.due(lo, until, limit)
        now = self._clock.now()
        runs = segment.runs(lo, hi)
        lag = now - self.state.when(int(segment.times[lo])) if self.state.moving else 0
        self.hub.publish(runs, segment, now, lag)
        if self.tap is not None:
            self.tap.take(segment, runs, now)
        run.advance(hi)
        if run.history.wants_mark(now):
            run.history.mark(now, self.here)
            for number in self._readership.unread(run.active - self.catalog.eager, now):
                run.deactivate(number)
        return hi - lo

    def announce(self, phase: MarketPhase) -> None:
        """Enter a phase, and send the market's state to all connections."""
        self._phase = phase
        if phase != "running":
            self.lateness.behind = None
        if phase == "ended" and self.source.end is not None:
            # The last message may have come earlier; nothing is due at the end itself.
            self.run.end(self.source.end)
        self.tell_all()
        if self.on_phase is not None:
            self.on_phase(phase)

    def tell_all(self) -> None:
        """Send the market's state to all connections."""
        behind = self.lateness.behind
        event = MarketChanged(
            state=self._phase,
            virtual_time=self.virtual_time,
            speed=self.speed,
            epoch=self.epoch,
            real_speed=None if behind is None else behind.speed,
            behind_ms=None if behind is None else behind.lag // MILLISECOND,
        )
        self.tell(event)

    def tell(self, event: Event) -> None:
        """Pass an event to all connections."""
        for tell in list(self._audience.values()):
            tell(event)

    def fail(self, reason: str) -> None:
        """End the market because its source has failed."""
        self.failure = reason
        self.state = self.state.stand(self.here)
        self._phase = "ended"
        self.tell_all()

    def _count_ahead(self, until: int) -> None:
        """Count past order book changes in another thread, since the first subscriber to a book needs its seq."""
        book, begins = self.catalog.book_apart, self.state.begins
        # At full speed a market would count more than it plays.
        if book is None or self.state.is_max or (self._counting is not None and not self._counting.done()):
            return

        def chore() -> Chore[None]:
            yield from book.counting(begins, until)

        self._counting = self.chores.start(book, chore())

    def _publish_up_to(self, time: int) -> None:
        while (due := self.next_time()) is not None and due <= time:
            self.publish_due(time, SLICE_MESSAGES)

    def _renew(self, *, replanned: bool) -> None:
        # Waiting messages of the old epoch can't be looked up in the new one.
        self.hub.release_all()
        if replanned:
            assert self.repertoire is not None
            plan = self.state.plan
            self._shift = self.repertoire.shift(plan)
            self.catalog = Catalog(self.repertoire.open(plan), self._shift)
            self.identity = replace(self.identity, scenario=self.repertoire.script(plan).name)
        active = self.run.active
        self.run = Epoch(
            self.catalog,
            self.state.begins,
            self._window,
            self.hub.numbered,
            active,
            number=self.state.number,
            on_open=self._count_ahead,
        )
        self.announce("running" if self.state.moving else "paused")

    def _measure(self) -> None:
        # At full speed it waits for its readers, so that nothing is old.
        self.hub.measure_readers(not self.state.is_max)

    @property
    def weight(self) -> int:
        """The bytes that the market holds, besides its source, by an estimate."""
        return BASE_WEIGHT + self.history.nbytes

    @property
    def is_unread(self) -> bool:
        """Return whether nobody gets anything that is published: no subscriber and no tap."""
        return not self.hub.subscriptions and self.tap is None

    def catch_up(self) -> None:
        """Publish what is due in a market that its player lets doze, since nobody reads it."""
        if self.dozes:
            self.dozes = False
            self._publish_up_to(self.here)

    def _activate(self, stream: Stream) -> None:
        """Publish the messages of a stream from now on, because it has its first subscriber."""
        self.catch_up()
        self.run.activate(self.catalog.number(stream), self.here)
