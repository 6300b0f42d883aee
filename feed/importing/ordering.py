"""Order of rows: checked as it is in the file, or sorted by time on request."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
import pyarrow as pa

from feed.errors import failure
from feed.importing.columns import CHUNK_ROWS, Chunk
from feed.importing.conversion import Ints
from feed.importing.findings import Findings
from feed.importing.spelling import COMMAND, Spelling
from feed.importing.times import TimeColumn

__all__ = ["FileRows", "check_order", "oldest_first", "sorted_pieces"]


SEEN_ROWS = 1000
"""The number of rows that show in which order a file is."""

LEAST_FALLS = 2
"""The number of times that fall, among rows of which none rises, from which on a file has its newest rows first."""


@dataclass(frozen=True, slots=True)
class FileRows:
    """Rows of a file, beginning at row `row`, counted from 1 without a header."""

    path: Path
    row: int
    chunk: Chunk


def check_order(path: Path, row: int, time: Ints, last: int, spelling: Spelling = COMMAND) -> int:
    """Return the time of the last row, after a check of the order.

    Raises:
        RecordingError: a row is earlier than the one before it.
    """
    falls = np.flatnonzero(np.diff(time, prepend=last) < 0)
    if len(falls):
        first = row + int(falls[0])
        before = f"row {first - 1}" if first > 1 else "the last row of the file before"
        hint = "sort the file by time"
        if spelling.flags:
            hint = f"{spelling.name('sort')} brings rows into order; name files in the order of their times"
        raise failure(path, f"row {first}, time", f"is earlier than {before}", hint)
    return int(time[-1])


def oldest_first(
    pieces: Iterator[FileRows], clock_of: Callable[[Path], TimeColumn], findings: Findings
) -> Iterator[FileRows]:
    """Yield the rows as they are, and those of a file whose first rows are the newest from its end, which is said.

    Such a file is held in memory, and its rows are counted from its end.
    """
    for path, rows in groupby(pieces, lambda piece: piece.path):
        of_file = iter(rows)
        first = next(of_file)
        seen = first.chunk["time"].slice(0, SEEN_ROWS)
        steps = np.diff(clock_of(path).read(path, "time", seen, first.row)) if len(seen) else np.empty(0)
        if (steps > 0).any() or np.count_nonzero(steps < 0) < LEAST_FALLS:
            yield first
            yield from of_file
            continue
        findings.say(f"{path.name} has its newest rows first: it is read, and its rows are counted, from its end")
        gathered, row = [first, *of_file], 1
        for piece in reversed(gathered):
            size = len(piece.chunk["time"])
            order = pa.array(np.arange(size)[::-1])
            yield FileRows(path, row, {key: column.take(order) for key, column in piece.chunk.items()})
            row += size


def sorted_pieces(
    pieces: Iterator[FileRows], clock_of: Callable[[Path], TimeColumn], findings: Findings
) -> Iterator[FileRows]:
    """Yield all rows by time, now timestamps; rows of the same time keep their order. All are held in memory."""
    gathered = list(pieces)
    if not gathered:
        return
    times = np.concatenate(
        [clock_of(each.path).read(each.path, "time", each.chunk["time"], each.row) for each in gathered]
    )
    falls = np.flatnonzero(np.diff(times) < 0)
    chunk = {key: _joined([each.chunk[key] for each in gathered]) for key in gathered[0].chunk}
    # Files may have different units.
    chunk["time"] = pa.array(times, pa.timestamp("ns"))
    path = gathered[0].path
    if len(falls):
        place = f"row {int(falls[0]) + 2} of all files"
        findings.count("time that falls", "", place, "is earlier than the row before: sorted", len(falls))
        order = pa.array(np.argsort(times, kind="stable"))
        chunk = {key: column.take(order) for key, column in chunk.items()}
    for first in range(0, len(times), CHUNK_ROWS):
        yield FileRows(path, first + 1, {key: column.slice(first, CHUNK_ROWS) for key, column in chunk.items()})


def _joined(columns: list[pa.Array]) -> pa.Array:
    """Return the parts as one column; as text, if not all parts could be read as numbers."""
    kinds = {column.type for column in columns}
    return pa.concat_arrays(columns if len(kinds) == 1 else [column.cast(pa.string()) for column in columns])
