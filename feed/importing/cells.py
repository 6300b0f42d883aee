"""Turns columns as a file has them into exact integers, and says which row cannot be.

Every function takes the row number of its first cell, counted from 1, for its messages.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from feed.data.ticks import BUY, SELL
from feed.errors import failure
from feed.scenario.tickfile import TickFile
from feed.units import DAY, MICROSECOND, MILLISECOND, MINUTE, SECOND, decimal_places, format_time, parse_time

__all__ = ["Ints", "read_ids", "read_sides", "read_steps", "read_times", "zero_where_missing"]

Ints = NDArray[np.int64]

UNITS = {"ns": 1, "us": MICROSECOND, "ms": MILLISECOND, "s": SECOND, "min": MINUTE}

EARLIEST = parse_time("1990-01-01")
LATEST = parse_time("2200-01-01")
"""Times outside are most likely read with the wrong unit."""

MAX_INT = 2**63 - 1

ROUNDING = 1e-3
"""So far a value may be from the grid, in units of its last decimal: what floating point does to it."""

LARGEST = 2.0**53
"""Above it floating point has no units any more."""

_BUY = ("buy", "b", "bid", "1", "+1", "1.0", "true", "t", "long")
_SELL = ("sell", "s", "ask", "a", "-1", "0", "-1.0", "false", "f", "short")


def read_times(spec: TickFile, path: Path, column: pa.Array, row: int) -> Ints:
    """Nanoseconds UTC."""
    _refuse_null(path, "time", column, row)
    if pa.types.is_timestamp(column.type):
        times = _as_ints(column.cast(pa.timestamp("ns", column.type.tz)))
    elif spec.time_unit == "iso":
        times = _iso_times(path, column, row)
    else:
        times = _counted_times(spec, path, column, row)
    if spec.date is not None:
        times = _of_day(spec, path, times, column, row)
    wrong = np.flatnonzero((times < EARLIEST) | (times >= LATEST))
    if len(wrong):
        raise _wrong_unit(spec, path, column[int(wrong[0])].as_py(), int(times[wrong[0]]), row + int(wrong[0]))
    return times


def read_steps(
    path: Path, key: str, column: pa.Array, step: Decimal, row: int, *, least: int = 1, rounded: bool = False
) -> Ints:
    """Counts of `step`, each at least `least`: prices in ticks, sizes in lots; off the grid only if `rounded`."""
    _refuse_null(path, key, column, row)
    values = _cast(path, key, column, pa.float64(), row, "is not a number").to_numpy(zero_copy_only=False)
    places = decimal_places(step)
    with np.errstate(invalid="ignore", over="ignore"):
        scaled = values * 10.0**places
        units = np.rint(scaled)
        bad = ~((scaled < LARGEST) & ((scaled > 0) if least else (scaled >= 0)))
        off = ~(np.abs(scaled - units) <= np.maximum(ROUNDING, np.abs(scaled) * 1e-15))
    if bad.any():
        raise _bad_number(path, key, values, int(np.argmax(bad)), row)
    steps, rest = np.divmod(units.astype(np.int64), int(step.scaleb(places)))
    if rounded:
        # A trade stays a trade, however small.
        return np.asarray(np.maximum(np.rint(values / float(step)), values > 0), np.int64)
    off |= rest != 0
    if off.any():
        first = int(np.argmax(off))
        name = "tick_size" if key in ("price", "bid", "ask") else "lot_size"
        message = f"{_number(values[first])} is not a multiple of the {name} {step:f}"
        raise failure(path, f"row {row + first}, {key}", message, f"set {name} to the file's step, or rounding = true")
    return np.asarray(steps, np.int64)


def read_sides(spec: TickFile, path: Path, column: pa.Array, row: int) -> Ints:
    """BUY or SELL, the taker's."""
    _refuse_null(path, "side", column, row)
    encoded = pc.utf8_lower(pc.utf8_trim_whitespace(column.cast(pa.string()))).dictionary_encode()
    words = encoded.dictionary.to_pylist()
    codes = encoded.indices.to_numpy()
    values = np.array([_side_of(spec, word) for word in words], np.int64)
    sides = values[codes]
    unknown = np.flatnonzero(sides == 0)
    if len(unknown):
        first = int(unknown[0])
        hint = "known are buy/sell, b/s, bid/ask, 1/-1, true/false; set buy to the text that means a buy"
        raise failure(path, f"row {row + first}, side", f"{words[codes[first]]!r} is not a side", hint)
    return np.asarray(sides, np.int64) if spec.side_means == "taker" else -sides


def zero_where_missing(column: pa.Array) -> pa.Array:
    """The column with 0 in each cell that has nothing."""
    if pa.types.is_string(column.type):
        return pc.if_else(pc.equal(pc.utf8_trim_whitespace(column), ""), "0", column)
    filled = pc.fill_null(column, 0)
    return pc.if_else(pc.is_nan(filled), 0.0, filled) if pa.types.is_floating(column.type) else filled


def read_ids(path: Path, column: pa.Array, row: int) -> Ints:
    """Whole numbers of 0 or more."""
    _refuse_null(path, "trade_id", column, row)
    ids = _as_ints(_cast(path, "trade_id", column, pa.int64(), row, "is not a whole number"))
    if (ids < 0).any():
        first = int(np.argmax(ids < 0))
        raise failure(path, f"row {row + first}, trade_id", f"{ids[first]} is negative")
    return ids


def _side_of(spec: TickFile, word: str) -> int:
    if spec.buy is not None:
        return BUY if word == spec.buy.strip().lower() else SELL
    return BUY if word in _BUY else SELL if word in _SELL else 0


def _counted_times(spec: TickFile, path: Path, column: pa.Array, row: int) -> Ints:
    unit = UNITS[spec.time_unit]
    if pa.types.is_floating(column.type):
        values = column.to_numpy(zero_copy_only=False)
        # Floating point has microseconds at best.
        scaled = np.rint(values * (unit / MICROSECOND)) * MICROSECOND
        if not np.isfinite(values).all() or (np.abs(scaled) >= MAX_INT).any():
            first = int(np.argmax(~(np.abs(scaled) < MAX_INT)))
            raise failure(path, f"row {row + first}, time", f"{values[first]} is not a time")
        return np.asarray(scaled, np.int64)
    wrong = f"is not a time in {spec.time_unit}"
    if pa.types.is_string(column.type) and pc.any(pc.match_substring(column, ".")).as_py() and unit < MINUTE:
        # Exactly: with as many decimals as make nanoseconds, the unscaled integer is the answer.
        exact = _cast(path, "time", column, pa.decimal128(38, len(str(unit)) - 1), row, wrong)
        words = np.frombuffer(exact.buffers()[1], np.int64)[2 * exact.offset : 2 * (exact.offset + len(exact))]
        low, high = words[::2], words[1::2]
        return np.asarray(np.where(high == low >> 63, low, MAX_INT), np.int64)
    counts = _as_ints(_cast(path, "time", column, pa.int64(), row, wrong))
    limit = MAX_INT // unit
    # What does not fit is out of range as well: the bound says so with the right hint.
    return np.asarray(np.clip(counts, -limit, limit) * unit, np.int64)


def _iso_times(path: Path, column: pa.Array, row: int) -> Ints:
    try:
        return _as_ints(column.cast(pa.timestamp("ns")))
    except pa.ArrowException:
        zoned = pa.timestamp("ns", "UTC")
        return _as_ints(_cast(path, "time", column, zoned, row, "is not an ISO 8601 time like the others"))


def _of_day(spec: TickFile, path: Path, times: Ints, column: pa.Array, row: int) -> Ints:
    assert spec.date is not None
    wrong = np.flatnonzero((times < 0) | (times >= DAY))
    if len(wrong):
        first = int(wrong[0])
        hint = "leave date out for times that count from 1970, or set another time_unit"
        message = f"{column[first].as_py()} {spec.time_unit} is no time of a day"
        raise failure(path, f"row {row + first}, time", message, hint)
    return times + parse_time(spec.date)


def _wrong_unit(spec: TickFile, path: Path, shown: object, time: int, row: int) -> Exception:
    digits = str(shown).split(".")[0]
    fitting = [name for name, unit in UNITS.items() if digits.isdigit() and EARLIEST <= int(digits) * unit < LATEST]
    hint = f'set time_unit = "{fitting[0]}"' if fitting else "set time_unit, or date for times since midnight"
    year = format_time(time)[:4] if 0 <= time < LATEST else "a far year"
    return failure(path, f"row {row}, time", f"{shown} read as {spec.time_unit} is in {year}", hint)


def _bad_number(path: Path, key: str, values: NDArray[np.float64], first: int, row: int) -> Exception:
    value = values[first]
    if not np.isfinite(value):
        what = "is not a number"
    elif value <= 0:
        what = "is negative" if value < 0 else "must be more than 0"
    else:
        what = "is too large"
    return failure(path, f"row {row + first}, {key}", f"{_number(value)} {what}")


def _refuse_null(path: Path, key: str, column: pa.Array, row: int) -> None:
    if column.null_count:
        first = pc.index(pc.is_null(column), True).as_py()
        raise failure(path, f"row {row + first}, {key}", "there is no value")


def _cast(path: Path, key: str, column: pa.Array, kind: pa.DataType, row: int, wrong: str) -> pa.Array:
    text = pc.utf8_trim_whitespace(column) if pa.types.is_string(column.type) else column
    try:
        return text.cast(kind)
    except (pa.ArrowException, OverflowError):
        first = _first_uncastable(text, kind)
    shown = text[first].as_py()
    message = f"{str(shown)[:60]!r} {wrong}" if shown != "" else "there is no value"
    raise failure(path, f"row {row + first}, {key}", message)


def _first_uncastable(column: pa.Array, kind: pa.DataType) -> int:
    """The first cell that does not cast, by halves: a cast has no way to say where it failed."""
    low, high = 0, len(column)
    while high - low > 1:
        middle = (low + high) // 2
        try:
            column.slice(low, middle - low).cast(kind)
            low = middle
        except pa.ArrowException:
            high = middle
    return low


def _as_ints(column: pa.Array) -> Ints:
    return np.asarray(column.cast(pa.int64()).to_numpy(zero_copy_only=False), np.int64)


def _number(value: float) -> str:
    return np.format_float_positional(value, trim="-") if np.isfinite(value) else str(value)
