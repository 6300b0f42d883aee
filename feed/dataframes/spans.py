"""Spans of market time as a caller gives them: times, or how far into a recording."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

from feed.errors import UsageError
from feed.tape.reader import RecordingReader
from feed.tape.slices import Slice, span_of, symbols_of
from feed.units import parse_duration, parse_time

__all__ = ["Moment", "moment_of", "slice_of"]

Moment = str | datetime | date | timedelta | np.datetime64 | pd.Timestamp | int
"""A time (text in ISO 8601, `datetime`, `pandas.Timestamp`, or an int of ns UTC), or how far into it, such as `10m`."""


def slice_of(
    reader: RecordingReader, start: Moment | None, end: Moment | None, symbol: str | Sequence[str] | None
) -> Slice:
    """Return the slice of a recording between two moments. Raises UsageError for one that is no time."""
    begins = span_of(reader)[0]
    return Slice(moment_of("start", start, begins), moment_of("end", end, begins), symbols_of(symbol))


def moment_of(name: str, value: Moment | None, begins: int) -> int | None:
    """Return a moment as ns UTC.

    Args:
        name: the name of the argument, for messages.
        begins: the time from which a duration counts.

    Raises:
        UsageError: the value is neither a time nor a duration.
    """
    if value is None:
        return None
    if isinstance(value, (pd.Timestamp, np.datetime64)):
        stamp: Any = pd.Timestamp(value)
        stamp = stamp.tz_localize("UTC") if stamp.tzinfo is None else stamp
        return int(stamp.as_unit("ns").value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    for convert in (parse_time, _duration(begins)):
        try:
            return convert(value)  # type: ignore[arg-type]
        except UsageError:
            continue
    raise UsageError(f"{name}: {value!r} is no time; write 2025-01-06T14:30:00Z, or how far into it, such as 10m")


def _duration(begins: int) -> Any:
    return lambda value: begins + parse_duration(value)
