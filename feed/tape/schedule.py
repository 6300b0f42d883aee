"""Times at which a replay sends a recording's messages: by one of its two clocks, and always in the recorded order.

Two streams of an exchange, and even messages of one stream, may have times that fall from one message to the next:
their clocks differ, and one message takes longer than another. A market sends its messages by time, and those of one
time by stream. So the messages get times that never fall. Where times contradict the order, trades keep theirs as far
as they can, and messages between two trades move between them. A message that a market would otherwise send before the
one in front of it moves by a nanosecond, which no client sees.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from feed.units import SECOND, parse_duration

__all__ = ["CHANNELS", "Schedule", "rank_of"]

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

CHANNELS = ("status", "book", "quote", "trading", "ticker", "candles")
"""Channels in the order in which a market sends messages of the same time."""

PLACE_BITS = 20

MOST_HELD = 262_144
"""Number of rows behind the last trade, with times that fall, which wait for the next trade."""

NEVER = 2**62


def rank_of(channel: str, symbol: str, part: str, symbols: Mapping[str, object]) -> int:
    """Return a sort key for a stream's position among messages of the same time."""
    place = list(symbols).index(symbol) if symbol in symbols else 0
    within = parse_duration(part) // SECOND if part and not part.isdigit() else int(part or 0)
    return ((CHANNELS.index(channel) << PLACE_BITS) + place << PLACE_BITS) + within


class Schedule:
    """Maker of times for a recording's rows, batch after batch."""

    def __init__(self) -> None:
        # Of the last row: its time and its rank; and the time of the last trade.
        self._time, self._rank, self._trade = -NEVER, 0, -NEVER

    def ready(self, time: Ints, trades: Flags) -> int:
        """Return how many of the next rows may be given times now; the others wait for the trade behind them.

        Args:
            time: the times of the rows by their own clock.
            trades: whether each is a trade.
        """
        if not len(time) or (time[0] >= self._time and (np.diff(time) >= 0).all()):
            return len(time)
        last = np.flatnonzero(trades)
        if len(last):
            return int(last[-1]) + 1
        return len(time) if len(time) >= MOST_HELD else 0

    def due(self, time: Ints, rank: Ints, trades: Flags) -> Ints:
        """Return the times of the next rows: never falling, and rising where the rank falls."""
        if not len(time):
            return time
        if time[0] >= self._time and (rank == self._rank).all() and (np.diff(time) >= 0).all():
            # One stream in order.
            self._time = int(time[-1])
            if trades[-1]:
                self._trade = self._time
            return time
        wanted = self._between_trades(time, trades)
        # The least times that are not before the wanted ones, and rise by one with each fall of the rank.
        falls: Ints = np.cumsum(np.diff(rank, prepend=self._rank) < 0)
        due: Ints = falls + np.maximum(np.maximum.accumulate(wanted - falls), self._time)
        self._time, self._rank = int(due[-1]), int(rank[-1])
        return due

    def _between_trades(self, time: Ints, trades: Flags) -> Ints:
        """Return the times with those of other messages moved between the trades before and behind them."""
        places = np.flatnonzero(trades)
        if not len(places):
            return np.maximum(time, self._trade)
        own = np.maximum(np.maximum.accumulate(time[places]), self._trade)
        count: Ints = np.cumsum(trades)
        before = np.concatenate([[self._trade], own])[count]
        behind = np.concatenate([own, [NEVER]])[count - trades]
        self._trade = int(own[-1])
        return np.clip(time, before, behind)
