"""Guides of the price: what is added to the free path so that it goes where the script wants it.

Both keep the noise of the free path, so that a guided price still looks like a market's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from feed.randomness import exp2
from feed.units import MINUTE

__all__ = ["Bridge", "Pull"]

Ints = NDArray[np.int64]

DECAY_BITS = 32
CHECKPOINT = 1440


@dataclass(frozen=True, slots=True)
class Bridge:
    """A Brownian bridge: what is missing at minute `end`, spread evenly over the minutes since `start`."""

    start: int
    end: int
    missing: int

    def added(self, first: int, count: int) -> Ints:
        """What is added to log2 price at `count + 1` edges from minute `first`, in fixed point."""
        edges = np.arange(first, first + count + 1, dtype=np.int64)
        share = np.clip((edges - self.start).astype(np.float64) / float(self.end - self.start), 0.0, 1.0)
        return np.floor(share * float(self.missing) + 0.5).astype(np.int64)


@dataclass(frozen=True, slots=True)
class Pull:
    """An Ornstein-Uhlenbeck pull: between the minutes `start` and `end` the way from the beginning's price decays.

    The state is known at the start and kept once a day of market time, so a seek costs a day of integer steps.
    """

    start: int
    end: int
    half_life: int
    free: Callable[[int, int], Ints]
    _states: dict[int, int] = field(default_factory=dict)

    def added(self, first: int, count: int) -> Ints:
        """What is added to log2 price at `count + 1` edges from minute `first`, in fixed point."""
        edges = np.clip(np.arange(first, first + count + 1, dtype=np.int64), self.start, self.end)
        low, high = int(edges[0]), int(edges[-1])
        pulled = np.array(self._run(low, high), np.int64)
        free = self.free(low, high - low) - self.free(self.start, 0)[0]
        result: Ints = (pulled - free)[edges - low]
        return result

    def _run(self, low: int, high: int) -> list[int]:
        """The pulled way from the start's price at the edges `low` to `high`."""
        number = (low - self.start) // CHECKPOINT
        known = max((n for n in self._states if n <= number), default=0)
        state = self._states.get(known, 0)
        for checkpoint in range(known, number):
            state = self._steps(state, self.start + checkpoint * CHECKPOINT, CHECKPOINT)[-1]
            self._states[checkpoint + 1] = state
        begins = self.start + number * CHECKPOINT
        return self._steps(state, begins, high - begins)[low - begins :]

    def _steps(self, state: int, first: int, count: int) -> list[int]:
        """The state at the edges of `count` minutes from `first`, which it has at the first of them."""
        decay = int(exp2(np.array([-MINUTE / self.half_life]))[0] * 2.0**DECAY_BITS)
        states = [state]
        for change in np.diff(self.free(first, count)).tolist():
            state = (state * decay >> DECAY_BITS) + change
            states.append(state)
        return states
