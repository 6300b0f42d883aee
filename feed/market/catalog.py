"""Everything that can be published of one source: channels, streams, and what their past needs."""

from __future__ import annotations

from collections.abc import Generator, Iterator

from feed.data.ticks import Batch, Source
from feed.market.channels.base import Channel, Track, streams_of
from feed.market.channels.book import BookChannel
from feed.market.channels.registry import open_channels
from feed.market.memory import BarMemory
from feed.market.past import Past
from feed.protocol.effects import Stream
from feed.units import DAY, MINUTE

__all__ = ["Catalog"]


class Catalog:
    """The streams of one source, numbered.

    Args:
        source: where its events come from.
        shift: nanoseconds added to every time that a client sees (the anchor).
        past: the same source once more, for the thread that makes what takes long; without it nothing is put off.

    Attributes:
        streams: all of them; a stream's number is its place in them.
        chunks: of each stream, how many messages are encoded at a time.
        eager: the streams that are published though nobody listens, since they cannot be counted without.
    """

    def __init__(self, source: Source, shift: int, past: Source | None = None) -> None:
        self.source = source
        self.shift = shift
        self.instruments = source.instruments
        self.memories = [BarMemory(source, index) for index in range(len(self.instruments))]
        self._channels = open_channels(source, shift, self.memories)
        light = (past or source).without_volume()
        theirs = [memory.beside(light) for memory in self.memories]
        self.past = Past(past or source, theirs, shift)
        self._apart: dict[str, Channel] = {}
        if past is not None:
            self._apart = {channel.name: channel for channel in open_channels(past, shift, theirs)}
        book = next(channel for channel in self._channels if isinstance(channel, BookChannel))
        # Counts changes of books in another thread.
        self.book_apart = None if past is None else book.beside(past)
        self.channels = tuple(sorted(channel.name for channel in self._channels))
        self._rows = list(streams_of(self._channels, self.instruments))
        self.streams = tuple(stream for stream, _, _ in self._rows)
        self._numbers = {stream: number for number, stream in enumerate(self.streams)}
        self.chunks = tuple(channel.chunk for _, channel, _ in self._rows)
        self.eager = frozenset(number for number, (_, channel, _) in enumerate(self._rows) if not channel.on_demand)

    def number(self, stream: Stream) -> int:
        """The number of a stream. Raises KeyError where there is none."""
        return self._numbers[stream]

    def channel(self, stream: Stream) -> Channel:
        """The channel of a stream."""
        return self._rows[self._numbers[stream]][1]

    def learn(self, batch: Batch) -> None:
        """Keep the bars of a batch that has been made anyway."""
        for memory, block in zip(self.memories, batch.ticks, strict=True):
            memory.learn(batch.start, batch.end, block)

    def is_slow(self, stream: Stream, at: int, count: int) -> bool:
        """Whether the state at `at` takes long to make, and can be made in another thread."""
        _, channel, symbol = self._rows[self._numbers[stream]]
        return channel.name in self._apart and not channel.is_known(symbol, stream.part, at, count)

    def make_apart(self, stream: Stream, at: int, count: int) -> Generator[None, None, Track | None]:
        """Make the state at `at` in another thread, some milliseconds at a time; returns what `snapshot` does."""
        channel, symbol = self._apart[stream.channel], self._rows[self._numbers[stream]][2]
        yield from channel.making(symbol, stream.part, at, count)
        return channel.snapshot(symbol, stream.part, at, count)

    def warm(self, at: int) -> Iterator[None]:
        """Make what tickers and candles need of the day before `at`, some milliseconds at a time."""
        begins = at // MINUTE * MINUTE
        for memory in self.past.memories:
            yield from memory.making(begins - DAY, begins)

    def parts(self, channel: str) -> tuple[str, ...]:
        """The intervals or depths that a channel's streams differ by; one empty text where there are none."""
        return next(known.parts for known in self._channels if known.name == channel)

    def has_snapshot(self, channel: str) -> bool:
        """Whether a subscription to this channel begins with a snapshot even when none is asked for."""
        return any(known.name == channel and known.begins_with_snapshot for known in self._channels)

    @property
    def conflated(self) -> frozenset[Stream]:
        """The streams of which only the newest message matters."""
        return frozenset(stream for stream, channel, _ in self._rows if not channel.lossless)

    def track(self, number: int, batch: Batch) -> Track:
        """The messages of a stream in a batch."""
        stream, channel, symbol = self._rows[number]
        return channel.track(batch, symbol, stream.part)

    def count(self, number: int, time: int, begins: int) -> int:
        """How many messages of a stream are due at `time` or before it, in an epoch that began at `begins`."""
        stream, channel, symbol = self._rows[number]
        return channel.seq_at(time, begins, symbol, stream.part)

    def snapshot(self, stream: Stream, at: int, count: int) -> Track | None:
        """The state of a stream at market time `at`, or the last `count` of it."""
        _, channel, symbol = self._rows[self._numbers[stream]]
        return channel.snapshot(symbol, stream.part, at, count)
