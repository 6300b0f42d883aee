"""Channels whose messages come from a recording: sent unchanged if recorded, derived otherwise."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from feed.data.messages import RecordedRows
from feed.data.rows import RawRows
from feed.data.ticks import Batch, Instrument, Source
from feed.market.channels.base import Channel, Track

__all__ = ["RecordedChannel", "RecordedTrack"]

Ints = NDArray[np.int64]


class RecordedChannel:
    """Derived channel whose recorded streams are sent unchanged.

    Args:
        inner: the channel that derives streams that were not recorded.
        source: the recording.
    """

    def __init__(self, inner: Channel, source: Source) -> None:
        self.name = inner.name
        self.parts = inner.parts
        self.lossless = inner.lossless
        self.differences = inner.differences
        self.begins_with_snapshot = inner.begins_with_snapshot
        self.on_demand = inner.on_demand
        self.chunk = inner.chunk
        self._inner = inner
        self._source = source

    def _rows(self, symbol: int, part: str) -> RecordedRows | None:
        return self._source.recorded(self.name, self._source.instruments[symbol].symbol, part)

    def track(self, batch: Batch, symbol: int, part: str) -> Track:
        """Return the messages of a batch."""
        rows = self._rows(symbol, part)
        if rows is None:
            return self._inner.track(batch, symbol, part)
        return RecordedTrack(self._source.instruments[symbol], rows.between(batch.start, batch.end))

    def seq_at(self, time: int, begins: int, symbol: int, part: str) -> int:
        """Return the number of messages up to market time `time`, in an epoch that began at `begins`."""
        rows = self._rows(symbol, part)
        if rows is None:
            return self._inner.seq_at(time, begins, symbol, part)
        return len(rows.between(begins, time + 1))

    def snapshot(self, symbol: int, part: str, at: int, count: int) -> Track | None:
        """Return the last `count` messages up to market time `at`; if there is none yet, the state by then."""
        rows = self._rows(symbol, part)
        until = 0 if rows is None else len(rows.between(-(2**62), at + 1))
        instrument = self._source.instruments[symbol]
        if rows is not None and not until and rows.opening is not None:
            return RecordedTrack(instrument, RecordedRows(np.array([at], np.int64), [rows.opening]))
        if rows is None or not until:
            return self._inner.snapshot(symbol, part, at, count)
        lo = max(0, until - count)
        known = RecordedRows(rows.time[lo:until], rows.data[lo:until])
        return RecordedTrack(instrument, known)

    def is_known(self, symbol: int, part: str, at: int, count: int) -> bool:
        """Return True for a recorded stream; otherwise ask the derived channel."""
        return self._rows(symbol, part) is not None or self._inner.is_known(symbol, part, at, count)

    def making(self, symbol: int, part: str, at: int, count: int) -> Iterator[None]:
        """Compute the data that the derived state needs."""
        return self._inner.making(symbol, part, at, count)


class RecordedTrack:
    """Recorded messages of one stream."""

    def __init__(self, instrument: Instrument, rows: RecordedRows) -> None:
        self.times: Ints = rows.time
        self._instrument = instrument
        self._data: Sequence[bytes] = rows.data

    def rows(self, lo: int, hi: int) -> RawRows:
        """Return the messages as recorded; they contain their times, for a market without a shift."""
        return RawRows(self._instrument, self._data[lo:hi])
