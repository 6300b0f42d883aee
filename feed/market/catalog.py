"""Everything that can be published of one source: channels, streams, and what their past needs."""

from __future__ import annotations

import threading

from feed.data.ticks import Batch, Source
from feed.market.channels.base import Channel, Track, streams_of
from feed.market.channels.registry import open_channels
from feed.market.memory import BarMemory
from feed.market.past import Past
from feed.protocol.effects import Stream

__all__ = ["Catalog"]


class Catalog:
    """The streams of one source, numbered.

    Args:
        source: where its events come from.
        shift: nanoseconds added to every time that a client sees (the anchor).
        past: the same source once more, for use by another thread.

    Attributes:
        streams: all of them; a stream's number is its place in them.
        chunks: of each stream, how many messages are encoded at a time.
        eager: the streams that are published though nobody listens, since they cannot be counted without.
    """

    def __init__(self, source: Source, shift: int, past: Source | None = None) -> None:
        self.source = source
        self.shift = shift
        self.instruments = source.instruments
        lock = threading.RLock()
        bars = (past or source).without_volume()
        self.memories = [BarMemory(bars, index, lock) for index in range(len(self.instruments))]
        self.past = Past(past or source, self.memories, shift)
        self._channels = open_channels(source, shift, self.memories)
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
