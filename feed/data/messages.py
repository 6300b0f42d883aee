"""Messages of a channel that a recording has as they were sent, for a replay that sends them again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["RecordedRows"]

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class RecordedRows:
    """One stream's messages in order: market time (ns UTC, never falling), and the `data` object of each."""

    time: Ints
    data: Sequence[bytes]
    opening: bytes | None = None
    """What stood before the first of them, if that is known."""

    def __len__(self) -> int:
        return len(self.time)

    def between(self, start: int, end: int) -> RecordedRows:
        """Those from `start` up to, not including, `end`."""
        lo, hi = (int(row) for row in np.searchsorted(self.time, [start, end]))
        return RecordedRows(self.time[lo:hi], self.data[lo:hi])
