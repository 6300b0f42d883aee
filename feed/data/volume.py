"""Day volume: the amount traded since the UTC day of market time began, each trade included."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from feed.units import DAY

__all__ = ["DayVolume"]

Ints = NDArray[np.int64]


class DayVolume:
    """Running day volume of one symbol.

    Attributes:
        total: the volume of the last trade's day so far, in the units of the sizes; it must be converted whenever
            those units change.
    """

    def __init__(self) -> None:
        self.total: Any = 0
        self._day = -1

    def before(self, time: int) -> Any:
        """Return the volume so far of the day of `time`."""
        return self.total if time // DAY == self._day else 0

    def note(self, time: int, total: Any) -> None:
        """Set the volume after the trade at `time` to an externally given total."""
        self._day, self.total = time // DAY, total

    def one(self, time: int, size: Decimal) -> Decimal:
        """Add one trade and return the volume after it."""
        if time // DAY != self._day:
            self._day, self.total = time // DAY, 0
        self.total += size
        return Decimal(self.total)

    def add(self, time: Ints, size: Ints) -> Ints:
        """Add at least one trade and return the volume after each; times are in ns UTC and never decrease."""
        total = np.cumsum(size)
        first, last = int(time[0]) // DAY, int(time[-1]) // DAY
        before = self.total if first == self._day else 0
        if first == last:
            volume: Ints = total + before
        else:
            begins = np.flatnonzero(np.diff(time // DAY)) + 1
            # Total of the days before each trade's day; sums never decrease, so the last value noted holds for the day.
            earlier = np.zeros(len(time), np.int64)
            earlier[begins] = total[begins] - size[begins]
            volume = total - np.maximum.accumulate(earlier)
            volume[: begins[0]] += before
        self._day, self.total = last, int(volume[-1])
        return volume
