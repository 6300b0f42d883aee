"""Past candles and trades of a market's symbols, for HTTP requests; they join the live stream without a gap.

They come from the same tracks as the live messages, so both agree.
"""

from __future__ import annotations

import itertools

import numpy as np

from feed.data.rows import Rows
from feed.data.ticks import Source, TickBlock
from feed.market.channels.base import TickTrack, Track
from feed.market.channels.derived import INTERVALS, CandleTrack
from feed.market.chores import Chore
from feed.market.memory import BarMemory
from feed.units import DAY, HOUR, MINUTE

__all__ = ["Past"]

MAX_REACH = 7 * DAY
"""The longest time (ns) that an answer covers: a market has no beginning, and computing its past takes time."""

STEPS = (5 * MINUTE, HOUR, 6 * HOUR, DAY)
"""The growing lengths (ns) of the stretches that are searched for trades."""

PIECE_ROWS = 200
"""The number of rows computed in one step."""


class Past:
    """Past of one market, as chores for another thread than the market's.

    Args:
        source: the source, the same that `memories` use.
        memories: the past bars of each of the source's instruments.
        shift: nanoseconds added to every time that a client sees.

    Attributes:
        memories: see above.
    """

    def __init__(self, source: Source, memories: list[BarMemory], shift: int) -> None:
        self._source = source
        self.memories = memories
        self._shift = shift

    def candles(self, symbol: int, interval: str, start: int | None, until: int, limit: int) -> Chore[list[Rows]]:
        """Return at most the last `limit` candles that begin at `start` or later, as of `until`; in pieces.

        Args:
            start: market time in ns, or None for no lower bound.
            until: market time in ns; the last candle is the one that contains it.
        """
        length = INTERVALS[interval]
        last = until // length * length
        reach = min(MAX_REACH, (limit - 1) * length) if length >= MINUTE else min(DAY, (limit - 1) * length)
        known_from = self._source.first_trade(symbol) // length * length
        first = max(last - reach // length * length, -(-(start or 0) // length) * length, known_from)
        if first > last:
            return []
        memory = self.memories[symbol]
        if length >= MINUTE:
            yield from memory.making(first, (until + 1) // MINUTE * MINUTE)
        else:
            yield from memory.making_seconds(first, until + 1)
        ends = np.minimum(np.arange(first, last + 1, length, dtype=np.int64) + length - 1, until)
        instrument = self._source.instruments[symbol]
        track = CandleTrack(instrument, interval, self._shift, memory, TickBlock.empty(), ends, until + 1)
        return (yield from _pieces(track, len(ends)))

    def trades(self, symbol: int, start: int | None, until: int, limit: int) -> Chore[list[Rows]]:
        """Return at most the last `limit` trades from `start` to `until` (market time, ns, inclusive); in pieces."""
        earliest = max(start or 0, until - MAX_REACH)
        blocks: list[TickBlock] = []
        found, end = 0, until + 1
        for step in itertools.chain(STEPS, itertools.repeat(STEPS[-1])):
            if found >= limit or end <= earliest:
                break
            begin = max(earliest, end - step)
            part: list[TickBlock] = []
            for block in self._source.ticks(symbol, begin, end):
                part.append(block)
                yield
            blocks[:0] = part
            found += sum(map(len, part))
            end = begin
        wanted = TickBlock.joined(blocks)[-limit:]
        track = TickTrack(wanted, self._source.instruments[symbol], self._shift)
        return (yield from _pieces(track, len(wanted)))


def _pieces(track: Track, count: int) -> Chore[list[Rows]]:
    """Return the first `count` messages of a track, in pieces."""
    pieces: list[Rows] = []
    for first in range(0, count, PIECE_ROWS):
        pieces.append(track.rows(first, min(first + PIECE_ROWS, count)))
        yield
    return pieces
