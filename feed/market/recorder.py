"""Recorder of a market: a tap that writes published messages to a recording."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from feed.clock import Clock
from feed.delivery.hub import Run
from feed.dialects.registry import NATIVE
from feed.errors import UsageError
from feed.hints import nearest
from feed.market.channels.base import TickTrack
from feed.market.market import Market
from feed.market.segment import Segment
from feed.protocol.effects import Stream
from feed.tape.intake import RecordingCounters
from feed.tape.layout import RecordingInfo
from feed.tape.rows import Piece, Row, Ticks
from feed.tape.writer import RecordingWriter
from feed.version import __version__

__all__ = ["OF_A_DAY", "MarketRecorder"]

OF_A_DAY = ("ticker", "candles")
"""Channels whose first message is slow to compute, since it needs the day before."""

BUSY_ABOVE = 0.5
"""The fill level of the writer's queue, as a fraction, above which the recorder counts as busy."""


class MarketRecorder:
    """Recorder of chosen channels of a market, with all of their streams, with or without subscribers.

    A stream that begins with a state has that state in its first rows. Times are the ones that clients see.

    Args:
        market: the market, which may be running.
        path: the recording to write; see `RecordingWriter`.
        channels: the channels to record; also one of several streams a symbol, as `book:25`.
        clock: real time, noted with each message.

    Raises:
        UsageError: there is no such channel, or the file cannot be made.
    """

    def __init__(self, market: Market, path: Path, channels: Sequence[str], clock: Clock) -> None:
        _check(channels, market)
        self._market = market
        self._clock = clock
        streams = [stream for stream in market.streams if {stream.channel, _named(stream)} & set(channels)]
        self._wanted = frozenset(number for number, stream in enumerate(market.streams) if stream in streams)
        self._writer = RecordingWriter(path, _info(market), clock)
        # For each stream, the chunk that was written last.
        self._kept: dict[int, tuple[Segment, int, list[bytes]]] = {}
        for stream in streams:
            self._begin(stream)
        market.record(self, streams)

    @property
    def counters(self) -> RecordingCounters:
        """The counters of the recording."""
        return self._writer.counters

    def close(self) -> RecordingCounters:
        """Flush, sync and finish the recording; this waits for the disk."""
        self._market.tap = None
        return self._writer.close()

    @property
    def is_busy(self) -> bool:
        """Return whether so much is queued that more may be lost; False if the disk refuses data."""
        return self._writer.filled > BUSY_ABOVE and self.counters.state == "recording"

    def _begin(self, stream: Stream) -> None:
        """Record the state that the stream's messages follow."""
        if not self._market.has_snapshot(stream.channel):
            return
        rows = self._market.state_rows(stream, 1)
        if rows is not None:
            [data] = NATIVE.objects(rows)
            time, seq = self._market.published + self._market.shift, self._market.seq(stream)
            received = self._clock.wall()
            self._writer.add([Row(received, time, *stream, "snapshot", seq, data=data.decode())])

    def take(self, segment: Segment, runs: list[Run], now: int) -> None:
        """Record the published messages of the chosen streams."""
        reading = self._clock.read()
        received = reading.wall - (reading.monotonic - now)
        pieces: list[Piece] = []
        for run in runs:
            number, lo, hi = run
            if number not in self._wanted:
                continue
            track = segment.track(number)
            first_seq = segment.base[number] + lo + 1
            if isinstance(track, TickTrack):
                pieces.append(Ticks(track.instrument, track.block, lo, hi, first_seq, received, track.shift))
            else:
                pieces += self._rows(segment, run, first_seq, received)
        self._writer.add(pieces)

    def _rows(self, segment: Segment, run: Run, first_seq: int, received: int) -> Iterator[Row]:
        number, lo, hi = run
        channel, symbol, part = self._market.streams[number]
        times = (segment.track(number).times[lo:hi] + self._market.shift).tolist()
        objects = self._objects(segment, number, lo, hi)
        for seq, (time, data) in enumerate(zip(times, objects, strict=True), first_seq):
            yield Row(received, time, channel, symbol, part, "update", seq, data=data.decode())

    def _objects(self, segment: Segment, number: int, lo: int, hi: int) -> Iterator[bytes]:
        """Yield the content of messages in the native dialect, encoded a chunk at a time, as frames are."""
        while lo < hi:
            first, last = segment.chunk(number, lo)
            kept = self._kept.get(number)
            if kept is None or kept[0] is not segment or kept[1] != first:
                kept = self._kept[number] = (segment, first, NATIVE.objects(segment.rows(number, first, last)))
            yield from kept[2][lo - first : hi - first]
            lo = min(last, hi)


def _named(stream: Stream) -> str:
    """Return the name of a stream without its symbol: `book:25`."""
    return f"{stream.channel}:{stream.part}"


def _check(channels: Sequence[str], market: Market) -> None:
    known = [*market.channels, *dict.fromkeys(_named(stream) for stream in market.streams if stream.part)]
    for channel in channels:
        if channel not in known:
            near = nearest(channel, known)
            hint = f"did you mean {near}?" if near else f"there are {', '.join(market.channels)}"
            raise UsageError(f"--record-channel {channel!r}: there is no such channel; {hint}")


def _info(market: Market) -> RecordingInfo:
    identity = market.identity
    return RecordingInfo(
        version=__version__,
        source=f"market {identity.name}",
        scenario=identity.scenario,
        seed=market.state.seed,
        epoch=market.epoch,
        digest=market.state.digest,
        shift=market.shift,
        instruments={each.symbol: (f"{each.tick_size:f}", f"{each.lot_size:f}") for each in market.instruments},
    )
