"""On-disk columns of trades: written once, in order, then read at any position at the cost of the rows that are read.

A replay seeks, and neither a packed CSV nor a Parquet of one row group can. The columns lie in temporary files
without a name, which the system removes with the process; read rows are paged in and out by the kernel.
"""

from __future__ import annotations

import mmap
import tempfile
from dataclasses import fields
from itertools import accumulate
from typing import IO

import numpy as np
from numpy.typing import NDArray

from feed.data.book import QuoteBlock
from feed.data.ticks import TickBlock

__all__ = ["RunningLots", "TickCache"]

SUMMED_ROWS = 4096

ADVICE = getattr(mmap, "MADV_DONTNEED", None)
"""Advice to the kernel that pages are not needed for now; None where the system takes none."""

_COLUMNS = tuple(field.name for field in fields(TickBlock))


class TickCache:
    """Cache of tick columns: append blocks, `seal`, then read. `skipped` columns are derived by the reader."""

    def __init__(self, skipped: frozenset[str] = frozenset()) -> None:
        kept = [name for name in _COLUMNS if name not in skipped]
        self._files: dict[str, IO[bytes]] = {name: tempfile.TemporaryFile() for name in kept}  # noqa: SIM115  # by seal
        self._columns: dict[str, NDArray[np.int64]] = {}
        self._rows = 0

    def __len__(self) -> int:
        return self._rows

    def append(self, block: TickBlock | QuoteBlock) -> None:
        """Append rows with the kept columns. Raises OSError where the disk is full."""
        for name, file in self._files.items():
            file.write(np.ascontiguousarray(getattr(block, name)).data)
        self._rows += len(block)

    def seal(self) -> None:
        """Make the rows readable."""
        for name, file in self._files.items():
            file.flush()
            # An empty file cannot be mapped.
            empty = np.empty(0, np.int64)
            self._columns[name] = np.memmap(file, np.int64, "r", shape=(self._rows,)) if self._rows else empty
            # The mapping stays valid after the file is closed.
            file.close()

    def discard(self) -> None:
        """Free the disk space of a cache that is not sealed."""
        for file in self._files.values():
            file.close()

    def column(self, name: str) -> NDArray[np.int64]:
        """Return all rows of a column, mapped and not read."""
        return self._columns[name]

    def part(self, name: str, first: int, last: int) -> NDArray[np.int64]:
        """Return a range of rows of a column, in memory."""
        return _read(self._columns[name], first, last)

    def rows(self, first: int, last: int) -> dict[str, NDArray[np.int64]]:
        """Return the kept columns of a range of rows, in memory."""
        return {name: _read(column, first, last) for name, column in self._columns.items()}


def _read(column: NDArray[np.int64], first: int, last: int) -> NDArray[np.int64]:
    """Return a copy of some rows. Their pages leave the process again, which otherwise would grow to the whole file."""
    rows = np.array(column[first:last])
    mapping = getattr(column, "_mmap", None)
    if mapping is not None and ADVICE is not None:
        begin = first * column.itemsize // mmap.PAGESIZE * mmap.PAGESIZE
        mapping.madvise(ADVICE, begin, last * column.itemsize - begin)
    return rows


class RunningLots:
    """Running sums of a column of sizes on disk; memory holds one sum for each `SUMMED_ROWS`."""

    def __init__(self, sizes: NDArray[np.int64]) -> None:
        self._sizes = sizes
        parts = [int(sizes[row : row + SUMMED_ROWS].sum()) for row in range(0, len(sizes), SUMMED_ROWS)]
        self._sums = [0, *accumulate(parts)]

    def before(self, row: int) -> int:
        """Return the sum of the rows before a given row."""
        whole = row // SUMMED_ROWS
        return self._sums[whole] + int(self._sizes[whole * SUMMED_ROWS : row].sum())
