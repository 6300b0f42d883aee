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

from feed.engine.minutes import HEAT_SQUARE, LN2, Minutes, waves
from feed.randomness import RandomStream, normals, powers
from feed.units import MILLISECOND, MINUTE

__all__ = ["CELL", "CELLS_A_MINUTE", "CHUNK", "Cells"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Column = TypeVar("Column", np.float64, np.int64, np.bool_)

CELL = 500 * MILLISECOND
CELLS_A_MINUTE = MINUTE // CELL
CHUNK = 15
"""Number of minutes that are made and kept together."""
KEPT_CHUNKS = 8

# Standard deviations of log2 intensity, by the length in `CELL`s of the window that the normals are averaged over.
BURSTS = {1: 0.60, 4: 0.55, 16: 0.45, 64: 0.30}
PLAIN_BURSTS = 0.3
"""Factor on `BURSTS` in a plain market."""
SWELLS = {8: 0.6, 120: 0.8, 1800: 0.6}
"""The same of log2 of the sizes of orders."""
HOT_SWELL = 0.8
"""Exponent with which the sizes of orders grow with the volatility."""
STEPS = {1: 0.40, 8: 0.55, 40: 0.50}
"""The same of log2 of the steps of the price."""
BUSY_STEP = 0.9
"""Exponent with which a step grows with the cell's intensity."""
ALERT = {2: 0.75, 6: 0.66}
"""The same of the alertness of quotes, positive where they follow the price and negative where they stand still."""
ALERT_BUSY, CALM = 0.8, 0.35
"""Factor with which alertness grows with log2 of the intensity."""


@dataclass(frozen=True, slots=True)
class _Chunk:
    """Values of the cells of a chunk, one row for each minute."""

    bursts: Floats
    swells: Floats
    alert: NDArray[np.bool_]
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

    def swells(self, minutes: Ints) -> Floats:
        """Return log2 of the size of orders in each cell, relative to the usual one; one row for each minute."""
        return self._rows(lambda chunk: chunk.swells, minutes)

    def alert(self, minutes: Ints) -> NDArray[np.bool_]:
        """Return whether quotes follow the price in each cell; one row for each minute."""
        return self._rows(lambda chunk: chunk.alert, minutes)

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
        log = waves(self.stream, "burst", BURSTS, int(cells[0]), len(cells))
        mean = sum(weight * weight for weight in BURSTS.values()) * (LN2 / 2.0)
        if self._plain:
            log, mean = log * PLAIN_BURSTS, mean * PLAIN_BURSTS**2
        swell = waves(self.stream, "swell", SWELLS, int(cells[0]), len(cells))
        swell += np.repeat(self._minutes.heat(first, CHUNK) * HOT_SWELL, CELLS_A_MINUTE)
        square = sum(weight * weight for weight in SWELLS.values()) + HOT_SWELL**2 * HEAT_SQUARE
        swell -= square * (LN2 / 2.0)
        shape = (CHUNK, CELLS_A_MINUTE)
        dice = normals(self.stream("course").words(int(cells[0]) // 2, len(cells) // 2))
        own = waves(self.stream, "step", STEPS, int(cells[0]), len(cells))
        raw = (dice * powers(BUSY_STEP * log + own)).reshape(shape)
        alert = waves(self.stream, "alert", ALERT, int(cells[0]), len(cells)) + ALERT_BUSY * log > CALM
        columns = (log - mean).reshape(shape), swell.reshape(shape), alert.reshape(shape)
        return _Chunk(*columns, self._bent(raw, first))

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
