"""Additions to the free path that lead the price to the script's targets.

A promised change is kept by a Brownian bridge: each step closes a part of the remaining distance, the last step all of
it, and the free path's own step becomes smaller towards the end. A reversion is an Ornstein-Uhlenbeck pull. Both go
forward in time and use nothing from the future, so an added event changes nothing before it, and both keep the noise of
the free path, so that a guided price still looks like a market's.
"""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from feed.engine.script import Goal
from feed.engine.stretches import Stretch, stretches_of
from feed.engine.timeline import FIXED, Timeline
from feed.randomness import exp2, log2
from feed.units import MINUTE

__all__ = ["Guide"]

Ints = NDArray[np.int64]

DECAY_BITS = 32
KEPT_EVERY = 64 * MINUTE


class Guide:
    """Guide of one symbol's price.

    The state is one number, the log2 price, and is kept at the beginning of each stretch and about once an hour; a seek
    costs the integer steps of an hour, and once the cost of the stretches before it.

    Args:
        timeline: the symbol's script.
        start_price: the price at log2 price 0.
        free: function that returns the log2 price without script at any times, in fixed point.
    """

    def __init__(self, timeline: Timeline, start_price: float, free: Callable[[Ints], Ints]) -> None:
        self._timeline = timeline
        self._start_price = start_price
        self._free = free
        self._stretches = stretches_of(timeline.pins, timeline.reversions, timeline.begun)
        self._starts = np.array([stretch.start for stretch in self._stretches], np.int64)
        ends = np.array([stretch.end for stretch in self._stretches], np.int64)
        edges = np.unique(np.concatenate([self._starts, ends]))
        self._within_minutes = edges[edges % MINUTE != 0]
        self._begins: dict[int, int] = {}
        self._added: list[int] = [0]
        self._states: dict[int, dict[int, int]] = {}

    def knots(self, start: int, end: int) -> Ints:
        """Return the edges of stretches in that time that are not edges of minutes."""
        lo, hi = np.searchsorted(self._within_minutes, [start, end])
        result: Ints = self._within_minutes[lo:hi]
        return result

    def added(self, times: Ints) -> Ints:
        """Return the addition to the log2 price, in fixed point, at edges of minutes and knots; times are in order."""
        total = np.zeros(len(times), np.int64)
        if not len(self._starts) or times[-1] <= self._starts[0]:
            return total
        of = np.searchsorted(self._starts, times, side="right") - 1
        for index in np.unique(of[of >= 0]).tolist():
            rows = np.flatnonzero(of == index)
            total[rows] = self._added_in(index, times[rows])
        return total

    def _added_in(self, index: int, times: Ints) -> Ints:
        """Return the same as `added` for times in a stretch, or between it and the next."""
        inside = times[times < self._stretches[index].end]
        total = np.empty(len(times), np.int64)
        if len(inside) < len(times):
            self._reach(index + 1)
            total[len(inside) :] = self._added[index + 1]
        if len(inside):
            self._reach(index)
            edges, levels = self._run(index, int(inside[0]), int(inside[-1]))
            total[: len(inside)] = np.array(levels, np.int64)[np.searchsorted(edges, inside)] - self._free(inside)
        return total

    def _reach(self, index: int) -> None:
        """Compute the addition at the beginning of stretch `index`; after the last stretch it stays constant."""
        while len(self._added) <= index:
            before = len(self._added) - 1
            end = self._stretches[before].end
            _, levels = self._run(before, end, end)
            self._added.append(levels[-1] - int(self._free(np.array([end], np.int64))[0]))

    def _level(self, index: int) -> int:
        """Return the log2 price at the beginning of a stretch."""
        start = self._stretches[index].start
        if start not in self._begins:
            self._begins[start] = int(self._free(np.array([start], np.int64))[0]) + self._added[index]
        return self._begins[start]

    def _run(self, index: int, low: int, high: int) -> tuple[list[int], list[int]]:
        """Return the grid of a stretch from `low` or earlier up to `high`, and the log2 price on it."""
        stretch = self._stretches[index]
        states = self._states.setdefault(index, {stretch.start: self._level(index)})
        known = max(time for time in states if time <= low)
        edges = [known, *range(known - known % MINUTE + MINUTE, high, MINUTE)]
        if high > known:
            edges.append(high)
        levels = self._steps(stretch, edges, states[known])
        for edge, level in zip(edges, levels, strict=True):
            if edge % KEPT_EVERY == 0 and edge < stretch.end:
                states[edge] = level
        return edges, levels

    def _steps(self, stretch: Stretch, edges: list[int], level: int) -> list[int]:
        """Return the log2 price at each of the edges, given the one at the first."""
        pin, reversion = stretch.pin, stretch.reversion
        target = self._target(stretch)
        anchor = self._begins[reversion.start] if reversion is not None else 0
        decay = _decay(MINUTE, reversion.half_life) if reversion is not None else 0
        levels = [level]
        changes = np.diff(self._free(np.array(edges, np.int64))).tolist()
        for start, end, change in zip(edges, edges[1:], changes, strict=False):
            if reversion is not None:
                share = decay if end - start == MINUTE else _decay(end - start, reversion.half_life)
                level = anchor + ((level - anchor) * share >> DECAY_BITS)
            if pin is not None:
                left = pin.end - start
                level += (target - level) * (end - start) // left
                change = int(change * sqrt((pin.end - end) / left))
            level += change
            levels.append(level)
        return levels

    def _target(self, stretch: Stretch) -> int:
        """Return the log2 price, without the script's moves, that the stretch's pin requires at its end."""
        pin = stretch.pin
        if pin is None:
            return 0
        if not isinstance(pin, Goal):
            return self._begins[pin.start]
        wanted = np.floor(log2(np.array([pin.price / self._start_price])) * 2.0**FIXED + 0.5)
        return int(wanted[0]) - self._timeline.moved_by(pin.end, stretch.start)


def _decay(length: int, half_life: int) -> int:
    return int(exp2(np.array([-length / half_life]))[0] * 2.0**DECAY_BITS)
