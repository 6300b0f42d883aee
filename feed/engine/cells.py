"""Course of the price and of the activity within minutes: cells of half a second, readable without the past.

A minute's return is spread over its cells: steps of random size, larger in busy cells, bent so that they add up to the
minute's return. Nothing here depends on a scenario's script, so an event changes none of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from feed.engine.minutes import LN2, Minutes, grids
from feed.randomness import RandomStream, normals, powers
from feed.units import MILLISECOND, MINUTE

__all__ = ["CELL", "CELLS_A_MINUTE", "CHUNK", "Cells"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Column = TypeVar("Column", np.float64, np.int64)

CELL = 500 * MILLISECOND
CELLS_A_MINUTE = MINUTE // CELL
CHUNK = 15
"""Number of minutes that are made and kept together."""
KEPT_CHUNKS = 8

# Standard deviations of log2 intensity, by the grid's cell length in `CELL`s.
BURSTS = {1: 1.05, 4: 0.65, 16: 0.45, 64: 0.30}
PLAIN_BURSTS = 0.3
"""Factor on `BURSTS` in a plain market."""
BUSY_STEP, OWN_STEP = 0.5, 0.7
"""Exponent with which a step grows with the cell's intensity, and the standard deviation of log2 of its own factor."""


@dataclass(frozen=True, slots=True)
class _Chunk:
    """Values of the cells of a chunk, one row for each minute."""

    bursts: Floats
    steps: Ints


class Cells:
    """Cells of one symbol.

    Args:
        seed: the market's seed.
        symbol: the instrument's name.
        minutes: the symbol's first layer.
        plain: let orders arrive more evenly.
    """

    def __init__(self, seed: int, symbol: str, minutes: Minutes, *, plain: bool = False) -> None:
        self._seed = seed
        self._symbol = symbol
        self._minutes = minutes
        self._plain = plain
        self._chunk = lru_cache(maxsize=KEPT_CHUNKS)(self._make)

    def bursts(self, minutes: Ints) -> Floats:
        """Return log2 of the intensity of each cell, relative to its minute's; one row for each minute, in order."""
        return self._rows(lambda chunk: chunk.bursts, minutes)

    def steps(self, minutes: Ints) -> Ints:
        """Return the change of log2 of the price over each cell, in fixed point; one row for each minute, in order."""
        return self._rows(lambda chunk: chunk.steps, minutes)

    def _rows(self, column: Callable[[_Chunk], NDArray[Column]], minutes: Ints) -> NDArray[Column]:
        chunks = minutes // CHUNK
        parts = [
            column(self._chunk(chunk))[minutes[chunks == chunk] - chunk * CHUNK] for chunk in np.unique(chunks).tolist()
        ]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _make(self, chunk: int) -> _Chunk:
        first = chunk * CHUNK
        cells = np.arange(first * CELLS_A_MINUTE, (first + CHUNK) * CELLS_A_MINUTE, dtype=np.int64)
        log = grids(self.stream, "burst", BURSTS, cells)
        mean = sum(weight * weight for weight in BURSTS.values()) * (LN2 / 2.0)
        if self._plain:
            log, mean = log * PLAIN_BURSTS, mean * PLAIN_BURSTS**2
        dice = normals(self.stream("course").words(int(cells[0]), len(cells)))
        raw = (dice[::2] * powers(BUSY_STEP * log + OWN_STEP * dice[1::2])).reshape(CHUNK, CELLS_A_MINUTE)
        return _Chunk((log - mean).reshape(CHUNK, CELLS_A_MINUTE), self._bent(raw, first))

    def _bent(self, raw: Floats, first: int) -> Ints:
        """Scale steps to each minute's volatility, and bend them so that they add up to its change of price."""
        changes = self._minutes.changes(first, CHUNK)
        squares = np.cumsum(raw * raw, axis=1)[:, -1]
        raw *= (self._minutes.deviations(first, CHUNK) / np.sqrt(squares))[:, None]
        effort = np.cumsum(np.abs(raw), axis=1)[:, -1]
        missing = changes.astype(np.float64) - np.cumsum(raw, axis=1)[:, -1]
        raw += np.abs(raw) * (missing / np.maximum(effort, 1.0))[:, None]
        steps = np.floor(raw + 0.5).astype(np.int64)
        steps[:, -1] += changes - steps.sum(axis=1)
        return steps

    def stream(self, name: str) -> RandomStream:
        """Return a random stream of this symbol."""
        return RandomStream(self._seed, f"{self._symbol} {name}")
