"""Snapshots of books with a row a level: rows of one time are one snapshot, as Kaiko and Binance's bookDepth have it.

Binance sums the depth within so many per cents of the middle: the levels between two of these bounds become one, at
their average price.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from feed.errors import failure
from feed.importing.columns import Chunk, Meter, Wanted, read_columns
from feed.importing.conversion import converted
from feed.importing.names import TRADE_NAMES, alike_names

__all__ = ["LEVEL_ROWS", "PERCENT_ROWS", "are_level_rows", "percent_columns", "snapshots_of"]

LEVEL_ROWS, PERCENT_ROWS = "rows", "percents"
"""Kinds of layouts: a row a level, and a row a bound in per cents."""

SIDES = {**dict.fromkeys(("b", "bid", "bids"), 0), **dict.fromkeys(("a", "ask", "asks"), 1)}

PERCENTS = ("timestamp", "percentage", "depth", "notional")

LEAST_LEVELS = 3
"""The number of rows of one time from which on they may be a snapshot."""

Floats = NDArray[np.float64]


def percent_columns(names: Sequence[str]) -> dict[str, str] | None:
    """Return the columns of Binance's bookDepth by purpose; None if it is another file."""
    if not set(PERCENTS) <= set(names):
        return None
    return {"time": "timestamp", "side": "percentage", "price": "notional", "size": "depth"}


def are_level_rows(path: Path, names: Sequence[str]) -> dict[str, str] | None:
    """Return the columns of a file with a row a level by purpose; None if its first rows are no snapshot."""
    found = {key: alike_names(names, TRADE_NAMES[key], key) for key in ("time", "price", "size", "side")}
    sides = found["side"] or [name for name in names if name.lower() == "type"]
    if not sides or not all(found[key] for key in ("time", "price", "size")):
        return None
    columns = {key: found[key][0] for key in ("time", "price", "size")} | {"side": sides[0]}
    chunk = next(read_columns(path, Wanted(columns), Meter(0)), None)
    return columns if chunk is not None and _is_snapshot(chunk) else None


def _is_snapshot(chunk: Chunk) -> bool:
    words = [str(word).strip().lower() for word in chunk["side"].slice(0, 10_000).to_pylist()]
    prices, time = converted(chunk["price"], pa.float64()), chunk["time"].to_pylist()
    size = next((place for place, each in enumerate(time) if each != time[0]), len(time))
    if size < LEAST_LEVELS or not set(words) <= set(SIDES) or not pa.types.is_floating(prices.type):
        return False
    found: tuple[list[float], list[float]] = ([], [])
    for word, price in zip(words[:size], prices.to_pylist()[:size], strict=False):
        found[SIDES[word]].append(price or 0.0)
    apart = all(len(set(side)) == len(side) for side in found)
    return apart and bool(found[0] and found[1]) and max(found[0]) < min(found[1])


def snapshots_of(path: Path, kind: str, chunks: Iterator[Chunk]) -> Iterator[tuple[int, Chunk]]:
    """Yield snapshots as columns of lists, with the number of the first row: `time`, `bid price 0`, `bid size 0` …"""
    row, held = 1, None
    for chunk in chunks:
        whole = chunk if held is None else {key: _joined(held[key], column) for key, column in chunk.items()}
        time = whole["time"]
        ends = np.flatnonzero(_changes(time)) + 1
        # The last time may go on in the next chunk.
        last = int(ends[-1]) if len(ends) else 0
        if last:
            yield row, _lists(path, kind, row, {key: column.slice(0, last) for key, column in whole.items()}, ends)
        held = {key: column.slice(last) for key, column in whole.items()}
        row += last
    if held is not None and len(held["time"]):
        yield row, _lists(path, kind, row, held, np.array([len(held["time"])]))


def _joined(first: pa.Array, second: pa.Array) -> pa.Array:
    if first.type != second.type:
        first, second = first.cast(pa.string()), second.cast(pa.string())
    return pa.concat_arrays([first, second])


def _changes(time: pa.Array) -> NDArray[np.bool_]:
    changed: NDArray[np.bool_] = pc.not_equal(time.slice(1), time.slice(0, len(time) - 1)).to_numpy(
        zero_copy_only=False
    )
    return changed.astype(bool)


def _lists(path: Path, kind: str, row: int, chunk: Chunk, ends: NDArray[np.int64]) -> Chunk:
    numbers = {key: _numbers(path, key, chunk[key], row) for key in ("price", "size")}
    side = _numbers(path, "side", chunk["side"], row) if kind == PERCENT_ROWS else _codes(path, chunk["side"], row)
    columns: dict[str, list[Floats]] = {f"{word} {what} 0": [] for word in ("bid", "ask") for what in ("price", "size")}
    for begin, end in pairwise([0, *ends.tolist()]):
        own, price, size = side[begin:end], numbers["price"][begin:end], numbers["size"][begin:end]
        for word, mask in (("bid", own < 0 if kind == PERCENT_ROWS else own == 0), ("ask", own > 0)):
            levels = price[mask], size[mask]
            if kind == PERCENT_ROWS:
                levels = _between(own[mask], *levels)
            columns[f"{word} price 0"].append(levels[0])
            columns[f"{word} size 0"].append(levels[1])
    starts = np.concatenate(([0], ends[:-1]))
    return {"time": chunk["time"].take(pa.array(starts)), **{key: pa.array(lists) for key, lists in columns.items()}}


def _between(percent: Floats, notional: Floats, depth: Floats) -> tuple[Floats, Floats]:
    """Return the average price and the size between two bounds, from sums up to each."""
    order = np.argsort(np.abs(percent))
    size = np.diff(depth[order], prepend=0.0)
    worth = np.diff(notional[order], prepend=0.0)
    there = size > 0
    return np.round(worth[there] / size[there], 2), np.round(size[there], 8)


def _numbers(path: Path, key: str, column: pa.Array, row: int) -> Floats:
    numbers = converted(column, pa.float64())
    if pa.types.is_string(numbers.type):
        for place, cell in enumerate(numbers.to_pylist()):
            try:
                float(cell or "nan")
            except ValueError:
                raise failure(path, f"row {row + place}, {key}", f"{str(cell)[:60]!r} is not a number") from None
    found: Floats = numbers.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    return found


def _codes(path: Path, column: pa.Array, row: int) -> Floats:
    words = pc.utf8_lower(pc.utf8_trim_whitespace(column.cast(pa.string()))).to_pylist()
    for place, word in enumerate(words):
        if word not in SIDES:
            hint = "it is b or a, or bid or ask"
            raise failure(path, f"row {row + place}, side", f"{word!r} is not a side of a book", hint)
    return np.array([SIDES[word] for word in words], np.float64)
