"""Messages of a channel exactly as recorded, for a replay that sends them again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["RecordedRows"]

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class RecordedRows:
    """Messages of one stream in order: market time (ns UTC, never decreasing), and the `data` object of each."""

    time: Ints
    data: Sequence[bytes]
    opening: bytes | None = None
    """State before the first message, if known."""

    def __len__(self) -> int:
        return len(self.time)

    def between(self, start: int, end: int) -> RecordedRows:
        """Return the messages from `start` up to, not including, `end`."""
        lo, hi = (int(row) for row in np.searchsorted(self.time, [start, end]))
        return RecordedRows(self.time[lo:hi], self.data[lo:hi])
