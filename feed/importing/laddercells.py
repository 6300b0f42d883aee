"""Prices and sizes in the cells of snapshots of books, in each of the layouts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from feed.errors import RecordingError, failure
from feed.importing.conversion import converted
from feed.importing.heads import folded
from feed.importing.ladderlayout import LadderLayout
from feed.importing.ordering import FileRows

__all__ = ["cleaned", "read_distances", "read_levels", "read_lists", "read_numbered"]

Floats = NDArray[np.float64]

COMPUTED_PRICE_PLACES, COMPUTED_SIZE_PLACES = 2, 8
"""Decimals of prices that are computed from distances, and of sizes from what they are worth."""

PRICE_KEYS = ("price", "px", "p", "0")
SIZE_KEYS = ("size", "sz", "amount", "qty", "quantity", "volume", "q", "s", "1")
"""Names of a level's price and size, where levels are objects."""


def read_numbered(piece: FileRows, layout: LadderLayout, side: int) -> tuple[Floats, Floats]:
    """Return the prices and sizes of a side as matrices, one row a snapshot."""
    word = ("bid", "ask")[side]
    return (
        _matrix(piece, [f"{word} price {level}" for level in range(len(layout.prices[side]))]),
        _matrix(piece, [f"{word} size {level}" for level in range(len(layout.sizes[side]))]),
    )


def read_distances(piece: FileRows, layout: LadderLayout, side: int) -> tuple[Floats, Floats]:
    """Return the prices and sizes of a side that is told as distances from the middle and worths in quote currency."""
    distances, worths = read_numbered(piece, layout, side)
    middle = _matrix(piece, ["middle"])
    prices = np.round(middle * (1 + (-1, 1)[side] * np.abs(distances)), COMPUTED_PRICE_PLACES)
    with np.errstate(divide="ignore", invalid="ignore"):
        return prices, np.round(worths / prices, COMPUTED_SIZE_PLACES)


def _matrix(piece: FileRows, keys: Sequence[str]) -> Floats:
    """Return columns of numbers as a matrix; an empty cell is not a number."""
    columns = []
    for key in keys:
        column = converted(_emptied(piece.chunk[key]), pa.float64())
        if pa.types.is_string(column.type):
            raise _not_a_number(piece, key, column)
        columns.append(column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False))
    return np.stack(columns, axis=1)


def _emptied(column: pa.Array) -> pa.Array:
    """Return a column of text with null in place of empty cells."""
    if not pa.types.is_string(column.type):
        return column
    return pc.if_else(pc.equal(pc.utf8_trim_whitespace(column), ""), pa.scalar(None, pa.string()), column)


def _not_a_number(piece: FileRows, key: str, column: pa.Array) -> RecordingError:
    for place, cell in enumerate(column.to_pylist()):
        try:
            float(cell or "nan")
        except ValueError:
            return failure(piece.path, f"row {piece.row + place}, {key}", f"{str(cell)[:60]!r} is not a number")
    return failure(piece.path, f"row {piece.row} and after, {key}", "is not a number")


def read_lists(piece: FileRows, layout: LadderLayout, side: int) -> tuple[list[Floats], list[Floats]]:
    """Return the prices and sizes of a side, each a list in a column of its own."""
    word = ("bid", "ask")[side]
    return (
        [_floats(piece, place, f"{word} price 0", cell) for place, cell in _cells(piece, f"{word} price 0")],
        [_floats(piece, place, f"{word} size 0", cell) for place, cell in _cells(piece, f"{word} size 0")],
    )


def read_levels(piece: FileRows, layout: LadderLayout, side: int) -> tuple[list[Floats], list[Floats]]:
    """Return prices and sizes of levels that are pairs, or objects with a price and a size."""
    key = f"{('bid', 'ask')[side]} price 0"
    prices, sizes = [], []
    for place, cell in _cells(piece, key):
        try:
            pairs = [_pair(level) for level in cell]
        except (KeyError, IndexError, TypeError, StopIteration):
            shown = str(cell)[:60]
            raise failure(piece.path, f"row {piece.row + place}, {key}", f"{shown!r} is no list of levels") from None
        prices.append(_floats(piece, place, key, [pair[0] for pair in pairs]))
        sizes.append(_floats(piece, place, key, [pair[1] for pair in pairs]))
    return prices, sizes


def _pair(level: Any) -> tuple[Any, Any]:
    if isinstance(level, Mapping):
        named = {folded(str(name)): value for name, value in level.items()}
        price = next(named[name] for name in PRICE_KEYS if name in named)
        return price, next(named[name] for name in SIZE_KEYS if name in named)
    return level[0], level[1]


def _cells(piece: FileRows, key: str) -> Iterator[tuple[int, Any]]:
    """Yield the cells of a column of lists; those of a text are read as JSON, or as Python writes lists."""
    for place, cell in enumerate(piece.chunk[key].to_pylist()):
        if not isinstance(cell, str):
            yield place, cell or []
            continue
        text = cell.strip().replace("(", "[").replace(")", "]").replace("'", '"')
        try:
            yield place, orjson.loads(text) if text else []
        except orjson.JSONDecodeError:
            raise failure(piece.path, f"row {piece.row + place}, {key}", f"{cell[:60]!r} is no list") from None


def _floats(piece: FileRows, place: int, key: str, values: Any) -> Floats:
    try:
        return np.array([np.nan if value is None else value for value in values], np.float64)
    except (TypeError, ValueError):
        shown = str(values)[:60]
        raise failure(piece.path, f"row {piece.row + place}, {key}", f"{shown!r} are no numbers") from None


def cleaned(prices: Floats, sizes: Floats, sign: int) -> Floats:
    """Return the levels that have a price and a size, the best first, as a matrix of two columns."""
    count = min(len(prices), len(sizes))
    prices, sizes = prices[:count], sizes[:count]
    there = np.isfinite(prices) & np.isfinite(sizes) & (prices > 0) & (sizes > 0)
    levels = np.stack([prices[there], sizes[there]], axis=1)
    return np.ascontiguousarray(levels[np.argsort(sign * levels[:, 0], kind="stable")])
