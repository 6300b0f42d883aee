"""Log price at any time: the sum of the changes of minutes and cells, and of the script's additions.

The price is known exactly at the start of the scenario; from there whole days are summed, forwards and backwards, and
kept. A day costs a few milliseconds, so a seek to any time is cheap. The path at a time depends on the part of the
script that has begun by then: what begins later changes nothing before.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from feed.engine.cells import CELL, CELLS_A_MINUTE, Cells
from feed.engine.guides import Guide
from feed.engine.minutes import MINUTES_A_DAY, Minutes
from feed.engine.timeline import FIXED, Timeline
from feed.randomness import exp2
from feed.scenario.model import Scenario, SymbolModel
from feed.units import DAY, MINUTE

__all__ = ["LEAST_TICKS", "PricePath", "rounded"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LEAST_TICKS = 2
MOST_TICKS = 1e15
REACH = 60 << FIXED
"""Limit of the log2 price's distance from the start price, in fixed point; beyond it, the price stays constant."""


class PricePath:
    """Price path of one symbol, at any time: it depends on the script up to that time and on no orders."""

    def __init__(
        self, scenario: Scenario, symbol: SymbolModel, minutes: Minutes, cells: Cells, timeline: Timeline
    ) -> None:
        self._minutes = minutes
        self._cells = cells
        self._timeline = timeline
        self._start_minute = scenario.start // MINUTE
        self._start_ticks = float(symbol.start_price / symbol.tick_size)
        self._free_day = lru_cache(maxsize=4)(self._make_free_day)
        self._opens: dict[int, int] = {}
        self._guide = Guide(timeline, float(symbol.start_price), self._free)

    def ticks(self, times: Ints) -> Floats:
        """Return the price in ticks, not yet rounded, at times that never decrease."""
        return self.priced(self.unscripted(times) + self._timeline.moved(times))

    def unscripted(self, times: Ints) -> Ints:
        """Return log2(price / start price), in fixed point, without the script's moves; times never decrease."""
        return self._free(times) + self._guide.added(times)

    def priced(self, logs: Ints) -> Floats:
        """Return prices in ticks, not yet rounded, from log2(price / start price) in fixed point."""
        return exp2(np.clip(logs, -REACH, REACH).astype(np.float64) / 2.0**FIXED) * self._start_ticks

    def outlook(self, times: Ints, ahead: int) -> Ints:
        """Return the change of log2 of the price over the next `ahead` cells, in fixed point, without any script."""
        first = int(times[0]) // MINUTE
        minutes = np.arange(first, (int(times[-1]) + ahead * CELL) // MINUTE + 1, dtype=np.int64)
        steps = self._cells.steps(minutes).ravel()
        reached = np.cumsum(steps) - steps
        cell, into = np.divmod(times - first * MINUTE, CELL)
        now, later = np.minimum(cell, len(steps) - 1), np.minimum(cell + ahead, len(steps) - 1)
        share = into / CELL
        result: Ints = reached[later] - reached[now] + np.floor(share * (steps[later] - steps[now])).astype(np.int64)
        return result

    def inherit(self, earlier: PricePath, until: int) -> None:
        """Take over what is known of a path that is equal up to market time `until`."""
        self._opens.update({day: log for day, log in list(earlier._opens.items()) if day * DAY <= until})
        self._guide.inherit(earlier._guide, until)

    def _free(self, times: Ints) -> Ints:
        """Return log2(price / start price) without moves and guides, in fixed point; it is linear within a cell."""
        if not len(times):
            return np.empty(0, np.int64)
        minutes = times // MINUTE
        into = times - minutes * MINUTE
        first = int(minutes[0])
        found = self._at_minutes(first, int(minutes[-1]) - first).take(minutes - first)
        within = np.flatnonzero(into)
        if not len(within):
            return found
        asked = minutes[within]
        changed = np.flatnonzero(np.diff(asked, prepend=asked[0] - 1))
        steps = self._steps(asked[changed])
        row = np.repeat(np.arange(len(changed)), np.diff(changed, append=len(asked)))
        cell, rest = np.divmod(into[within], CELL)
        reached = (np.cumsum(steps, axis=1) - steps).ravel()
        place = row * CELLS_A_MINUTE + cell
        found[within] += reached.take(place)
        found[within] += np.floor((rest / CELL) * steps.ravel().take(place) + 0.5).astype(np.int64)
        return found

    def _steps(self, minutes: Ints) -> Ints:
        """Return the steps of the cells of these minutes, with the script's volatility at the cell's beginning."""
        steps = self._cells.steps(minutes)
        if not self._timeline.scales("volatility", int(minutes[0]) * MINUTE, int(minutes[-1] + 1) * MINUTE):
            return steps
        starts = (minutes[:, None] * MINUTE + np.arange(CELLS_A_MINUTE, dtype=np.int64) * CELL).ravel()
        factor = self._timeline.factor("volatility", starts).reshape(steps.shape)
        after = np.cumsum(steps, axis=1)
        # These differences add up to the scaled change of the minute where the factor is constant.
        return np.floor(after * factor).astype(np.int64) - np.floor((after - steps) * factor).astype(np.int64)

    def _at_minutes(self, first: int, count: int) -> Ints:
        """Return the same as `_free` at `count + 1` edges of minutes."""
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
            self._opens[known + 1] = self._opens[known] + self._day_change(known)
            known += 1
        while known > day:
            self._opens[known - 1] = self._opens[known] - self._day_change(known - 1)
            known -= 1
        return self._opens[day]

    def _day_change(self, day: int) -> int:
        if self._timeline.scales("volatility", day * DAY, (day + 1) * DAY):
            return int(self._free_day(day)[-1])
        return self._minutes.day_change(day)

    def _make_free_day(self, day: int) -> Ints:
        """Sum the changes of a day up to the end of each of its minutes, in fixed point."""
        changes = self._minutes.day_changes(day)
        if self._timeline.scales("volatility", day * DAY, (day + 1) * DAY):
            minutes = np.arange(day * MINUTES_A_DAY, (day + 1) * MINUTES_A_DAY, dtype=np.int64)
            changes = np.floor(changes * self._timeline.factor("volatility", minutes * MINUTE)).astype(np.int64)
            uneven = np.flatnonzero(self._timeline.uneven("volatility", minutes))
            if len(uneven):
                changes[uneven] = self._steps(minutes[uneven]).sum(axis=1)
        return np.cumsum(changes)


def rounded(ticks: Floats) -> Ints:
    """Round prices to whole ticks, clipped to the range that can be quoted."""
    return np.floor(np.clip(ticks, float(LEAST_TICKS), MOST_TICKS) + 0.5).astype(np.int64)
