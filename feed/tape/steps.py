"""Conversion of a recording's prices and sizes, which are floating point, to whole steps."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from feed.data.ticks import Instrument
from feed.errors import RecordingError

__all__ = ["EXACT_BELOW", "MOST_STEPS", "StepReader"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

STEP_TOLERANCE = 1e-3
"""Tolerance of a price or a size from a whole step: float errors are smaller, a wrong step is not."""
MOST_STEPS = 2**53
EXACT_BELOW = 2**50
"""Maximum number of steps that floating point represents reliably."""


class _Rows(Protocol):
    def mistake(self, row: int, column: str, message: str, hint: str | None = None) -> RecordingError: ...


class StepReader:
    """Reader of the columns of one symbol.

    Args:
        rows: gives the location of a mistake.
        instrument: the steps.
    """

    def __init__(self, rows: _Rows, instrument: Instrument) -> None:
        self._rows = rows
        self._instrument = instrument

    def steps(
        self, batch: pa.RecordBatch, name: str, rows: Ints, missing: int | None = None, most: int = MOST_STEPS
    ) -> Ints:
        """Convert a column to whole steps."""
        price = name in ("price", "bid", "ask")
        step = float(self._instrument.tick_size if price else self._instrument.lot_size)
        values = batch.column(name).to_numpy(zero_copy_only=False).astype(np.float64)
        if missing is not None:
            values = np.where(np.isnan(values), missing * step, values)
        scaled = values / step
        steps = np.floor(scaled + 0.5)
        wrong = (
            ~(np.abs(scaled - steps) <= np.maximum(STEP_TOLERANCE, np.abs(scaled) * 1e-12))
            | (steps < 0)
            | (steps > most)
        )
        if wrong.any():
            place = int(np.argmax(wrong))
            unit = self._instrument.tick_size if price else self._instrument.lot_size
            raise self._rows.mistake(rows[place], name, f"{values[place]} is no multiple of {unit}")
        if name in ("price", "size") and (steps < 1).any():
            raise self._rows.mistake(rows[int(np.argmax(steps < 1))], name, "it is not above 0")
        whole: Ints = steps.astype(np.int64)
        large = np.flatnonzero(whole > EXACT_BELOW)
        if len(large):
            whole[large] = self._as_written(values[large], whole[large], price=price)
        return whole

    def _as_written(self, values: Floats, steps: Ints, *, price: bool) -> Ints:
        """Choose, among the counts next to the quotients, the ones with the float values of the recorded numbers."""
        of = self._instrument
        unit, places = (of.tick_units, of.price_decimals) if price else (of.lot_units, of.size_decimals)
        found = steps.copy()
        for near in (steps + 1, steps - 1, steps):
            found = np.where(near * unit / 10.0**places == values, near, found)
        return found
