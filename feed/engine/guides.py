"""Additions to the free path that lead the price to the script's targets.

A promised change is kept by a Brownian bridge: each step closes a part of the remaining distance, the last step all of
it, and the free path's own changes become smaller towards the end. A reversion is an Ornstein-Uhlenbeck pull. Both go
forward in time: what a step does is certain at its beginning, so an event that begins within a step changes nothing
before itself. And both keep the noise of the free path, so that a guided price still looks like a market's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import floor, sqrt

import numpy as np
from numpy.typing import NDArray

from feed.engine.script import Goal
from feed.engine.stretches import Stretch, stretches_of
from feed.engine.timeline import FIXED, Timeline
from feed.randomness import exp2, log2
from feed.units import MINUTE, SECOND

__all__ = ["Guide"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

DECAY_BITS = 32
KEPT_EVERY = 64 * MINUTE
LAST_STEPS = 2 * MINUTE
"""Time before a pin's end in which the steps become shorter, ns."""
LEAST_STEP = SECOND // 2


@dataclass(frozen=True, slots=True)
class _Run:
    """Steps of a guided stretch, as columns: in each the price drifts evenly, and has a share of the free changes."""

    begin: Ints
    end: Ints
    level: Ints
    drift: Ints
    share: Floats


class Guide:
    """Guide of one symbol's price.

    The state is one number, the log2 price, and is kept at the beginning of each stretch and about once an hour; a seek
    costs the integer steps of an hour, and once the cost of the stretches before it.

    Args:
        timeline: the symbol's script.
        start_price: the price at log2 price 0.
        free: function that returns the log2 price without script at times in order, in fixed point.
    """

    def __init__(self, timeline: Timeline, start_price: float, free: Callable[[Ints], Ints]) -> None:
        self._timeline = timeline
        self._start_price = start_price
        self._free = free
        self._stretches = stretches_of(timeline.pins, timeline.reversions, timeline.begun)
        self._starts = np.array([stretch.start for stretch in self._stretches], np.int64)
        self._begins: dict[int, int] = {}
        self._added: list[int] = [0]
        self._states: dict[int, dict[int, int]] = {}

    def added(self, times: Ints) -> Ints:
        """Return the addition to the log2 price, in fixed point, at times that never decrease."""
        total = np.zeros(len(times), np.int64)
        if not len(self._starts) or not len(times) or times[-1] <= self._starts[0]:
            return total
        of = np.searchsorted(self._starts, times, side="right") - 1
        for index in np.unique(of[of >= 0]).tolist():
            rows = np.flatnonzero(of == index)
            total[rows] = self._added_in(index, times[rows])
        return total

    def inherit(self, earlier: Guide, until: int) -> None:
        """Take over what is known of a guide that is equal up to market time `until`."""
        same = int(np.searchsorted(self._starts, until, side="left"))
        if np.array_equal(self._starts[:same], earlier._starts[:same]):
            self._added = earlier._added[:same] or [0]
            self._begins = {start: level for start, level in list(earlier._begins.items()) if start <= until}
            for index in range(same):
                states = earlier._states.get(index, {})
                self._states[index] = {time: level for time, level in list(states.items()) if time <= until}

    def _added_in(self, index: int, times: Ints) -> Ints:
        """Return the same as `added` for times in a stretch, or between it and the next."""
        inside = times[times < self._stretches[index].end]
        total = np.empty(len(times), np.int64)
        if len(inside) < len(times):
            self._reach(index + 1)
            total[len(inside) :] = self._added[index + 1]
        if len(inside):
            self._reach(index)
            run = self._run(index, int(inside[0]), int(inside[-1]))
            total[: len(inside)] = self._levels(run, inside) - self._free(inside)
        return total

    def _levels(self, run: _Run, times: Ints) -> Ints:
        """Return the log2 price at times within a run."""
        row = np.searchsorted(run.begin, times, side="right") - 1
        passed = (times - run.begin[row]) / (run.end - run.begin)[row]
        moved = self._free(times) - self._free(run.begin)[row]
        drift = np.floor(run.drift[row] * passed + 0.5).astype(np.int64)
        levels: Ints = run.level[row] + drift + np.floor(run.share[row] * moved).astype(np.int64)
        return levels

    def _reach(self, index: int) -> None:
        """Compute the addition at the beginning of stretch `index`; after the last stretch it stays constant."""
        while len(self._added) <= index:
            before = len(self._added) - 1
            stretch = self._stretches[before]
            self._level(before)
            if stretch.pin is not None and stretch.pin.end == stretch.end:
                # The pin is met exactly, so the way there need not be known.
                level = self._target(stretch)
            else:
                run = self._run(before, stretch.end, stretch.end)
                level = int(self._levels(run, np.array([stretch.end], np.int64))[0])
            self._added.append(level - int(self._free(np.array([stretch.end], np.int64))[0]))

    def _level(self, index: int) -> int:
        """Return the log2 price at the beginning of a stretch."""
        start = self._stretches[index].start
        if start not in self._begins:
            self._begins[start] = int(self._free(np.array([start], np.int64))[0]) + self._added[index]
        return self._begins[start]

    def _run(self, index: int, low: int, high: int) -> _Run:
        """Return the steps of a stretch that contain the times from `low` to `high`, and perhaps some earlier ones."""
        stretch = self._stretches[index]
        states = self._states.setdefault(index, {})
        states[stretch.start] = self._level(index)
        known = max(time for time in states if time <= low)
        edges = _edges(stretch, known, high)
        run = self._steps(stretch, edges, states[known])
        for begin, level in zip(edges[:-1], run.level.tolist(), strict=True):
            if begin % KEPT_EVERY == 0:
                states[begin] = level
        return run

    def _steps(self, stretch: Stretch, edges: list[int], level: int) -> _Run:
        """Return the steps between the edges, given the log2 price at the first."""
        pin, reversion = stretch.pin, stretch.reversion
        target = self._target(stretch)
        anchor = self._begins[reversion.start] if reversion is not None else 0
        decay = _decay(MINUTE, reversion.half_life) if reversion is not None else 0
        levels, drifts, shares = [], [], []
        changes = np.diff(self._free(np.array(edges, np.int64))).tolist()
        for start, end, change in zip(edges, edges[1:], changes, strict=False):
            aim, share = level, 1.0
            if reversion is not None:
                kept = decay if end - start == MINUTE else _decay(end - start, reversion.half_life)
                aim = anchor + ((level - anchor) * kept >> DECAY_BITS)
            if pin is not None:
                left = pin.end - start
                aim += (target - aim) * (end - start) // left
                share = sqrt((pin.end - end) / left)
            levels.append(level)
            drifts.append(aim - level)
            shares.append(share)
            level = aim + floor(share * change)
        begins, ends = np.array(edges[:-1], np.int64), np.array(edges[1:], np.int64)
        return _Run(begins, ends, np.array(levels, np.int64), np.array(drifts, np.int64), np.array(shares))

    def _target(self, stretch: Stretch) -> int:
        """Return the log2 price, without the script's moves, that the stretch's pin requires at its end."""
        pin = stretch.pin
        if pin is None:
            return 0
        if not isinstance(pin, Goal):
            return self._begins[pin.start]
        wanted = np.floor(log2(np.array([pin.price / self._start_price])) * 2.0**FIXED + 0.5)
        return int(wanted[0]) - self._timeline.moved_by(pin.end, stretch.start)


def _edges(stretch: Stretch, start: int, until: int) -> list[int]:
    """Return the edges of the steps from `start` to behind `until`: minutes, and short ones just before a pin's end.

    They depend on what guides the stretch and not on its end, which a later event may bring forward.
    """
    edges = [start]
    pin = stretch.pin
    while edges[-1] <= until and (pin is None or edges[-1] < pin.end):
        end = edges[-1] // MINUTE * MINUTE + MINUTE
        if pin is not None and (left := pin.end - edges[-1]) <= LAST_STEPS:
            end = min(end, pin.end if left <= LEAST_STEP else edges[-1] + max(left // 4, LEAST_STEP))
        edges.append(end if pin is None else min(end, pin.end))
    return edges


def _decay(length: int, half_life: int) -> int:
    return int(exp2(np.array([-length / half_life]))[0] * 2.0**DECAY_BITS)
