"""Catalog of everything that one source can publish: channels, streams, and the data that their past needs."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator

from feed.data.rows import Rows
from feed.data.ticks import Batch
from feed.market.channels.base import Channel, Track, streams_of
from feed.market.channels.book import BookChannel
from feed.market.channels.exchange import ExchangeGround
from feed.market.channels.registry import open_channels, open_exchange_channels
from feed.market.chores import Chore, exhausted
from feed.market.exchange_past import ExchangePast
from feed.market.memory import BarMemory, BoughtMemory, bought
from feed.market.numbers import StreamNumbers
from feed.market.past import Past
from feed.market.shared import SharedSource
from feed.protocol.effects import Stream
from feed.units import DAY, MINUTE

__all__ = ["Catalog"]


class Catalog:
    """Numbered streams of one source.

    Args:
        shared: the source of the events, and what it shares with other markets.
        shift: nanoseconds added to every time that a client sees (the anchor).

    Attributes:
        streams: all streams; a stream's number is its index here.
        native: those that native clients see, which come first.
        chunks: for each stream, the number of messages encoded at a time.
        eager: streams published even without subscribers, since their messages cannot be counted otherwise.
    """

    def __init__(self, shared: SharedSource, shift: int) -> None:
        source, past = shared.source, shared.past
        self.shared = shared
        self.source = source
        self.shift = shift
        self.instruments = source.instruments
        self.memories = [BarMemory(source, index, hours) for index, hours in enumerate(shared.hours)]
        self.bought = [BoughtMemory(source, index) for index in range(len(self.instruments))]
        native = open_channels(source, shift, self.memories)
        self.channels = tuple(sorted(channel.name for channel in native))
        book = next(channel for channel in native if isinstance(channel, BookChannel))
        self.numbers = StreamNumbers(source, book)
        ground = ExchangeGround(source, shift, book, self.memories, list(self.bought), self.numbers)
        self._channels = (*native, *open_exchange_channels(ground))
        theirs = [memory.beside(shared.light) for memory in self.memories]
        self._bought_apart = [memory.apart(shared.light) for memory in self.bought]
        self.past = Past(past or source, theirs, shift)
        self._apart: dict[str, Channel] = {}
        # Counts order book changes in another thread.
        self.book_apart = None if past is None else book.beside(past)
        beside = book.beside(past or source)
        numbers = self.numbers.beside(past or source, beside)
        apart = ExchangeGround(past or source, shift, beside, theirs, self._bought_apart, numbers)
        self.exchange_past = ExchangePast(apart)
        if past is not None:
            known = (*open_channels(past, shift, theirs), *open_exchange_channels(apart))
            self._apart = {channel.name: channel for channel in known}
        self._rows = list(streams_of(self._channels, self.instruments))
        self.streams = tuple(stream for stream, _, _ in self._rows)
        self.native = tuple(stream for stream in self.streams if stream.channel in self.channels)
        self._numbers = {stream: number for number, stream in enumerate(self.streams)}
        self.chunks = tuple(channel.chunk for _, channel, _ in self._rows)
        self.eager = frozenset(number for number, (_, channel, _) in enumerate(self._rows) if not channel.on_demand)

    def number(self, stream: Stream) -> int:
        """Return the number of a stream. Raises KeyError if there is none."""
        return self._numbers[stream]

    def channel(self, stream: Stream) -> Channel:
        """Return the channel of a stream."""
        return self._rows[self._numbers[stream]][1]

    def begin(self, begins: int, numbering: Callable[[Stream], int]) -> None:
        """Begin an epoch, in which each stream's first message follows the number given."""
        symbols = [instrument.symbol for instrument in self.instruments]
        depth = self.parts("book")[-1]
        trades = [numbering(Stream("trading", symbol)) for symbol in symbols]
        self.numbers.begin(begins, trades, [numbering(Stream("book", symbol, depth)) for symbol in symbols])

    def learn(self, batch: Batch) -> None:
        """Keep the numbers and the bars of a batch that has been generated; bars take a while, in another thread."""
        self.numbers.learn(batch)
        if self.shared.past is None:
            exhausted(self._learning(batch))
        else:
            self.shared.chores.start(("bars", id(self.shared)), self._learning(batch))

    def _learning(self, batch: Batch) -> Chore[None]:
        for memory, others, block in zip(self.past.memories, self._bought_apart, batch.ticks, strict=True):
            memory.learn(batch.start, batch.end, block)
            others.learn(batch.start, batch.end, bought(block))
            yield

    def channel_apart(self, stream: Stream) -> Channel:
        """Return the channel of a stream on the source's second instance, for the thread of slow work."""
        if stream.channel == "book" and self.book_apart is not None:
            return self.book_apart
        return self._apart[stream.channel]

    def first_seq(self, stream: Stream, begins: int) -> int:
        """Return the `seq` before a stream's first message; a recording from its beginning keeps its numbers."""
        return self.source.numbering.get(stream.key, 0) if begins == self.source.start else 0

    def is_slow(self, stream: Stream, at: int, count: int) -> bool:
        """Return whether the state at `at` is slow to compute and can be computed in another thread."""
        _, channel, symbol = self._rows[self._numbers[stream]]
        return channel.name in self._apart and not channel.is_known(symbol, stream.part, at, count)

    def make_apart(self, stream: Stream, at: int, count: int) -> Generator[None, None, Track | None]:
        """Compute the state at `at` in another thread, some milliseconds at a time; return the same as `snapshot`."""
        channel, symbol = self._apart[stream.channel], self._rows[self._numbers[stream]][2]
        yield from channel.making(symbol, stream.part, at, count)
        return channel.snapshot(symbol, stream.part, at, count)

    def exchange_ticker(self, symbol: str, window: str, at: int) -> Generator[None, None, Rows | None]:
        """Compute the statistics of a window as of `at`, in another thread than the market's."""
        return self.exchange_past.ticker([it.symbol for it in self.instruments].index(symbol), window, at)

    def warm(self, at: int) -> Iterator[None]:
        """Compute the bars of the day before `at` for tickers and candles, some milliseconds at a time."""
        begins = at // MINUTE * MINUTE
        for memory in self.past.memories:
            yield from memory.making(begins - DAY, begins)

    def parts(self, channel: str) -> tuple[str, ...]:
        """Return the intervals or depths that tell a channel's streams apart; one empty text for a single stream."""
        return next(known.parts for known in self._channels if known.name == channel)

    def has_snapshot(self, channel: str) -> bool:
        """Return whether a subscription to this channel begins with a snapshot even if the client asks for none."""
        return any(known.name == channel and known.begins_with_snapshot for known in self._channels)

    @property
    def conflated(self) -> frozenset[Stream]:
        """The streams of which only the newest message matters."""
        return frozenset(stream for stream, channel, _ in self._rows if not channel.lossless)

    def track(self, number: int, batch: Batch) -> Track:
        """Return the messages of a stream in a batch."""
        stream, channel, symbol = self._rows[number]
        return channel.track(batch, symbol, stream.part)

    def count(self, number: int, time: int, begins: int) -> int:
        """Return the number of messages of a stream due at or before `time`, in an epoch that began at `begins`."""
        stream, channel, symbol = self._rows[number]
        return channel.seq_at(time, begins, symbol, stream.part)

    def snapshot(self, stream: Stream, at: int, count: int) -> Track | None:
        """Return the state of a stream at market time `at`, or its last `count` states."""
        _, channel, symbol = self._rows[self._numbers[stream]]
        return channel.snapshot(symbol, stream.part, at, count)
