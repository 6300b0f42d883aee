"""Numbers as people write them: `42,000.50`, `42.000,50`, `42 000.50`, `$1'000`, `55.5K`."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["people_numbers"]

CURRENCY = "^([-+]?)[$€£¥₿] ?"
GROUPED = "^([-+]?[0-9]{1,3})([ '’_\u00a0\u202f][0-9]{3})+([.,][0-9]+)?$"
GROUP_MARKS = "[ '’_\u00a0\u202f]"
COMMAS_GROUP = r"^[-+]?[0-9]{1,3}(,[0-9]{3})+(\.[0-9]+)?$"
COMMA_IS_POINT = r"^[-+]?([0-9]{1,3}(\.[0-9]{3})+|[0-9]+),[0-9]+$"

SUFFIXES = {"k": "e3", "m": "e6", "b": "e9"}

EMPTY = ("", "-", "nan", "na", "n/a", "null", "none")


def people_numbers(column: pa.Array, commas_separate: bool, say: Callable[[str], None]) -> pa.Array:
    """Return texts as numbers, if every one is a number in one of these spellings; else the column as it is.

    Args:
        column: a column of text, of which some could not be read as a number.
        commas_separate: a comma is between the cells of the file, so that inside of a cell it groups digits.
        say: told how the numbers are written.
    """
    text = pc.utf8_trim_whitespace(column)
    text = pc.if_else(pc.is_in(pc.utf8_lower(text), pa.array(EMPTY)), pa.scalar(None, pa.string()), text)
    text = pc.replace_substring_regex(text, CURRENCY, r"\1")
    text = pc.if_else(_matches(text, GROUPED), pc.replace_substring_regex(text, GROUP_MARKS, ""), text)
    for letter, power in SUFFIXES.items():
        text = pc.replace_substring_regex(text, f"([0-9])[{letter}{letter.upper()}]$", r"\1" + power)
    text, how = _without_commas(text, commas_separate)
    try:
        numbers = text.cast(pa.float64())
    except pa.ArrowException:
        return column
    if how:
        say(how)
    return numbers


def _without_commas(text: pa.Array, commas_separate: bool) -> tuple[pa.Array, str]:
    """Return texts with points in place of commas, or without them, and what was done."""
    if not _any(pc.match_substring(text, ",")):
        return text, ""
    groups, points = _matches(text, COMMAS_GROUP), _matches(text, COMMA_IS_POINT)
    with_both = pc.and_(pc.match_substring(text, ","), pc.match_substring(text, "."))
    grouped = _any(pc.and_(groups, with_both))
    if not grouped and (_any(pc.and_(points, pc.invert(groups))) or not commas_separate):
        plain = pc.replace_substring(pc.replace_substring(text, ".", ""), ",", ".")
        return pc.if_else(points, plain, text), "decimals are written with a comma"
    return pc.if_else(groups, pc.replace_substring(text, ",", ""), text), "thousands are written with a comma"


def _matches(text: pa.Array, pattern: str) -> pa.Array:
    return pc.fill_null(pc.match_substring_regex(text, pattern), False)


def _any(mask: pa.Array) -> bool:
    return bool(pc.any(mask).as_py())
