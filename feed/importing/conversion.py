"""Conversion of cells into integers, naming the first wrong row: sides, ids, common parts of numbers and times.

Every function takes the row number of its first cell, counted from 1, for its messages.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from feed.data.ticks import BUY, SELL
from feed.errors import failure
from feed.importing.spelling import COMMAND, Spelling

__all__ = [
    "Ints",
    "SideWords",
    "cast_column",
    "converted",
    "ints_of",
    "read_ids",
    "read_sides",
    "refuse_null",
    "zero_where_missing",
]

Ints = NDArray[np.int64]

_BUY = ("buy", "b", "bid", "1", "+1", "1.0", "true", "t", "long", "buyer", "bought", "taker_buy")
_SELL = ("sell", "s", "ask", "a", "-1", "0", "-1.0", "false", "f", "short", "seller", "sold", "taker_sell", "offer")
_UNTOLD = ("", "unknown", "none", "null", "nan", "n", "n/a", "na", "-", "undefined")


@dataclass(frozen=True, slots=True)
class SideWords:
    """Meaning of the words in a column of sides.

    Attributes:
        means: the party whose side it is: `taker`, `maker`, or `buyer-is-maker`, with true if the seller took.
        buy: the word of a buy, which makes every other word a sell.
        gaps: a cell may be empty, or say that the side is unknown: its side is 0.
    """

    means: str = "taker"
    buy: str | None = None
    spelling: Spelling = COMMAND
    gaps: bool = False


def read_sides(meaning: SideWords, path: Path, column: pa.Array, row: int) -> Ints:
    """Return the taker's side of each row, BUY or SELL; 0 where it is unknown, if that may be."""
    refuse_null(path, "side", column, row)
    encoded = pc.utf8_lower(pc.utf8_trim_whitespace(column.cast(pa.string()))).dictionary_encode()
    words = encoded.dictionary.to_pylist()
    codes = encoded.indices.to_numpy()
    values = np.array([_side_of(meaning, word) for word in words], np.int64)
    sides = values[codes]
    untold = np.array([meaning.gaps and word in _UNTOLD for word in words], bool)
    unknown = np.flatnonzero((sides == 0) & ~untold[codes]) if len(words) else np.flatnonzero(sides == 0)
    if len(unknown):
        first = int(unknown[0])
        known = "known are buy/sell, b/s, bid/ask, 1/-1, true/false"
        hint = f"{known}; set {meaning.spelling.name('buy')} to the text that means a buy"
        raise failure(path, f"row {row + first}, side", f"{words[codes[first]]!r} is not a side", hint)
    return np.asarray(sides, np.int64) if meaning.means == "taker" else -sides


def zero_where_missing(column: pa.Array) -> pa.Array:
    """Return the column with 0 in each empty cell."""
    if pa.types.is_string(column.type):
        return pc.if_else(pc.equal(pc.utf8_trim_whitespace(column), ""), "0", column)
    filled = pc.fill_null(column, 0)
    return pc.if_else(pc.is_nan(filled), 0.0, filled) if pa.types.is_floating(column.type) else filled


def read_ids(path: Path, column: pa.Array, row: int) -> Ints:
    """Return ids as whole numbers of 0 or more."""
    refuse_null(path, "trade_id", column, row)
    ids = ints_of(cast_column(path, "trade_id", column, pa.int64(), row, "is not a whole number"))
    if (ids < 0).any():
        first = int(np.argmax(ids < 0))
        raise failure(path, f"row {row + first}, trade_id", f"{ids[first]} is negative")
    return ids


def converted(column: pa.Array, kind: pa.DataType) -> pa.Array:
    """Return text as numbers if all of it is numeric; else unchanged, so that a later check can name the wrong cell."""
    if not pa.types.is_string(column.type):
        return column
    try:
        return column.cast(kind)
    except pa.ArrowException:
        return column


def refuse_null(path: Path, key: str, column: pa.Array, row: int) -> None:
    """Raise RecordingError for the first empty cell."""
    if column.null_count:
        first = pc.index(pc.is_null(column), True).as_py()
        raise failure(path, f"row {row + first}, {key}", "there is no value")


def cast_column(path: Path, key: str, column: pa.Array, kind: pa.DataType, row: int, wrong: str) -> pa.Array:
    """Return cells as another type. Raises RecordingError, with the text `wrong`, for the first one that fails."""
    text = pc.utf8_trim_whitespace(column) if pa.types.is_string(column.type) else column
    try:
        return text.cast(kind)
    except (pa.ArrowException, OverflowError):
        first = _first_uncastable(text, kind)
    shown = text[first].as_py()
    message = f"{str(shown)[:60]!r} {wrong}" if shown != "" else "there is no value"
    raise failure(path, f"row {row + first}, {key}", message)


def ints_of(column: pa.Array) -> Ints:
    """Return whole numbers as integers, and timestamps as integers of their own unit (ns)."""
    return np.asarray(column.cast(pa.int64()).to_numpy(zero_copy_only=False), np.int64)


def _side_of(meaning: SideWords, word: str) -> int:
    if meaning.buy is not None and not (meaning.gaps and word in _UNTOLD):
        return BUY if word == meaning.buy.strip().lower() else SELL
    return BUY if word in _BUY else SELL if word in _SELL else 0


def _first_uncastable(column: pa.Array, kind: pa.DataType) -> int:
    """Return the index of the first cell that does not cast, by bisection: a cast does not report the place."""
    low, high = 0, len(column)
    while high - low > 1:
        middle = (low + high) // 2
        try:
            column.slice(low, middle - low).cast(kind)
            low = middle
        except pa.ArrowException:
            high = middle
    return low
