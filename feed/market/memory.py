"""What a symbol did before now: bars of any earlier market time, made from the source when they are asked for."""

from __future__ import annotations

import threading
from collections import OrderedDict
from contextlib import AbstractContextManager

import numpy as np

from feed.data.bars import Bars, bars_of, joined
from feed.data.ticks import Source, batches_between
from feed.units import HOUR, MINUTE, SECOND

__all__ = ["BarMemory", "Lock"]

Lock = AbstractContextManager[bool]
"""A re-entrant lock, as `threading.RLock` makes them."""

KEPT_HOURS = 200


class BarMemory:
    """Minute bars of one symbol, an hour at a time; the hours that are asked for again are kept.

    Args:
        source: where ticks come from; with a thread that makes the past, one that nobody else uses.
        index: which of its instruments.
        lock: shared by all who use that source.
    """

    def __init__(self, source: Source, index: int, lock: Lock | None = None) -> None:
        self._source = source
        self._index = index
        self._hours: OrderedDict[int, Bars] = OrderedDict()
        # A day is made ready in a thread of its own while the event loop runs, and a source keeps things for itself.
        self.lock = lock or threading.RLock()

    def minutes(self, start: int, end: int) -> Bars:
        """The minute bars that begin at `start` or later and before `end` (ns UTC, whole minutes)."""
        if start >= end:
            return Bars.empty()
        with self.lock:
            whole = joined([self._hour(hour) for hour in range(start // HOUR, -(-end // HOUR))])
        lo, hi = np.searchsorted(whole.time, [start, end])
        return whole[slice(int(lo), int(hi))]

    def until(self, start: int, at: int) -> Bars:
        """The trades from `start` up to, not including, `at`: minute bars, and second bars of minutes that are cut.

        `start` is a whole second.
        """
        first, last = -(-start // MINUTE) * MINUTE, at - at % MINUTE
        with self.lock:
            if first >= last:
                return self._ticks(start, at, SECOND)
            edges = self._ticks(start, first, SECOND), self.minutes(first, last), self._ticks(last, at, SECOND)
        return joined(edges)

    def seconds(self, start: int, at: int) -> Bars:
        """The same trades in second bars; they are not kept, so this is for hours and not for days."""
        with self.lock:
            return self._ticks(start, at, SECOND)

    def last(self, at: int) -> Bars:
        """The last trade before `at`, as a second bar, however long ago it was; none where there is none."""
        with self.lock:
            time = self._source.last_trade(self._index, at)
            return Bars.empty() if time is None else self._ticks(time // SECOND * SECOND, time + 1, SECOND)

    def _hour(self, hour: int) -> Bars:
        bars = self._hours.get(hour)
        if bars is None:
            bars = self._hours[hour] = self._ticks(hour * HOUR, (hour + 1) * HOUR, MINUTE)
            while len(self._hours) > KEPT_HOURS:
                self._hours.popitem(last=False)
        else:
            self._hours.move_to_end(hour)
        return bars

    def _ticks(self, start: int, end: int, length: int) -> Bars:
        if start >= end:
            return Bars.empty()
        batches = batches_between(self._source, start, end)
        parts = [bars_of(batch.ticks[self._index], length) for batch in batches]
        # A batch may end inside of a bar.
        return joined(parts).coarser(length)
