"""Market: sources played on one set of streams. The shared market and every private one are this class."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Protocol

from feed.clock import Clock
from feed.data.ticks import Instrument, Source
from feed.delivery.hub import Hub, Run
from feed.delivery.subscriber import Subscriber
from feed.dialects.base import Form
from feed.faults.log import FaultLog
from feed.market.catalog import Catalog
from feed.market.chores import Chore, Chores
from feed.market.epoch import Epoch
from feed.market.frames import MarketFrames
from feed.market.history import ResumeWindow
from feed.market.lateness import Lateness
from feed.market.segment import Segment
from feed.market.state import MarketState
from feed.protocol.effects import Stream
from feed.protocol.events import Event, MarketChanged, MarketPhase, Status
from feed.units import MILLISECOND
from feed.version import __version__

__all__ = ["SLICE", "Market", "MarketIdentity", "Tap"]

SLICE = 512
"""The most messages published at a time; a player gives the event loop a turn in between."""


class Tap(Protocol):
    """Receiver of all published messages, such as a recorder."""

    @property
    def is_busy(self) -> bool:
        """Return whether a market at full speed should wait for the tap."""

    def take(self, segment: Segment, runs: list[Run], now: int) -> None:
        """Take messages that are published at monotonic time `now`, in this order."""


@dataclass(frozen=True, slots=True)
class MarketIdentity:
    """Names of a market: its own and the scenario's."""

    name: str
    scenario: str


class Market(MarketFrames):
    """State and history of one simulation; a player (`feed.market.player`) advances its market time.

    Args:
        identity: the names of the market.
        source: the source of the events.
        state: the market's initial state.
        shift: nanoseconds added to every time that a client sees (the anchor).
        window: the limits of a resume.
        limits: the server's limits, for the status frame.
        clock: real time.
        past: a second instance of the source, for the thread that does slow work; without it nothing is deferred.
        reopen: returns the source and its past for another seed, if a new epoch may have one.
    """

    def __init__(
        self,
        identity: MarketIdentity,
        source: Source,
        state: MarketState,
        *,
        window: ResumeWindow,
        clock: Clock,
        shift: int = 0,
        limits: dict[str, int | float] | None = None,
        past: Source | None = None,
        reopen: Callable[[int], tuple[Source, Source]] | None = None,
    ) -> None:
        self.identity = identity
        self.state = state
        self._clock = clock
        self._shift = shift
        self._limits = limits or {}
        self._window = window
        self._reopen = reopen
        self.catalog = Catalog(source, shift, past)
        self.streams = self.catalog.native
        self.hub = Hub(self.catalog.streams, clock, self, self.catalog.conflated)
        self._counting: Future[None] | None = None
        self.chores = Chores()
        self.lateness = Lateness()
        # Subscriptions that wait for their first state; at full speed the market waits for them.
        self.put_off = 0
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
        self.faults = FaultLog()
        self._measure()

    # Interface for sessions.

    @property
    def channels(self) -> tuple[str, ...]:
        """The channels that the market publishes."""
        return self.catalog.channels

    @property
    def instruments(self) -> tuple[Instrument, ...]:
        """The instruments: symbols with their price and size steps."""
        return self.catalog.instruments

    @property
    def symbols(self) -> tuple[str, ...]:
        """The symbols that the market publishes, in their fixed order."""
        return tuple(instrument.symbol for instrument in self.catalog.instruments)

    @property
    def source(self) -> Source:
        """The source of the events of the present epoch."""
        return self.catalog.source

    def parts(self, channel: str) -> tuple[str, ...]:
        """Return the intervals or depths that tell a channel's streams apart; one empty text for a single stream."""
        return self.catalog.parts(channel)

    @property
    def epoch(self) -> str:
        """The name of the present epoch: the market's digest and the number of the epoch."""
        return self.state.epoch

    @property
    def phase(self) -> MarketPhase:
        """The phase last announced: `running`, `paused` or `ended`."""
        return self._phase

    @property
    def speed(self) -> float | str:
        """Market seconds a real second, or `max`."""
        return "max" if self.state.speed is None else float(self.state.speed)

    @property
    def summary(self) -> dict[str, Any]:
        """The identity and present state of the market, as answered over HTTP."""
        return {
            "scenario": self.identity.scenario,
            "seed": self.state.seed,
            "epoch": self.epoch,
            "digest": self.state.digest,
            "state": self.phase,
            "speed": self.speed,
            "virtual_time": self.virtual_time,
            **self._behind,
            "symbols": self.symbols,
            "channels": self.channels,
            **({} if self.failure is None else {"failure": self.failure}),
        }

    @property
    def _behind(self) -> dict[str, float]:
        behind = self.lateness.behind
        return {} if behind is None else {"real_speed": behind.speed, "behind_ms": behind.lag // MILLISECOND}

    @property
    def here(self) -> int:
        """Current market time in ns, without the anchor."""
        if self.state.moving and self.state.is_max:
            return max(self.state.at, self.run.published)
        return self.state.position(self._clock.now())

    @property
    def shift(self) -> int:
        """Nanoseconds added to market time for the time that clients see."""
        return self._shift

    @property
    def virtual_time(self) -> int:
        """Market time in milliseconds, as clients see it."""
        return (max(self.here, self.state.begins) + self._shift) // MILLISECOND

    @property
    def epoch_number(self) -> int:
        """The number of the present epoch, from 1."""
        return self.state.number

    @property
    def shown_time(self) -> int:
        """Market time up to which everything has been published, in ns as clients see it."""
        return max(self.published, self.state.begins) + self._shift

    def symbol_status(self, symbol: str) -> str:
        """Return the status of a symbol: `online`, `halted`, `auction` or `maintenance`."""
        changes = self.source.statuses(max(self.published, self.state.begins))
        return next((change.status for change in changes if change.symbol == symbol), "online")

    def listen(self, stream: Stream) -> None:
        """Publish a stream that is about to be joined, so that the reported `seq` is the one of its snapshot."""
        self._activate(stream)

    @property
    def seqs(self) -> dict[str, int]:
        """The last `seq` of each stream that is published, by the stream's key."""
        active = [number for number in sorted(self.run.active) if number < len(self.streams)]
        return {self.streams[number].key: self.hub.numbered[number].seq for number in active}

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
        return self.history.reaches(self.catalog.number(stream), seq, self.seq(stream), self._clock.now())

    def status(self, connection: str) -> Status:
        """Return the first event for a connection."""
        return Status(
            status="online",
            version=__version__,
            connection=connection,
            market=self.identity.name,
            scenario=self.identity.scenario,
            seed=self.state.seed,
            epoch=self.epoch,
            digest=self.state.digest,
            state=self.phase,
            virtual_time=self.virtual_time,
            speed=self.speed,
            channels=self.channels,
            limits=self._limits,
        )

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
            self._activate(stream)
        self.tap = tap

    # Interface for players and commands.

    def obey(self, state: MarketState, effect: int | None = None) -> None:
        """Adopt the state that results from a command; a new epoch begins at once, and is announced.

        Args:
            state: the new state.
            effect: market time after which it applies; messages due until then belong to the epoch that ends.
        """
        renewed, reseeded = state.number != self.state.number, state.seed != self.state.seed
        if renewed and effect is not None:
            self._publish_up_to(effect)
        self.state = state
        self._measure()
        if renewed:
            self._renew(reseeded=reseeded)

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
            self.publish_due(time, SLICE)

    def _renew(self, *, reseeded: bool) -> None:
        # Waiting messages of the old epoch can't be looked up in the new one.
        self.hub.release_all()
        if reseeded:
            assert self._reopen is not None
            source, past = self._reopen(self.state.seed)
            self.catalog = Catalog(source, self._shift, past)
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

    def _activate(self, stream: Stream) -> None:
        """Publish the messages of a stream from now on, because it has its first subscriber."""
        self.run.activate(self.catalog.number(stream), self.here)
