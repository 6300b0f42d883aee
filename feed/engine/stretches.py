"""The stretches of a script in which the noise of the price is guided, and by which of its pieces.

Only what has begun by the beginning of a stretch has a say in it, so a piece that is added changes nothing before it.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from feed.engine.script import Exact, Goal, Reversion

__all__ = ["Pin", "Stretch", "stretches_of"]

Ints = NDArray[np.int64]

Pin = Exact | Goal
"""A piece at whose end the price is known."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Market time, ns UTC, `end` not included, with what guides the price in it."""

    start: int
    end: int
    pin: Pin | None
    reversion: Reversion | None


def stretches_of(pins: Sequence[Pin], reversions: Sequence[Reversion], begun: Ints) -> list[Stretch]:
    """The stretches, in order; where nothing guides the price there is none.

    Of the pins in force the one that ends first guides, and of those that end together the one that began last.

    Args:
        pins: pieces at whose end the price is known.
        reversions: pieces that draw it back.
        begun: when the script's moves begin; a goal is then as far as before, and the way to it another one.
    """
    pieces: list[Pin | Reversion] = [*pins, *reversions]
    edges = {edge for piece in pieces for edge in (piece.start, piece.end)}
    for goal in (pin for pin in pins if isinstance(pin, Goal)):
        lo, hi = np.searchsorted(begun, [goal.start, goal.end])
        edges.update(begun[lo:hi].tolist())
    ordered = sorted(edges)
    in_force, drawing = _Forced(pins), _Forced(reversions)
    made = []
    for start, end in itertools.pairwise(ordered):
        pin, reversion = in_force.at(start), drawing.at(start)
        if pin is not None or reversion is not None:
            made.append(Stretch(start, end, pin, reversion))
    return made


Guiding = TypeVar("Guiding", Exact | Goal, Reversion)


class _Forced(Generic[Guiding]):
    """The pieces that have begun and not ended, asked for at times that never fall."""

    def __init__(self, pieces: Sequence[Guiding]) -> None:
        self._coming: list[Guiding] = sorted(pieces, key=lambda piece: piece.start, reverse=True)
        self._heap: list[tuple[int, int, int, Guiding]] = []

    def at(self, time: int) -> Guiding | None:
        while self._coming and self._coming[-1].start <= time:
            piece = self._coming.pop()
            heapq.heappush(self._heap, (piece.end, -piece.start, len(self._coming), piece))
        while self._heap and self._heap[0][0] <= time:
            heapq.heappop(self._heap)
        return self._heap[0][3] if self._heap else None
