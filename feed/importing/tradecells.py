"""Cells of trades that need an explanation: empty rows, signed sizes, unknown sides, ids that are text."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from feed.data.inference import tick_rule
from feed.data.ticks import BUY, SELL
from feed.importing.columns import Chunk
from feed.importing.conversion import Ints, zero_where_missing
from feed.importing.findings import Findings
from feed.importing.ordering import FileRows

__all__ = ["are_ids", "filled_sides", "quoted_rows", "sides_by_sign", "whole_rows"]

Flags = NDArray[np.bool_]

LEAST_SALES_SHARE = 0.02
"""Least share of negative sizes among rows of which the sign tells the side."""

TRADED = "T"
"""Action of a row that is a trade, where rows have actions."""

EMPTY = ("", "nan", "null", "none")


def whole_rows(piece: FileRows, findings: Findings) -> Iterator[FileRows]:
    """Yield the rows of a piece in runs, without those that have neither a price nor a size."""
    empty = _is_missing(piece.chunk["price"]) & _is_missing(piece.chunk["size"])
    others = np.zeros(len(empty), bool)
    if "action" in piece.chunk:
        others = pc.not_equal(piece.chunk["action"].cast(pa.string()), TRADED).to_numpy(zero_copy_only=False)
    for kind, found in (("row without price and size", empty), ("row that is no trade", others)):
        if found.any():
            where = f"{piece.path.name} row {piece.row + int(np.argmax(found))}"
            findings.count(kind, "", where, "is left out", int(found.sum()))
    empty = empty | others
    if not empty.any():
        yield piece
        return
    edges = np.flatnonzero(np.diff(np.concatenate(([True], empty, [True])).astype(np.int8)))
    for begin, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        chunk = {key: column.slice(begin, end - begin) for key, column in piece.chunk.items()}
        yield FileRows(piece.path, piece.row + begin, chunk)


def _is_missing(column: pa.Array) -> Flags:
    missing = pc.is_null(column, nan_is_null=True)
    if pa.types.is_string(column.type):
        words = pc.utf8_lower(pc.utf8_trim_whitespace(column))
        missing = pc.or_(missing, pc.fill_null(pc.is_in(words, pa.array(EMPTY)), True))
    found: Flags = missing.to_numpy(zero_copy_only=False)
    return found


def quoted_rows(chunk: Chunk) -> tuple[Chunk, Flags]:
    """Return the columns of quotes without a hole, and whether a row has a quote; where not, its price stands there."""
    missing = _is_missing(chunk["bid"]) | _is_missing(chunk["ask"])
    filled: Chunk = {key: chunk[key] for key in ("bid", "ask", "bid_size", "ask_size") if key in chunk}
    for key, column in filled.items():
        if missing.any() and column.type == chunk["price"].type:
            column = pc.if_else(pa.array(missing), chunk["price"], column)
        filled[key] = zero_where_missing(column) if "size" in key else column
    return filled, ~missing


def sides_by_sign(sizes: pa.Array) -> tuple[pa.Array, Ints] | None:
    """Return sizes without their signs, and the sides that these tell; None if none is negative."""
    if not (pa.types.is_floating(sizes.type) or pa.types.is_integer(sizes.type)):
        return None
    negative = pc.fill_null(pc.less(sizes, 0), False).to_numpy(zero_copy_only=False)
    # A few negative sizes are mistakes, which are refused with their place.
    if not negative.any() or negative.mean() < LEAST_SALES_SHARE:
        return None
    return pc.abs(sizes), np.where(negative, SELL, BUY).astype(np.int64)


def filled_sides(sides: Ints, price: Ints, last: tuple[int, int]) -> tuple[Ints, int]:
    """Return sides without a hole, and how many were filled: by the tick rule, as for files without sides.

    Args:
        sides: BUY, SELL, or 0 where a cell does not tell it.
        price: the prices.
        last: the price and the side before the first row.
    """
    holes = sides == 0
    count = int(holes.sum())
    return (np.where(holes, tick_rule(price, *last), sides), count) if count else (sides, 0)


def are_ids(column: pa.Array) -> bool:
    """Tell whether a column has whole numbers: its first cells decide, as far as they are not empty."""
    cells = [str(cell).strip() for cell in column.slice(0, 100).to_pylist() if cell is not None]
    return bool(cells) and cells[0] != "" and cells[0].lstrip("-").isdigit()
