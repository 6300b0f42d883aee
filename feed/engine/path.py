"""Log price at the edges of minutes: the sum of the minutes' returns and of the script's additions.

The price is known exactly at the start of the scenario; from there whole days are summed, forwards and backwards, and
kept. A day costs a few milliseconds, so a seek to any time is cheap.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from feed.engine.guides import Guide
from feed.engine.minutes import MINUTES_A_DAY, Minutes
from feed.engine.timeline import FIXED, Timeline
from feed.randomness import exp2
from feed.scenario.model import Scenario, SymbolModel
from feed.units import MINUTE

__all__ = ["LEAST_TICKS", "PricePath", "rounded"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LEAST_TICKS = 2
MOST_TICKS = 1e15
LOG2_E = 1.4426950408889634
REACH = 60 << FIXED
"""Limit of the log2 price's distance from the start price, in fixed point; beyond it, the price stays constant."""


class PricePath:
    """Price path of one symbol at the edges of minutes."""

    def __init__(self, scenario: Scenario, symbol: SymbolModel, minutes: Minutes, timeline: Timeline) -> None:
        self._minutes = minutes
        self._timeline = timeline
        self._start_minute = scenario.start // MINUTE
        self._start_price = float(symbol.start_price)
        self._start_ticks = float(symbol.start_price / symbol.tick_size)
        self._free_day = lru_cache(maxsize=4)(self._make_free_day)
        self._opens: dict[int, int] = {}
        self._guide = Guide(timeline, self._start_price, self._free_at)

    def edges(self, first: int, count: int) -> Ints:
        """Return times at which the price is known before orders are made: edges of `count` minutes from `first` on.

        Times within a minute at which the script begins or ends to guide the price are included.
        """
        edges = np.arange(first, first + count + 1, dtype=np.int64) * MINUTE
        knots = self._guide.knots(first * MINUTE, (first + count) * MINUTE)
        return np.sort(np.concatenate([edges, knots])) if len(knots) else edges

    def ticks(self, edges: Ints) -> Floats:
        """Return the price in ticks, not yet rounded, at these edges.

        Scripted moves are left out: they are known at any time, not only at edges (see `scripted`).
        """
        logs = np.clip(self._free_at(edges) + self._guide.added(edges), -REACH, REACH)
        return exp2(logs.astype(np.float64) / 2.0**FIXED) * self._start_ticks

    def scripted(self, times: Ints) -> Floats:
        """Return the factor on the price from the script's moves up to each time; times never decrease."""
        logs = np.clip(self._timeline.moved(times), -REACH, REACH)
        if len(logs) and logs[0] == logs[-1] and not (logs != logs[0]).any():
            return np.full(len(logs), exp2(logs[:1].astype(np.float64) / 2.0**FIXED)[0])
        return exp2(logs.astype(np.float64) / 2.0**FIXED)

    def _free_at(self, times: Ints) -> Ints:
        """Return log2(price / start price) without script, in fixed point; it is linear within a minute."""
        minutes = times // MINUTE
        first = int(minutes[0])
        share = (times - minutes * MINUTE).astype(np.float64) / MINUTE
        within = bool(share.any())
        logs = self._free(first, int(minutes[-1]) - first + within)
        found = logs.take(minutes - first)
        if not within:
            return found
        ahead = logs.take(np.minimum(minutes + 1 - first, len(logs) - 1)) - found
        result: Ints = found + np.floor(share * ahead + 0.5).astype(np.int64)
        return result

    def _free(self, first: int, count: int) -> Ints:
        """Return log2(price / start price) without script, in fixed point, at `count + 1` edges of minutes."""
        day, offset = divmod(first, MINUTES_A_DAY)
        logs = np.empty(count + 1, np.int64)
        logs[0] = self._open_of(day) + (self._free_day(day)[offset - 1] if offset else 0)
        filled = 1
        while filled <= count:
            part = self._free_day(day)[offset : offset + count + 1 - filled]
            logs[filled : filled + len(part)] = part + self._open_of(day)
            filled += len(part)
            day, offset = day + 1, 0
        return logs

    def _open_of(self, day: int) -> int:
        """Return the log2 price at the beginning of a day, in fixed point; it is 0 at the scenario's start."""
        anchor, offset = divmod(self._start_minute, MINUTES_A_DAY)
        if anchor not in self._opens:
            self._opens[anchor] = -int(self._free_day(anchor)[offset - 1]) if offset else 0
        known = day if day in self._opens else (max(self._opens) if day > anchor else min(self._opens))
        while known < day:
            self._opens[known + 1] = self._opens[known] + int(self._free_day(known)[-1])
            known += 1
        while known > day:
            self._opens[known - 1] = self._opens[known] - int(self._free_day(known - 1)[-1])
            known -= 1
        return self._opens[day]

    def _make_free_day(self, day: int) -> Ints:
        """Sum the returns of a day up to the end of each of its minutes, in fixed point."""
        returns = np.clip(self._minutes.returns(day), -1.0, 1.0)
        return np.cumsum(np.floor(returns * (2.0**FIXED * LOG2_E) + 0.5).astype(np.int64))


def rounded(ticks: Floats) -> Ints:
    """Round prices to whole ticks, clipped to the range that can be quoted."""
    return np.floor(np.clip(ticks, float(LEAST_TICKS), MOST_TICKS) + 0.5).astype(np.int64)
