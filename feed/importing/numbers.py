"""Prices and sizes in a file's columns, and the steps of which they are multiples.

The steps may be given. If not, they are one unit of the last decimal that the file uses; the report says so.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from feed.errors import failure
from feed.importing.conversion import Ints, cast_column, converted, refuse_null
from feed.importing.magnitudes import MAX_TOTAL, MAX_UNITS, PRICE_KEYS, Magnitudes
from feed.importing.spelling import COMMAND, Spelling
from feed.units import decimal_places

__all__ = ["StepColumn", "places_of"]

MOST_PLACES = 12
"""The largest number of decimals of a step."""

MAX_ROUNDING = 1e-3
"""Largest distance of a value from the grid, in units of its last decimal, that counts as a floating point error."""

MAX_FLOAT_ERROR = 2e-15
"""Largest relative error of a decimal in floating point."""


class StepColumn:
    """Reader of a column of prices or sizes as units of the last decimal; later blocks may need more decimals.

    Args:
        step: the step of which all values are multiples; None for one unit of the last decimal.
        rounding: round values off the grid to the nearest multiple.
        spelling: spelling of options, in messages.

    Attributes:
        places: decimals of a unit. Blocks that were read before may have had fewer.
    """

    def __init__(self, step: Decimal | None, *, rounding: bool = False, spelling: Spelling = COMMAND) -> None:
        self.places = 0 if step is None else decimal_places(step)
        self._step = step
        self._rounding = rounding
        self._spelling = spelling
        self._magnitudes = Magnitudes()

    @property
    def step(self) -> Decimal:
        """The given step, or one unit of the last decimal so far."""
        return Decimal(1).scaleb(-self.places) if self._step is None else self._step

    def read(self, path: Path, key: str, column: pa.Array, row: int, *, least: int = 1) -> Ints:
        """Return units, each value being at least `least` steps.

        Raises:
            RecordingError: names the row of the first value that is no such number.
            TooFineError: these values and those before need fewer decimals.
        """
        exact = converted(column.cast(pa.string()) if pa.types.is_float32(column.type) else column, pa.float64())
        self._magnitudes.note(exact, adds_up=key not in PRICE_KEYS)
        units = self._plain(exact, least) if self._step is None and not self._rounding else None
        if units is None:
            units = self._checked(path, key, exact, row, least)
        self._magnitudes.check(key in PRICE_KEYS, self.places)
        if key not in PRICE_KEYS and float(np.sum(units, dtype=np.float64)) > MAX_TOTAL:
            raise failure(path, f"row {row} and after, {key}", "the sum is too large")
        return units

    def _plain(self, column: pa.Array, least: int) -> Ints | None:
        """Return the units of plain, valid numbers; None if one may be invalid, or needs more decimals."""
        if not pa.types.is_float64(column.type) or column.null_count or not len(column):
            return None
        scaled = column.to_numpy(zero_copy_only=False) * 10.0**self.places
        # Also false for NaN.
        if not (float(scaled.min()) >= least and float(scaled.max()) < MAX_UNITS):
            return None
        units = np.rint(scaled)
        if (np.abs(scaled - units) > units * MAX_FLOAT_ERROR).any():
            return None
        return np.asarray(units, np.int64)

    def _checked(self, path: Path, key: str, column: pa.Array, row: int, least: int) -> Ints:
        if self._step is None:
            self.places = max(self.places, places_of(column, self.places))
        self._magnitudes.check(key in PRICE_KEYS, self.places)
        counts = self._counts(path, key, column, row, least)
        return np.asarray(counts * int(self.step.scaleb(self.places)), np.int64)

    def _counts(self, path: Path, key: str, column: pa.Array, row: int, least: int) -> Ints:
        """Return counts of the step; values off the grid are rounded, or refused without `rounding`."""
        refuse_null(path, key, column, row)
        values = cast_column(path, key, column, pa.float64(), row, "is not a number").to_numpy(zero_copy_only=False)
        places = decimal_places(self.step)
        with np.errstate(invalid="ignore", over="ignore"):
            scaled = values * 10.0**places
            units = np.rint(scaled)
            bad = ~((scaled < MAX_UNITS) & ((scaled > 0) if least else (scaled >= 0)))
            off = ~(np.abs(scaled - units) <= np.maximum(MAX_ROUNDING, np.abs(scaled) * 1e-15))
        if bad.any():
            raise _bad_number(path, key, values, int(np.argmax(bad)), row)
        steps, rest = np.divmod(units.astype(np.int64), int(self.step.scaleb(places)))
        if self._rounding:
            # A trade keeps at least one unit, however small.
            return np.asarray(np.maximum(np.rint(values / float(self.step)), values > 0), np.int64)
        off |= rest != 0
        if off.any():
            first = int(np.argmax(off))
            name = self._spelling.name(_step_of(key))
            message = f"{_number(values[first])} is not a multiple of the {name} {self.step:f}"
            hint = f"set {name} to the file's step, or {self._spelling.on('rounding')}"
            raise failure(path, f"row {row + first}, {key}", message, hint)
        return np.asarray(steps, np.int64)


def _step_of(key: str) -> str:
    """Return the option with the step of a column's values."""
    return "lot_size" if "size" in key or key == "volume" else "tick_size"


def _bad_number(path: Path, key: str, values: NDArray[np.float64], first: int, row: int) -> Exception:
    value = values[first]
    if not np.isfinite(value):
        what = "is not a number"
    elif value <= 0:
        what = "is negative" if value < 0 else "must be more than 0"
    else:
        what = "is too large"
    return failure(path, f"row {row + first}, {key}", f"{_number(value)} {what}")


def places_of(column: pa.Array, known: int) -> int:
    """Return the number of decimals needed to write every number, as far as floating point shows it."""
    text = pc.utf8_trim_whitespace(column) if pa.types.is_string(column.type) else column
    numbers = converted(text, pa.float64())
    if pa.types.is_string(numbers.type):
        return known
    values: NDArray[np.float64] = numbers.cast(pa.float64()).to_numpy(zero_copy_only=False)
    left = values[np.isfinite(values)]
    places = known
    while places < MOST_PLACES and len(left):
        scaled = left * 10.0**places
        left = left[np.abs(scaled - np.rint(scaled)) > np.abs(scaled) * MAX_FLOAT_ERROR]
        if not len(left) or float(np.max(np.abs(left))) * 10.0 ** (places + 1) >= MAX_UNITS:
            break
        places += 1
    return places


def _number(value: float) -> str:
    return np.format_float_positional(value, trim="-") if np.isfinite(value) else str(value)
