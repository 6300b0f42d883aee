"""A market: sources played out on one set of streams. The shared market and every private one are this class."""

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
"""Messages that are published at a time; a player gives the event loop a turn in between."""


class Tap(Protocol):
    """Who gets all that is published: a recorder."""

    @property
    def is_busy(self) -> bool:
        """Whether a market at full speed should wait for it."""

    def take(self, segment: Segment, runs: list[Run], now: int) -> None:
        """These messages are published, in this order, at this monotonic time."""


@dataclass(frozen=True, slots=True)
class MarketIdentity:
    """What a market is called: its own name, and the scenario's."""

    name: str
    scenario: str


class Market(MarketFrames):
    """State and history of one simulation; a player (`feed.market.player`) moves it through time.

    Args:
        identity: its names.
        source: where its events come from.
        state: where it stands, and how it moves.
        shift: nanoseconds added to every time that a client sees (the anchor).
        window: how far back a client may resume.
        limits: what the status frame tells of the server's limits.
        clock: real time.
        past: the same source once more, for the thread that makes what takes long; without it nothing is put off.
        reopen: gives the source and its past for another seed, where a new epoch may have one.
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
        self.streams = self.catalog.streams
        self.hub = Hub(self.streams, clock, self, self.catalog.conflated)
        self._counting: Future[None] | None = None
        self.chores = Chores()
        self.lateness = Lateness()
        # Subscriptions that wait for their first state; at full speed the market waits for them.
        self.put_off = 0
        # Why it can't go on, once its source has failed.
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

    # What a session sees of it.

    @property
    def channels(self) -> tuple[str, ...]:
        """The channels that it publishes."""
        return self.catalog.channels

    @property
    def instruments(self) -> tuple[Instrument, ...]:
        """Its symbols, with their steps."""
        return self.catalog.instruments

    @property
    def symbols(self) -> tuple[str, ...]:
        """The symbols that it publishes, in their fixed order."""
        return tuple(instrument.symbol for instrument in self.catalog.instruments)

    @property
    def source(self) -> Source:
        """Where the events of the present epoch come from."""
        return self.catalog.source

    def parts(self, channel: str) -> tuple[str, ...]:
        """The intervals or depths that a channel's streams differ by; one empty text where there are none."""
        return self.catalog.parts(channel)

    @property
    def epoch(self) -> str:
        """Names the run of `seq` that is under way: what the market is, and how often it was set back."""
        return self.state.epoch

    @property
    def phase(self) -> MarketPhase:
        """What it was last told to be in: `running`, `paused` or `ended`."""
        return self._phase

    @property
    def speed(self) -> float | str:
        """Market seconds a real second, or `max`."""
        return "max" if self.state.speed is None else float(self.state.speed)

    @property
    def summary(self) -> dict[str, Any]:
        """What tells this market from others, and where it stands, for people and programs that ask by HTTP."""
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
        """Market time that it stands at or has come to, in ns, without the anchor."""
        if self.state.moving and self.state.is_max:
            return max(self.state.at, self.run.published)
        return self.state.position(self._clock.now())

    @property
    def shift(self) -> int:
        """Nanoseconds between market time and what clients see of it."""
        return self._shift

    @property
    def virtual_time(self) -> int:
        """Market time in milliseconds, as clients see it."""
        return (max(self.here, self.state.begins) + self._shift) // MILLISECOND

    def listen(self, stream: Stream) -> None:
        """Publish a stream that somebody is about to join: what is told of its `seq` is what its snapshot has."""
        self._activate(stream)

    @property
    def seqs(self) -> dict[str, int]:
        """The last `seq` of each stream that is published, by the stream's key."""
        return {self.streams[number].key: self.hub.numbered[number].seq for number in sorted(self.run.active)}

    def has_snapshot(self, channel: str) -> bool:
        """Whether a subscription to this channel begins with a snapshot even when none is asked for."""
        return self.catalog.has_snapshot(channel)

    def is_lossless(self, stream: Stream) -> bool:
        """Whether each message of the stream counts, even for who does not keep up."""
        return self.catalog.channel(stream).lossless

    def time_of(self, stream: Stream, seq: int) -> int | None:
        """Market time of a message, in ns without the anchor; None where it is not kept any more."""
        return self.history.time_of(self.catalog.number(stream), seq)

    def recoverable(self, stream: Stream, epoch: str, seq: int) -> bool:
        """Whether everything behind `seq` of that epoch can still be sent."""
        if epoch != self.epoch:
            return False
        return self.history.reaches(self.catalog.number(stream), seq, self.seq(stream), self._clock.now())

    def status(self, connection: str) -> Status:
        """The first frame for a connection."""
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

    # What a connection does with it.

    def attend(self, who: object, tell: Callable[[Event], None]) -> None:
        """From now on `tell` gets the market's own events."""
        self._audience[who] = tell

    def depart(self, who: object) -> None:
        """Stop telling."""
        self._audience.pop(who, None)

    @property
    def attendance(self) -> int:
        """How many connections are in this market."""
        return len(self._audience)

    def join(self, subscriber: Subscriber, stream: Stream, form: Form) -> None:
        """Deliver a stream to a subscriber from the next message on."""
        self.count_in(subscriber, stream)
        self.hub.join(subscriber, stream, form)

    def count_in(self, subscriber: Subscriber, stream: Stream) -> None:
        """Somebody listens to a stream, in whatever way."""
        self._activate(stream)
        if self.on_join is not None:
            self.on_join(subscriber)

    def leave(self, subscriber: Subscriber, stream: Stream, form: Form) -> None:
        """Stop delivering a stream."""
        self.hub.leave(subscriber, stream, form)

    def warm(self) -> Future[None]:
        """Make what tickers and candles need of the day before now, so that the first who asks need not wait for it."""
        catalog, begins = self.catalog, self.state.begins

        def chore() -> Chore[None]:
            yield from catalog.warm(begins)

        return self.chores.start(self, chore())

    def record(self, tap: Tap, streams: Iterable[Stream]) -> None:
        """From now on the tap gets all that is published, and these streams are, though nobody listens."""
        for stream in streams:
            self._activate(stream)
        self.tap = tap

    # What a player and its commands do with it.

    def obey(self, state: MarketState, effect: int | None = None) -> None:
        """Take the state that a command has led to; a new epoch begins at once, and everybody is told.

        Args:
            state: where it stands and how it moves from now on.
            effect: market time behind which that is so; what is due until then belongs to the epoch that ends.
        """
        renewed, reseeded = state.number != self.state.number, state.seed != self.state.seed
        if renewed and effect is not None:
            self._publish_up_to(effect)
        self.state = state
        self._measure()
        if renewed:
            self._renew(reseeded=reseeded)

    def next_time(self) -> int | None:
        """Market time of the next message, or None when the source has ended."""
        return self.run.next_time()

    def publish_due(self, until: int, limit: int) -> int:
        """Publish what is due at market time `until`, at most `limit` messages of one segment; returns how many."""
        run = self.run
        run.merge()
        segment, lo = run.segment, run.cursor
        if segment is None or lo >= len(segment) or segment.times[lo] > until:
            # Asked on every waking, and mostly there was no more than what came first.
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
        """Enter a phase, and tell everybody where the market stands."""
        self._phase = phase
        if phase != "running":
            self.lateness.behind = None
        if phase == "ended" and self.source.end is not None:
            # The last message may have come earlier; what would be due at the end itself is not there any more.
            self.run.end(self.source.end)
        self.tell_all()
        if self.on_phase is not None:
            self.on_phase(phase)

    def tell_all(self) -> None:
        """Tell everybody how the market stands."""
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
        """Its source can't go on: the market has ended."""
        self.failure = reason
        self.state = self.state.stand(self.here)
        self._phase = "ended"
        self.tell_all()

    def _count_ahead(self, until: int) -> None:
        """Whoever is the first to read a book wants its seq: what has passed by then is counted in another thread."""
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
        # What waits of the old epoch can't be looked up in the new one.
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
        """Somebody listens to a stream that nobody has listened to: from now on its messages are published."""
        self.run.activate(self.catalog.number(stream), self.here)
