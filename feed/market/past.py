"""What a market's symbols did up to now, for those who ask by HTTP: candles and trades that meet the live stream.

Made by the tracks that make the live messages, so both say the same.
"""

from __future__ import annotations

import itertools

import numpy as np

from feed.data.rows import CandleRows, TradeRows
from feed.data.ticks import Source, TickBlock, batches_between
from feed.market.channels.base import TickTrack
from feed.market.channels.derived import INTERVALS, CandleTrack
from feed.market.memory import BarMemory
from feed.units import DAY, HOUR, MINUTE

__all__ = ["Past"]

REACH = 7 * DAY
"""No answer reaches further back from its end: a market has no beginning, and making it takes time."""

STEPS = (5 * MINUTE, HOUR, 6 * HOUR, DAY)
"""Trades are looked for in stretches of growing length."""


class Past:
    """The past of one market; may be used from another thread than the market's.

    Args:
        source: where it comes from, the same that `memories` use and under the same lock.
        memories: for each of the source's instruments what it did before.
        shift: nanoseconds added to every time that a client sees.
    """

    def __init__(self, source: Source, memories: list[BarMemory], shift: int) -> None:
        self._source = source
        self._memories = memories
        self._shift = shift

    def candles(self, symbol: int, interval: str, start: int | None, until: int, limit: int) -> CandleRows:
        """At most the last `limit` candles that begin at `start` or later, as they stand at `until`.

        Args:
            start: market time in ns, or None for as many as there may be.
            until: market time in ns; the last candle is the one that it is in.
        """
        length = INTERVALS[interval]
        last = until // length * length
        reach = min(REACH, (limit - 1) * length) if length >= MINUTE else min(DAY, (limit - 1) * length)
        first = max(last - reach // length * length, -(-(start or 0) // length) * length)
        instrument = self._source.instruments[symbol]
        if first > last:
            return CandleRows(instrument, interval, ())
        ends = np.minimum(np.arange(first, last + 1, length, dtype=np.int64) + length - 1, until)
        memory = self._memories[symbol]
        track = CandleTrack(instrument, interval, self._shift, memory, TickBlock.empty(), ends, until + 1)
        return track.rows(0, len(ends))

    def trades(self, symbol: int, start: int | None, until: int, limit: int) -> TradeRows:
        """At most the last `limit` trades from `start` to `until` (market time, ns, both included)."""
        earliest = max(start or 0, until - REACH)
        blocks: list[TickBlock] = []
        found, end = 0, until + 1
        for step in itertools.chain(STEPS, itertools.repeat(STEPS[-1])):
            if found >= limit or end <= earliest:
                break
            begin = max(earliest, end - step)
            part = self._ticks(symbol, begin, end)
            blocks[:0] = part
            found += sum(map(len, part))
            end = begin
        wanted = TickBlock.joined(blocks)[-limit:]
        return TickTrack(wanted, self._source.instruments[symbol], self._shift).rows(0, len(wanted))

    def _ticks(self, symbol: int, begin: int, end: int) -> list[TickBlock]:
        with self._memories[symbol].lock:
            return [batch.ticks[symbol] for batch in batches_between(self._source, begin, end)]
