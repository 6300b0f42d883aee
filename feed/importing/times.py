"""Times in a file's columns as ns UTC, and their unit.

The unit may be given. If not, it follows from the number of digits of a time; the report says so.
"""

from __future__ import annotations

import datetime
import re
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from feed.errors import failure
from feed.importing.conversion import Ints, cast_column, converted, ints_of, refuse_null
from feed.importing.spelling import COMMAND, Spelling
from feed.importing.timetexts import WrittenTimes, is_written_out
from feed.scenario.tickfile import TimeUnit
from feed.units import DAY, MICROSECOND, MILLISECOND, MINUTE, SECOND, format_time, parse_time

__all__ = ["TimeColumn", "check_time", "unit_of"]

EARLIEST = parse_time("2009-01-01")
LATEST = parse_time("2100-01-01")
"""Upper bound of plausible times; outside of the bounds there is no recorded market, and the unit is wrong."""

BOUNDS_TOLD = parse_time("1990-01-01"), parse_time("2200-01-01")
"""Bounds of plausible times for a unit that the user set."""

MAX_INT = 2**63 - 1

UNIT_OF_DIGITS: dict[int, TimeUnit] = {8: "min", 10: "s", 13: "ms", 16: "us", 19: "ns"}
"""Units by the number of digits of a whole time since 1970, valid for decades around now."""

_POWER = re.compile(r"\d(\.\d+)?[eE]\+?\d{1,2}")

UNITS = {"ns": 1, "us": MICROSECOND, "ms": MILLISECOND, "s": SECOND, "min": MINUTE}


class TimeColumn:
    """Reader of a column of times, all of which have one unit.

    Args:
        unit: unit of the times; None to take it from the first time.
        date: the day from whose midnight the times count.
        spelling: spelling of options, in messages.

    Attributes:
        told: note on the way the unit was found; None if the user set it.
    """

    def __init__(self, unit: TimeUnit | None, date: datetime.date | None = None, spelling: Spelling = COMMAND) -> None:
        self.told: str | None = None
        self._bounds = (EARLIEST, LATEST) if unit is None else BOUNDS_TOLD
        self._unit = unit
        self._date = date
        self._spelling = spelling
        self._written = WrittenTimes()

    def read(self, path: Path, key: str, column: pa.Array, row: int) -> Ints:
        """Return the times in ns UTC.

        Raises:
            RecordingError: names the row of the first cell that is no time, or is outside of the bounds.
        """
        if self._unit is None and len(column):
            self._unit, self.told = self._found_unit(path, key, column, row)
        if (plain := self._plain(column)) is not None:
            return plain
        refuse_null(path, key, column, row)
        times = self._times(path, key, column, row)
        for (earliest, latest), mistake in ((BOUNDS_TOLD, self._wrong_unit), (self._bounds, _implausible)):
            wrong = np.flatnonzero((times < earliest) | (times >= latest))
            if len(wrong):
                first = int(wrong[0])
                raise mistake(path, f"row {row + first}, {key}", str(column[first].as_py()), int(times[first]))
        return times

    def _plain(self, column: pa.Array) -> Ints | None:
        """Return the times of whole, valid counts; None if one may be invalid."""
        unit = UNITS.get(self._unit or "")
        if not pa.types.is_int64(column.type) or column.null_count or self._date or unit is None or not len(column):
            return None
        counts = column.to_numpy()
        earliest, latest = self._bounds
        if not earliest // unit < int(counts.min()) <= int(counts.max()) < latest // unit:
            return None
        return np.asarray(counts * unit, np.int64)

    def _times(self, path: Path, key: str, column: pa.Array, row: int) -> Ints:
        unit = self._unit or "ms"
        if pa.types.is_timestamp(column.type):
            times = ints_of(column.cast(pa.timestamp("ns", column.type.tz)))
        elif unit == "iso":
            times = self._written.read(path, key, column.cast(pa.string()), row)
            if self._written.told and self.told:
                self.told = f"{self.told.partition(';')[0]}; {self._written.told}"
        else:
            times = _counted_times(unit, path, key, converted(column, pa.int64()), row)
        return times if self._date is None else self._of_day(self._date, path, key, times, column, row)

    def _of_day(self, date: datetime.date, path: Path, key: str, times: Ints, column: pa.Array, row: int) -> Ints:
        wrong = np.flatnonzero((times < 0) | (times >= DAY))
        if len(wrong):
            first = int(wrong[0])
            called = self._spelling.name
            hint = f"leave {called('date')} out for times that count from 1970, or set another {called('time_unit')}"
            message = f"{column[first].as_py()} {self._unit} is no time of a day"
            raise failure(path, f"row {row + first}, {key}", message, hint)
        return times + parse_time(date)

    def _found_unit(self, path: Path, key: str, column: pa.Array, row: int) -> tuple[TimeUnit, str | None]:
        if pa.types.is_timestamp(column.type):
            return "ns", None
        called = self._spelling.name("time_unit")
        if self._date is not None:
            return "ms", f"the column {key} counts ms since midnight: nobody told another {called}"
        shown = str(column[0].as_py())
        unit = unit_of(shown)
        if unit is None:
            what = "its unit cannot be told by its digits"
            hint = f"tell it, such as {self._spelling.given('time_unit', 'ms')}"
            raise failure(path, f"row {row}, {key}", f"{shown!r}: {what}", hint)
        how = "by its spelling" if unit == "iso" else f"by its {len(_plain(shown).split('.')[0])} digits"
        return unit, f"the column {key} is read in {unit}: {how}"

    def _wrong_unit(self, path: Path, where: str, shown: str, time: int) -> Exception:
        digits = shown.split(".")[0]
        fitting = [name for name, unit in UNITS.items() if digits.isdigit() and EARLIEST <= int(digits) * unit < LATEST]
        called = self._spelling
        told = called.given("time_unit", fitting[0]) if fitting else called.name("time_unit")
        hint = f"set {told}, or {called.name('date')} for times since midnight"
        if fitting:
            hint = told if called.flags else f"set {told}"
        year = format_time(time)[:4] if 0 <= time < BOUNDS_TOLD[1] else "a far year"
        return failure(path, where, f"{shown} read as {self._unit} is in {year}", hint)


def check_time(path: Path, where: str, time: int, shown: str | None = None) -> None:
    """Refuse an implausible time. Raises RecordingError, which shows the time as it is written."""
    if not EARLIEST <= time < LATEST:
        raise _implausible(path, where, str(time) if shown is None else shown, time)


def unit_of(text: str) -> TimeUnit | None:
    """Return the unit of a time, by its number of digits."""
    if is_written_out(text):
        return "iso"
    digits = _plain(text.strip()).split(".")[0]
    return UNIT_OF_DIGITS.get(len(digits)) if digits.isdigit() else None


def _plain(text: str) -> str:
    """Return a number with a power of ten as plain text, and any other text as it is."""
    if not _POWER.fullmatch(text):
        return text
    return f"{Decimal(text):f}"


def _counted_times(name: TimeUnit, path: Path, key: str, column: pa.Array, row: int) -> Ints:
    unit = UNITS[name]
    if pa.types.is_floating(column.type):
        values = column.to_numpy(zero_copy_only=False)
        # Floating point has microsecond precision at best.
        scaled = np.rint(values * (unit / MICROSECOND)) * MICROSECOND
        if not np.isfinite(values).all() or (np.abs(scaled) >= MAX_INT).any():
            first = int(np.argmax(~(np.abs(scaled) < MAX_INT)))
            raise failure(path, f"row {row + first}, {key}", f"{values[first]} is not a time")
        return np.asarray(scaled, np.int64)
    wrong = f"is not a time in {name}"
    if pa.types.is_string(column.type) and pc.any(pc.match_substring_regex(column, "^[0-9.]+[eE]")).as_py():
        powers = pc.match_substring_regex(column, f"^{_POWER.pattern}$".replace(r"\d", "[0-9]")).to_pylist()
        plain = [_plain(cell) if is_power else cell for cell, is_power in zip(column.to_pylist(), powers, strict=True)]
        column = converted(pa.array(plain, pa.string()), pa.int64())
    if pa.types.is_string(column.type) and pc.any(pc.match_substring(column, ".")).as_py() and unit < MINUTE:
        # Exact: with as many decimals as make nanoseconds, the unscaled integer is the result.
        exact = cast_column(path, key, column, pa.decimal128(38, len(str(unit)) - 1), row, wrong)
        words = np.frombuffer(exact.buffers()[1], np.int64)[2 * exact.offset : 2 * (exact.offset + len(exact))]
        low, high = words[::2], words[1::2]
        return np.asarray(np.where(high == low >> 63, low, MAX_INT), np.int64)
    counts = ints_of(cast_column(path, key, column, pa.int64(), row, wrong))
    limit = MAX_INT // unit
    # Clipped values are out of range as well: the check of the bounds reports them with the right hint.
    return np.asarray(np.clip(counts, -limit, limit) * unit, np.int64)


def _implausible(path: Path, where: str, shown: str, time: int) -> Exception:
    unit = unit_of(shown)
    hint = f"by its digits it is in {unit}" if unit else "its unit is another one"
    when = f"is in {format_time(time)[:4]}" if 0 <= time < 2 * LATEST else "is in a far year"
    return failure(path, where, f"{shown} {when}, which no market was recorded in", hint)
