"""Times that are written out, in the spellings of many writers, as ns UTC.

Besides ISO 8601: `2024-01-01D00:00:00.5` of BitMEX, `2024/01/01`, `01.01.2024 00:00:00.123 GMT+0100`,
`20240101 000000123`, `1/31/2024 1:05 PM`, `Nov 14, 2023`, `2020-01-01 12-AM`. Of two numbers before a year one is the
month: the first one, unless it is above 12 somewhere or points stand between them.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from feed.errors import failure
from feed.importing.conversion import Ints, ints_of
from feed.units import HOUR

__all__ = ["WrittenTimes", "is_clock", "is_written_out"]

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")

_WRITTEN = re.compile(
    r"""\d{4}[-/.]\d{1,2}[-/.]\d{1,2}(\D.*)?      # the year first
    | \d{1,2}[-/.]\d{1,2}[-/.]\d{4}(\D.*)?        # the year last
    | (19|20)\d\d(0[1-9]|1[0-2])([0-2]\d|3[01])([T ]?\d\d:?\d\d.*)?   # nothing between
    | ([A-Za-z]{3,9}\ +\d{1,2},?|\d{1,2}[-\ ][A-Za-z]{3,9}[-\ ,]+)\ *\d{4}.*""",
    re.VERBOSE,
)
_CLOCK = re.compile(r"\d{1,2}:\d\d(:\d\d([.,]\d{1,9})?)?( ?[AaPp][Mm])?|\d{6}")

ZONED = pa.timestamp("ns", "UTC")

YEAR_LAST = "^(?P<first>[0-9]{1,2})(?P<mark>[-/. ])(?P<second>[0-9]{1,2})[-/. ,]+(?P<year>[0-9]{4})"


def is_written_out(text: str) -> bool:
    """Tell whether a text is a date, with or without a time, in a known spelling."""
    return _WRITTEN.fullmatch(text.strip()) is not None


def is_clock(text: str) -> bool:
    """Tell whether a text is a time of a day without its date."""
    return _CLOCK.fullmatch(text.strip()) is not None


class WrittenTimes:
    """Reader of a column of times that are written out, all of them alike.

    Attributes:
        told: which number of a date was taken as the month, if that had to be decided.
    """

    def __init__(self) -> None:
        self.told: str | None = None
        self._month_first: bool | None = None

    def read(self, path: Path, key: str, column: pa.Array, row: int) -> Ints:
        """Return the times, ns UTC.

        Raises:
            RecordingError: names the row of the first text that is in none of the spellings.
        """
        for kind in (pa.timestamp("ns"), ZONED):
            try:
                return ints_of(column.cast(kind))
            except pa.ArrowException:
                continue
        text, shift = _half_days(self._iso(column))
        # Arrow wants a zone in every text, or in none.
        zone = pc.match_substring_regex(text, "(Z|[-+][0-9]{2}:[0-9]{2})$")
        whole = pc.if_else(zone, text, pc.binary_join_element_wise(text, "Z", ""))
        try:
            return np.asarray(ints_of(whole.cast(ZONED)) + shift, np.int64)
        except pa.ArrowException:
            place = next(place for place in range(len(column)) if not _is_time(whole[place]))
        hint = "write it as 2024-01-31T13:05:00.5Z"
        where = f"row {row + place}, {key}"
        raise failure(path, where, f"{str(column[place])[:60]!r} is not an ISO 8601 time like the others", hint)

    def _iso(self, column: pa.Array) -> pa.Array:
        """Return texts as ISO 8601, as far as their spelling is known."""
        text = pc.utf8_trim(pc.utf8_trim_whitespace(column), '"')
        for number, month in enumerate(MONTHS, 1):
            text = pc.replace_substring_regex(text, f"(?i)\\b{month}[a-z]*\\b\\.?", f"{number:02d}")
        if self._month_first is None and pc.any(pc.match_substring_regex(text, YEAR_LAST)).as_py():
            self._month_first, self.told = _month_first(column, text)
        order = r"\4-\1-\3" if self._month_first else r"\4-\3-\1"
        text = pc.replace_substring_regex(text, YEAR_LAST, order)
        text = pc.replace_substring_regex(text, "^([0-9]{4})[-/.]([0-9]{1,2})[-/.]([0-9]{1,2})", r"\1-\2-\3")
        for pattern, better in REPAIRS:
            text = pc.replace_substring_regex(text, pattern, better)
        return text


def _is_time(text: pa.Scalar) -> bool:
    try:
        text.cast(ZONED)
    except pa.ArrowException:
        return False
    return bool(text.is_valid)


REPAIRS = (
    # Nothing between the parts.
    ("^([0-9]{4})([0-9]{2})([0-9]{2})[T ]?([0-9]{2}):?([0-9]{2}):?([0-9]{2})", r"\1-\2-\3 \4:\5:\6"),
    ("^([0-9]{4})([0-9]{2})([0-9]{2})[T ]?([0-9]{2}):?([0-9]{2})$", r"\1-\2-\3 \4:\5:00"),
    ("^([0-9]{4})([0-9]{2})([0-9]{2})$", r"\1-\2-\3"),
    # Decimals behind a space, a comma or nothing.
    ("^(.{10}[ T][0-9]{2}:[0-9]{2}:[0-9]{2})[ ,]?([0-9]+)$", r"\1.\2"),
    ("^(.{10}[ T][0-9]{2}:[0-9]{2}:[0-9]{2}),([0-9]+)", r"\1.\2"),
    # Months, days and hours of one digit.
    ("^([0-9]{4})-([0-9])-", r"\1-0\2-"),
    ("^([0-9]{4}-[0-9]{2})-([0-9])([^0-9]|$)", r"\1-0\2\3"),
    ("^(.{10})[,D T]+", r"\1 "),
    ("^(.{10} )([0-9])([:-]|$)", r"\10\2\3"),
    # A date alone.
    ("^(.{10}) ?Z?$", r"\1 00:00:00"),
    # Zones.
    ("(?i)([-+][0-9]{2}:?[0-9]{2}) (UTC|GMT)$", r"\1"),
    ("(?i) ?(UTC|GMT)? ?([-+][0-9]{2}):?([0-9]{2})$", r"\2:\3"),
    ("(?i)(:[0-9.]+) ?([-+][0-9]{2})$", r"\1\2:00"),
    ("(?i) ?(UTC|GMT|Z)$", "Z"),
    # More digits than nanoseconds have.
    (r"(\.[0-9]{9})[0-9]+", r"\1"),
)
"""Spellings and what they become in ISO 8601, in this order."""


def _month_first(column: pa.Array, text: pa.Array) -> tuple[bool, str | None]:
    """Tell whether the first of two numbers before a year is the month, and how that was decided if it is no fact."""
    found = pc.extract_regex(text, YEAR_LAST).drop_null()
    first, second = (pc.max(pc.struct_field(found, name).cast(pa.int64())).as_py() for name in ("first", "second"))
    if first > 12 or second > 12:
        return second > 12, None
    if pc.any(pc.match_substring_regex(column, "[A-Za-z]{3}")).as_py():
        return bool(pc.any(pc.match_substring_regex(column, "^[A-Za-z]")).as_py()), None
    slashed = pc.struct_field(found, "mark")[0].as_py() == "/"
    place = "first" if slashed else "second"
    return slashed, f"the {place} number of a date is taken as the month: no number tells"


def _half_days(text: pa.Array) -> tuple[pa.Array, Ints]:
    """Return times of twelve hours as those of the first half of a day, and what they are later, ns."""
    none = np.zeros(len(text), np.int64)
    marked = pc.match_substring_regex(text, "(?i)[ -]?[AP]\\.?M\\.?$")
    if not pc.any(marked).as_py():
        return text, none
    late = pc.fill_null(pc.match_substring_regex(text, "(?i)P\\.?M\\.?$"), False).to_numpy(zero_copy_only=False)
    twelve = pc.fill_null(pc.match_substring_regex(text, "^.{10} 12"), False).to_numpy(zero_copy_only=False)
    plain = pc.replace_substring_regex(text, "(?i)[ -]?[AP]\\.?M\\.?$", "")
    plain = pc.replace_substring_regex(plain, "^(.{10} [0-9]{2})$", r"\1:00")
    return plain, np.where(late & ~twelve, 12 * HOUR, 0) - np.where(~late & twelve, 12 * HOUR, 0)
