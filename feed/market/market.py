"""A market: one source played out on one set of streams. The shared market and every private one are this class."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from feed.clock import Clock
from feed.data.rows import Rows
from feed.data.ticks import Batch, Source
from feed.delivery.hub import Hub, Run
from feed.delivery.subscriber import Subscriber
from feed.dialects.base import Form, Kind
from feed.market.channels.base import Track, streams_of
from feed.market.channels.registry import open_channels
from feed.market.history import History, ResumeWindow
from feed.market.memory import BarMemory
from feed.market.pace import Pace
from feed.market.past import Past
from feed.market.segment import Base, Segment, write_frames
from feed.protocol.effects import Stream
from feed.protocol.events import Event, MarketChanged, MarketState, Status
from feed.units import DAY, MILLISECOND, MINUTE
from feed.version import __version__

__all__ = ["Market", "MarketIdentity", "Tap"]


class Tap(Protocol):
    """Who gets all that is published: a recorder."""

    @property
    def is_busy(self) -> bool:
        """Whether a market at full speed should wait for it."""

    def take(self, segment: Segment, runs: list[Run], now: int) -> None:
        """These messages are published, in this order, at this monotonic time."""


@dataclass(frozen=True, slots=True)
class MarketIdentity:
    """What a market tells about itself: its own name, the scenario's, the seed and the digest of its frames."""

    name: str
    scenario: str
    seed: int
    digest: str


class Market:
    """State and history of one running simulation; `feed.market.pacing` moves it through time.

    Args:
        identity: its names.
        source: where its events come from.
        pace: how its time runs; where it stands is where the market begins.
        shift: nanoseconds added to every time that a client sees (the anchor).
        window: how far back a client may resume.
        limits: what the status frame tells of the server's limits.
        clock: real time.
        past: the same source once more, where `warm` is called from another thread.
    """

    def __init__(
        self,
        identity: MarketIdentity,
        source: Source,
        pace: Pace,
        *,
        window: ResumeWindow,
        clock: Clock,
        shift: int = 0,
        limits: dict[str, int | float] | None = None,
        past: Source | None = None,
    ) -> None:
        self.identity = identity
        self.source = source
        self.pace = pace
        self.state: MarketState = "paused"
        self._clock = clock
        self._shift = shift
        self._limits = limits or {}
        self.instruments = source.instruments
        self.symbols = tuple(instrument.symbol for instrument in self.instruments)
        lock = threading.RLock()
        bars = (past or source).without_volume()
        self._memories = [BarMemory(bars, index, lock) for index in range(len(self.instruments))]
        self.past = Past(past or source, self._memories, shift)
        self._channels = open_channels(source, shift, self._memories)
        self.channels = tuple(sorted(channel.name for channel in self._channels))
        self._tracks = list(streams_of(self._channels, self.instruments))
        self.streams = tuple(stream for stream, _, _ in self._tracks)
        self._track = {stream: index for index, stream in enumerate(self.streams)}
        self._active = {index for index, (_, channel, _) in enumerate(self._tracks) if not channel.on_demand}
        self._chunks = tuple(channel.chunk for _, channel, _ in self._tracks)
        conflated = frozenset(stream for stream, channel, _ in self._tracks if not channel.lossless)
        self.hub = Hub(self.streams, clock, self.newest, self.missed, conflated)
        # At full speed it waits for its readers, so that nothing is old.
        self.hub.fanout.measures = not pace.is_max
        self._begins = pace.at(clock.now())
        # Whoever plays a recording from its beginning gives its messages the numbers that they had.
        told = source.numbering if self._begins == source.start else {}
        self._numbering = tuple(told.get(stream.key, 0) for stream in self.streams)
        for topic, number in zip(self.hub.numbered, self._numbering, strict=True):
            topic.seq = number
        # Market time up to which everything has been published.
        self._published = self._begins - 1
        self._batches: Iterator[Batch] = source.batches(self._begins)
        self.history = History(window)
        self._segment: Segment | None = None
        self._cursor = 0
        self._epoch = 1
        self._epoch_key = _epoch_key(identity, self._begins)
        self._audience: dict[object, Callable[[Event], None]] = {}
        self.on_join: Callable[[Subscriber], None] | None = None
        self.tap: Tap | None = None

    # What a session sees of it.

    def parts(self, channel: str) -> tuple[str, ...]:
        """The intervals or depths that a channel's streams differ by; one empty text where there are none."""
        return next(known.parts for known in self._channels if known.name == channel)

    @property
    def epoch(self) -> str:
        """Names the run of `seq` that is under way: what the market is, and how often it was set back."""
        return f"{self._epoch_key}-{self._epoch}"

    @property
    def summary(self) -> dict[str, Any]:
        """What tells this market from others, and where it stands, for people and programs that ask by HTTP."""
        return {
            "scenario": self.identity.scenario,
            "seed": self.identity.seed,
            "epoch": self.epoch,
            "digest": self.identity.digest,
            "state": self.state,
            "virtual_time": self.virtual_time,
            "symbols": self.symbols,
            "channels": self.channels,
        }

    @property
    def published(self) -> int:
        """Market time up to which everything has been published, in ns, without the anchor."""
        return self._published

    @property
    def shift(self) -> int:
        """Nanoseconds between market time and what clients see of it."""
        return self._shift

    @property
    def virtual_time(self) -> int:
        """Market time in milliseconds, as clients see it."""
        return (self.pace.at(self._clock.now()) + self._shift) // MILLISECOND

    def seq(self, stream: Stream) -> int:
        """The last `seq` published on a stream; where nobody ever listened, what would have been."""
        track = self._track[stream]
        return self.hub.topics[stream].seq if track in self._active else self._seq_at(track, self._published)

    def has_snapshot(self, channel: str) -> bool:
        """Whether a subscription to this channel begins with a snapshot even when none is asked for."""
        return any(known.name == channel and known.begins_with_snapshot for known in self._channels)

    def is_lossless(self, stream: Stream) -> bool:
        """Whether each message of the stream counts, even for who does not keep up."""
        return self._tracks[self._track[stream]][1].lossless

    def recoverable(self, stream: Stream, epoch: str, seq: int) -> bool:
        """Whether everything behind `seq` of that epoch can still be sent."""
        if epoch != self.epoch:
            return False
        return self.history.reaches(self._track[stream], seq, self.seq(stream), self._clock.now())

    def status(self, connection: str) -> Status:
        """The first frame for a connection."""
        return Status(
            status="online",
            version=__version__,
            connection=connection,
            market=self.identity.name,
            scenario=self.identity.scenario,
            seed=self.identity.seed,
            epoch=self.epoch,
            digest=self.identity.digest,
            state=self.state,
            virtual_time=self.virtual_time,
            speed=self._speed,
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

    def missed(self, stream: Stream, after_seq: int, count: int, form: Form, kind: Kind = "update") -> list[bytes]:
        """At most `count` framed messages behind `after_seq`; as `update` they are byte for byte what was published.

        Nothing where the message behind `after_seq` is not kept any more.
        """
        track = self._track[stream]
        if after_seq + 1 < self.history.first_seq(track):
            return []
        last = min(self.seq(stream), after_seq + count)
        if kind == "snapshot" and (fills := self.history.trades(track, after_seq, last)) is not None:
            # One piece, for dialects that have one message for all of it.
            return write_frames(form, stream, fills, after_seq + 1, kind, epoch=self._epoch)
        return self.history.frames(track, after_seq, last, form, kind)

    def snapshot_begins(self, stream: Stream, count: int) -> int:
        """The seq behind which the last `count` messages of a stream begin, as far as they are kept."""
        return max(self.seq(stream) - count, self.history.first_seq(self._track[stream]) - 1)

    def state_rows(self, stream: Stream, count: int) -> Rows | None:
        """The last `count` states of a stream, all of its `seq` by now; None where its messages are its state."""
        self._activate(stream)
        _, channel, symbol = self._tracks[self._track[stream]]
        state = channel.snapshot(symbol, stream.part, self._published, count)
        return None if state is None or not len(state.times) else state.rows(0, len(state.times))

    def state_of(self, stream: Stream, count: int, form: Form, skipped: int = 0) -> bytes | None:
        """The last `count` states of a stream as framed snapshots; None where its messages are its state."""
        rows = self.state_rows(stream, count)
        if rows is None:
            return None
        # All of them stand for what had been published by now: they share its seq.
        return b"".join(write_frames(form, stream, rows, self.seq(stream), "state", skipped, epoch=self._epoch))

    def newest(self, stream: Stream, since: int, form: Form) -> bytes:
        """The newest message of a stream, framed, for one who has those up to `since` and skips what is between.

        Empty where it is not kept. Of a channel whose messages are differences it is the state, or one difference
        where the dialect has no other word for that.
        """
        track = self._track[stream]
        seq = self.hub.topics[stream].seq
        skipped = max(seq - since - 1, 0)
        if not self._tracks[track][1].differences:
            return self.history.newest(track, seq, form, skipped)
        change = self.history.change(track, stream, since, seq, form) if form.dialect.wants_net_change else None
        return self.state_of(stream, 1, form, skipped) or b"" if change is None else change

    def warm(self) -> None:
        """Make what tickers and candles need of the day before now, so that the first who asks need not wait for it."""
        for memory in self._memories:
            memory.minutes((self._begins - DAY) // MINUTE * MINUTE, self._begins // MINUTE * MINUTE)

    def record(self, tap: Tap, streams: Iterable[Stream]) -> None:
        """From now on the tap gets all that is published, and these streams are, though nobody listens."""
        for stream in streams:
            self._activate(stream)
        self.tap = tap

    # What pacing does with it.

    def next_time(self) -> int | None:
        """Market time of the next message, or None when the source has ended."""
        while self._segment is None or self._cursor >= len(self._segment):
            batch = next(self._batches, None)
            if batch is None:
                return None
            self._open(batch)
        return int(self._segment.times[self._cursor])

    def publish_due(self, until: int, limit: int) -> int:
        """Publish what is due at market time `until`, at most `limit` messages of one segment; returns how many."""
        segment = self._segment
        if segment is None:
            return 0
        lo = self._cursor
        if lo >= len(segment) or segment.times[lo] > until:
            # Asked on every waking, and mostly there was no more than what came first.
            return 0
        hi = segment.due(lo, until, limit)
        now = self._clock.now()
        runs = segment.runs(lo, hi)
        self.hub.publish(runs, segment.joined, now, now - self.pace.when(int(segment.times[lo])))
        if self.tap is not None:
            self.tap.take(segment, runs, now)
        self._cursor = hi
        self._published = int(segment.times[hi - 1])
        if self.pace.is_max:
            self.pace.reached(self._published)
        if self.history.wants_mark(now):
            self.history.mark(now, self.pace.at(now))
        return hi - lo

    def change_state(self, state: MarketState) -> None:
        """Enter a state and tell everybody."""
        self.state = state
        event = MarketChanged(state=state, virtual_time=self.virtual_time, speed=self._speed, epoch=self.epoch)
        for tell in list(self._audience.values()):
            tell(event)

    @property
    def _speed(self) -> float | str:
        return "max" if self.pace.is_max else self.pace.speed

    def _open(self, batch: Batch) -> None:
        before = batch.start - 1
        base = Base({index: self.hub.numbered[index].seq for index in self._active}, partial(self._seq_at, time=before))

        def make(index: int) -> Track:
            stream, channel, symbol = self._tracks[index]
            return channel.track(batch, symbol, stream.part)

        self._published = max(self._published, before)
        self._segment = Segment(
            make,
            self._active,
            base,
            batch.start,
            batch.end,
            chunks=self._chunks,
            streams=self.streams,
            epoch=self._epoch,
        )
        self._cursor = 0
        self.history.append(self._segment)

    def _activate(self, stream: Stream) -> None:
        """Somebody listens to a stream that nobody has listened to: from now on its messages are published."""
        track = self._track[stream]
        if track in self._active:
            return
        upcoming = self.next_time()
        now = self.pace.at(self._clock.now())
        # A market that has not begun has published nothing, also not what is due at the moment of its beginning.
        if not self.pace.is_max and now > self._begins:
            self._published = max(self._published, now if upcoming is None else min(now, upcoming - 1))
        self.hub.topics[stream].seq = self._seq_at(track, self._published)
        self._active.add(track)
        if self._segment is not None:
            self._segment.activate(track)
            self._cursor = self._segment.reach(self._published)

    def _seq_at(self, track: int, time: int) -> int:
        (_, _, part), channel, symbol = self._tracks[track]
        return self._numbering[track] + channel.seq_at(time, self._begins, symbol, part)


def _epoch_key(identity: MarketIdentity, begins: int) -> str:
    """Eight digits that differ for markets whose frames differ, so that nobody resumes in the wrong one."""
    text = f"{identity.digest}:{identity.seed}:{begins}"
    return hashlib.sha256(text.encode()).hexdigest()[:8]
