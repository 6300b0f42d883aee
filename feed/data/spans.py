"""Lengths of candles that exchanges have, and where each candle begins: by the clock, the week or the month."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from feed.units import DAY, HOUR, MINUTE, SECOND

__all__ = ["SPANS", "CandleSpan"]

Ints = NDArray[np.int64]

MONDAY = 4 * DAY
"""The first Monday (1970-01-05), from which weeks are counted; multiples of a week begin on Thursday."""


@dataclass(frozen=True, slots=True)
class CandleSpan:
    """Length of a candle: `length` ns from each multiple of it after `offset`, or a month of the calendar.

    `offset` is also that of the time zone whose months are counted. The `length` of a month is the longest one.
    """

    length: int
    offset: int = 0
    is_month: bool = False

    def begins(self, times: Ints) -> Ints:
        """Return the beginning of the candle that each time is in."""
        if not self.is_month:
            begins: Ints = (times - self.offset) // self.length * self.length + self.offset
            return begins
        months = (times - self.offset).astype("datetime64[ns]").astype("datetime64[M]")
        first: Ints = months.astype("datetime64[ns]").astype(np.int64)
        return first + self.offset

    def begin(self, time: int) -> int:
        """Return the beginning of the candle that a time is in."""
        if not self.is_month:
            return (time - self.offset) // self.length * self.length + self.offset
        return int(self.begins(np.array([time], np.int64))[0])

    def end(self, begin: int) -> int:
        """Return the beginning of the candle after the one that begins at `begin`."""
        return self.begin(begin + self.length + DAY) if self.is_month else begin + self.length

    def earlier(self, begin: int, count: int) -> int:
        """Return the beginning of the `count`-th candle before the one that begins at `begin`."""
        if not self.is_month:
            return begin - count * self.length
        for _ in range(count):
            begin = self.begin(begin - 1)
        return begin

    def shifted(self, by: int) -> CandleSpan:
        """Return the same candles in a time zone that is `by` ns ahead of UTC."""
        return replace(self, offset=self.offset - by)


SPANS = {
    "1s": CandleSpan(SECOND),
    "1m": CandleSpan(MINUTE),
    "3m": CandleSpan(3 * MINUTE),
    "5m": CandleSpan(5 * MINUTE),
    "15m": CandleSpan(15 * MINUTE),
    "30m": CandleSpan(30 * MINUTE),
    "1h": CandleSpan(HOUR),
    "2h": CandleSpan(2 * HOUR),
    "3h": CandleSpan(3 * HOUR),
    "4h": CandleSpan(4 * HOUR),
    "6h": CandleSpan(6 * HOUR),
    "8h": CandleSpan(8 * HOUR),
    "12h": CandleSpan(12 * HOUR),
    "1d": CandleSpan(DAY),
    "3d": CandleSpan(3 * DAY),
    "7d": CandleSpan(7 * DAY),
    "1w": CandleSpan(7 * DAY, MONDAY),
    "14d": CandleSpan(14 * DAY),
    "15d": CandleSpan(15 * DAY),
    "1M": CandleSpan(31 * DAY, is_month=True),
}
"""All lengths of candles by name; `1w` begins on Monday, `7d` on Thursday."""
