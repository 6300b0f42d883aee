"""The tap on a market: what it publishes becomes a recording."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import orjson

from feed.clock import Clock
from feed.delivery.framing import payload_of
from feed.delivery.hub import Run
from feed.dialects.native.replies import Variant
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

PLAIN = Variant()

OF_A_DAY = ("ticker", "candles")
"""Channels whose first message takes long to make: it needs the day before."""

HALF = 0.5
"""Of what may wait."""

# Inside of a JSON text every quote is escaped, so no name of a symbol can look like this.
_MARK = b',"data":'


class MarketRecorder:
    """Records chosen channels of a market, all of their streams, whether anybody listens or not.

    A stream that begins with a state has that state in its first rows. Times are those that clients see.

    Args:
        market: the market, which may be running.
        path: the recording to be; see `RecordingWriter`.
        channels: what is recorded; of a channel with several streams a symbol also one alone, as `book:25`.
        clock: both clocks are noted with each message.

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
        for stream in streams:
            self._begin(stream)
        market.record(self, streams)

    @property
    def counters(self) -> RecordingCounters:
        """How it goes."""
        return self._writer.counters

    def close(self) -> RecordingCounters:
        """Flush, sync and finish; it waits for the disk."""
        self._market.tap = None
        return self._writer.close()

    @property
    def is_busy(self) -> bool:
        """Whether so much waits that more may be lost. For a disk that refuses nobody waits."""
        return self._writer.filled > HALF and self.counters.state == "recording"

    def _begin(self, stream: Stream) -> None:
        """The state behind which the stream's messages follow."""
        if not self._market.has_snapshot(stream.channel):
            return
        frame = self._market.state_of(stream, 1, PLAIN)
        if frame:
            payload = payload_of(frame)
            time = self._market.published + self._market.shift
            seq = orjson.loads(payload)["seq"]
            channel, symbol, part = stream
            data = _data_of(payload)
            received = self._clock.wall()
            self._writer.add([Row(received, time, channel, symbol, part, "snapshot", seq, data=data)])

    def take(self, segment: Segment, runs: list[Run], now: int) -> None:
        """Record what is published of the chosen streams."""
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
        # The frames of subscribers, where there are any.
        frames = segment.frames(number, lo, hi, PLAIN)
        for seq, (time, frame) in enumerate(zip(times, frames, strict=True), first_seq):
            data = _data_of(payload_of(frame))
            yield Row(received, time, channel, symbol, part, "update", seq, data=data)


def _data_of(payload: bytes) -> str:
    """The object of a `data` frame, as it is written there."""
    return payload[payload.index(_MARK) + len(_MARK) : -1].decode()


def _named(stream: Stream) -> str:
    """What it is called as one of a symbol's: `book:25`."""
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
