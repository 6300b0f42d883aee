"""The volume of a day: what was traded since the UTC day of market time began, each trade included."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from feed.units import DAY

__all__ = ["DayVolume"]

Ints = NDArray[np.int64]


class DayVolume:
    """Follows the trades of one symbol.

    Attributes:
        total: of the last trade's day so far, in the units of the sizes; whoever changes those changes it.
    """

    def __init__(self) -> None:
        self.total: Any = 0
        self._day = -1

    def before(self, time: int) -> Any:
        """The volume of the day of `time` so far."""
        return self.total if time // DAY == self._day else 0

    def note(self, time: int, total: Any) -> None:
        """What somebody else tells of the volume behind the trade at `time`."""
        self._day, self.total = time // DAY, total

    def one(self, time: int, size: Decimal) -> Decimal:
        """The volume behind the next trade, where they come one by one."""
        if time // DAY != self._day:
            self._day, self.total = time // DAY, 0
        self.total += size
        return Decimal(self.total)

    def add(self, time: Ints, size: Ints) -> Ints:
        """The volume behind each of the next trades: times in ns UTC, which never fall, and at least one of them."""
        total = np.cumsum(size)
        first, last = int(time[0]) // DAY, int(time[-1]) // DAY
        before = self.total if first == self._day else 0
        if first == last:
            volume: Ints = total + before
        else:
            begins = np.flatnonzero(np.diff(time // DAY)) + 1
            # What the days before a trade's own came to; sums never fall, so the last that was noted holds for the day.
            earlier = np.zeros(len(time), np.int64)
            earlier[begins] = total[begins] - size[begins]
            volume = total - np.maximum.accumulate(earlier)
            volume[: begins[0]] += before
        self._day, self.total = last, int(volume[-1])
        return volume
