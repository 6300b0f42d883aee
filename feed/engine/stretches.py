"""Stretches of a script in which the price's noise is guided, each with the pieces that guide it.

Only pieces that have begun by the beginning of a stretch affect it, so an added piece changes nothing before it.
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
"""Piece of a script at whose end the price is known."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Range of market time, ns UTC, `end` not included, with the pieces that guide the price in it."""

    start: int
    end: int
    pin: Pin | None
    reversion: Reversion | None


def stretches_of(pins: Sequence[Pin], reversions: Sequence[Reversion], begun: Ints) -> list[Stretch]:
    """Return the stretches, in order; times at which nothing guides the price belong to none.

    Among the pins in force, the one that ends first guides; among pins that end together, the one that began last.

    Args:
        pins: pieces at whose end the price is known.
        reversions: pieces that draw the price back.
        begun: times at which the script's moves begin; from then on the same goal is reached by another way, so a new
            stretch begins.
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
    """Pieces that have begun and not ended, queried at times that never decrease."""

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
