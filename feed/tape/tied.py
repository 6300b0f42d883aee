"""Order of rows with the same time, kept as in the file.

A market orders its messages by time, and those of one time by stream. A recording from the wire has whole milliseconds,
in which many events may fall: there only the order of the rows tells which came first. So a row that a market
would put before the preceding row is moved, by nanoseconds that no client sees.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from feed.units import MILLISECOND, SECOND, parse_duration

__all__ = ["CHANNELS", "Ties", "rank_of"]

Ints = NDArray[np.int64]

CHANNELS = ("status", "book", "trading", "ticker", "candles")
"""Channels in the order in which a market sends messages of the same time."""

BITS = 20


def rank_of(channel: str, symbol: str, part: str, symbols: Mapping[str, object]) -> int:
    """Return a sort key for a stream's position among messages of the same time."""
    place = list(symbols).index(symbol) if symbol in symbols else 0
    within = parse_duration(part) // SECOND if part and not part.isdigit() else int(part or 0)
    return ((CHANNELS.index(channel) << BITS) + place << BITS) + within


class Ties:
    """Adjuster of row times, batch after batch."""

    def __init__(self) -> None:
        self._time, self._rank, self._moved = -(2**62), 0, 0

    def apart(self, time: Ints, rank: Ints) -> Ints:
        """Return the times of the next rows, separated as their ranks require."""
        if not len(time):
            return time
        order = np.argsort(time, kind="stable")
        t, r = time[order], rank[order]
        same = np.diff(t, prepend=self._time) == 0
        falls = np.cumsum(same & (np.diff(r, prepend=self._rank) < 0))
        before = np.maximum.accumulate(np.where(same, -1, falls))
        # Rows with the same time as the last row before them are moved by the same amount.
        moved = np.where(before < 0, falls + self._moved, falls - before)
        moved = np.minimum(moved, _until(t))
        self._time, self._rank, self._moved = int(t[-1]), int(r[-1]), int(moved[-1])
        if not moved.any():
            return time
        apart = time.copy()
        apart[order] = t + moved
        return apart


def _until(time: Ints) -> Ints:
    """Return the room (ns) of each non-decreasing time before the next distinct one."""
    ends = np.searchsorted(time, time, side="right")
    following = np.append(time, time[-1] + MILLISECOND)
    room: Ints = following[ends] - time - 1
    return room
