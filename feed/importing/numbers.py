"""Numbers and times of a file's columns: the steps that they are multiples of, and the unit that they are in.

Both may be told. Where they are not, steps are one in the last decimal that the file uses, and a time's unit follows
from how many digits it has; the report says so.
"""

from __future__ import annotations

import contextlib
import datetime
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from feed.errors import Problem, RecordingError, failure
from feed.importing.cells import read_steps, read_times
from feed.importing.magnitudes import LARGEST, MAX_TOTAL, PRICE_KEYS, Magnitudes
from feed.importing.rows import Ints
from feed.scenario.tickfile import TickFile, TimeUnit
from feed.units import MICROSECOND, MILLISECOND, MINUTE, SECOND, decimal_places, format_time, parse_time

__all__ = ["Clock", "Steps", "check_time", "converted", "in_options", "unit_of"]

EARLIEST = parse_time("2009-01-01")
LATEST = parse_time("2100-01-01")
"""Outside there is no market that anybody has recorded: the unit is wrong."""

MOST_PLACES = 12
"""Decimals of a step."""

NEAR = 2e-15
"""So far, relatively, floating point puts a decimal away from itself."""

UNIT_OF_DIGITS: dict[int, TimeUnit] = {8: "min", 10: "s", 13: "ms", 16: "us", 19: "ns"}
"""Of whole times since 1970, for decades around now."""

UNITS = {"ns": 1, "us": MICROSECOND, "ms": MILLISECOND, "s": SECOND, "min": MINUTE}

_OPTIONS = (
    (re.compile(r'set time_unit = "(\w+)"'), r"--time-unit \1"),
    (re.compile(r"rounding = true"), "--rounding"),
    (re.compile(r"\b(tick|lot)_size\b"), r"--\1-size"),
    (re.compile(r"\btime_unit\b"), "--time-unit"),
    (re.compile(r"\bset buy\b"), "set --buy"),
)


class Steps:
    """Reads a column of prices or of sizes as units of the last decimal, of which there may come to be more.

    Args:
        step: what all are multiples of; None for one in the last decimal.
        rounding: bring what is no multiple to the nearest one.

    Attributes:
        places: decimals of a unit. Blocks that were read before may have had fewer.
    """

    def __init__(self, step: Decimal | None, *, rounding: bool = False) -> None:
        self.places = 0 if step is None else decimal_places(step)
        self._step = step
        self._rounding = rounding
        self._magnitudes = Magnitudes()

    @property
    def step(self) -> Decimal:
        """The step that was told, or one in the last decimal so far."""
        return Decimal(1).scaleb(-self.places) if self._step is None else self._step

    def read(self, path: Path, key: str, column: pa.Array, row: int, *, least: int = 1) -> Ints:
        """Units, each at least `least` steps.

        Raises:
            RecordingError: names the row of the first that is no such number.
            TooFineError: these and those before need fewer decimals.
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
        """Numbers that are all right; None where one may not be, or needs more decimals."""
        if not pa.types.is_float64(column.type) or column.null_count or not len(column):
            return None
        scaled = column.to_numpy(zero_copy_only=False) * 10.0**self.places
        # Also false for what is no number.
        if not (float(scaled.min()) >= least and float(scaled.max()) < LARGEST):
            return None
        units = np.rint(scaled)
        if (np.abs(scaled - units) > units * NEAR).any():
            return None
        return np.asarray(units, np.int64)

    def _checked(self, path: Path, key: str, column: pa.Array, row: int, least: int) -> Ints:
        if self._step is None:
            self.places = max(self.places, _places(column, self.places))
        self._magnitudes.check(key in PRICE_KEYS, self.places)
        with in_options():
            counts = read_steps(path, key, column, self.step, row, least=least, rounded=self._rounding)
        return np.asarray(counts * int(self.step.scaleb(self.places)), np.int64)


class Clock:
    """Reads a column of times, all of which have one unit.

    Args:
        unit: what it is; None to take it from the first time.
        date: the day that times count from midnight of.

    Attributes:
        told: how the unit was found, if nobody told it.
    """

    def __init__(self, unit: TimeUnit | None, date: datetime.date | None = None) -> None:
        self.told: str | None = None
        self._unit = unit
        self._date = date

    def read(self, path: Path, key: str, column: pa.Array, row: int) -> Ints:
        """Nanoseconds UTC.

        Raises:
            RecordingError: names the row of the first that is no time, or not of this age.
        """
        if self._unit is None and len(column):
            self._unit, self.told = _found_unit(path, key, column, row, dated=self._date is not None)
        if (plain := self._plain(column)) is not None:
            return plain
        spec = TickFile(file=path.name, time_unit=self._unit or "ms", date=self._date)
        with in_options():
            exact = column if spec.time_unit == "iso" else converted(column, pa.int64())
            times = read_times(spec, path, exact, row)
        wrong = np.flatnonzero((times < EARLIEST) | (times >= LATEST))
        if len(wrong):
            first = int(wrong[0])
            raise _implausible(path, f"row {row + first}, {key}", str(column[first].as_py()), int(times[first]))
        return times

    def _plain(self, column: pa.Array) -> Ints | None:
        """Whole counts that are all right; None where one may not be."""
        unit = UNITS.get(self._unit or "")
        if not pa.types.is_int64(column.type) or column.null_count or self._date or unit is None or not len(column):
            return None
        counts = column.to_numpy()
        if not EARLIEST // unit < int(counts.min()) <= int(counts.max()) < LATEST // unit:
            return None
        return np.asarray(counts * unit, np.int64)


def check_time(path: Path, where: str, time: int, shown: str | None = None) -> None:
    """Refuse a time that nobody can have recorded. Raises RecordingError, which shows the time as it is written."""
    if not EARLIEST <= time < LATEST:
        raise _implausible(path, where, str(time) if shown is None else shown, time)


def unit_of(text: str) -> TimeUnit | None:
    """The unit of a time, by its digits."""
    digits = text.strip().split(".")[0]
    if digits.isdigit():
        return UNIT_OF_DIGITS.get(len(digits))
    return "iso" if re.match(r"\d{4}-\d\d-\d\d", digits) else None


@contextlib.contextmanager
def in_options() -> Iterator[None]:
    """Hints that are meant for a scenario file, as options of the command."""
    try:
        yield
    except RecordingError as error:
        raise RecordingError(
            error.path,
            [Problem(each.where, _as_options(each.message), _as_options(each.hint)) for each in error.problems],
        ) from None


def _as_options(text: str | None) -> str:
    said = text or ""
    for pattern, option in _OPTIONS:
        said = pattern.sub(option, said)
    return said


def _implausible(path: Path, where: str, shown: str, time: int) -> Exception:
    unit = unit_of(shown)
    hint = f"by its digits it is in {unit}" if unit else "its unit is another one"
    when = f"is in {format_time(time)[:4]}" if 0 <= time < 2 * LATEST else "is in a far year"
    return failure(path, where, f"{shown} {when}, which no market was recorded in", hint)


def _found_unit(path: Path, key: str, column: pa.Array, row: int, *, dated: bool) -> tuple[TimeUnit, str | None]:
    if pa.types.is_timestamp(column.type):
        return "ns", None
    if dated:
        return "ms", f"the column {key} counts ms since midnight: nobody told another --time-unit"
    shown = str(column[0].as_py())
    unit = unit_of(shown)
    if unit is None:
        what = "its unit cannot be told by its digits"
        raise failure(path, f"row {row}, {key}", f"{shown!r}: {what}", "tell it, such as --time-unit ms")
    how = "by its spelling" if unit == "iso" else f"by its {len(shown.split('.')[0])} digits"
    return unit, f"the column {key} is read in {unit}: {how}"


def converted(column: pa.Array, kind: pa.DataType) -> pa.Array:
    """Text as numbers, if all of it is; else as it is, for whoever can say which cell is wrong."""
    if not pa.types.is_string(column.type):
        return column
    try:
        return column.cast(kind)
    except pa.ArrowException:
        return column


def _places(column: pa.Array, known: int) -> int:
    """Decimals that it takes to write every number, as far as floating point can tell."""
    text = pc.utf8_trim_whitespace(column) if pa.types.is_string(column.type) else column
    numbers = converted(text, pa.float64())
    if pa.types.is_string(numbers.type):
        return known
    values: NDArray[np.float64] = numbers.cast(pa.float64()).to_numpy(zero_copy_only=False)
    left = values[np.isfinite(values)]
    places = known
    while places < MOST_PLACES and len(left):
        scaled = left * 10.0**places
        left = left[np.abs(scaled - np.rint(scaled)) > np.abs(scaled) * NEAR]
        if not len(left) or float(np.max(np.abs(left))) * 10.0 ** (places + 1) >= LARGEST:
            break
        places += 1
    return places
