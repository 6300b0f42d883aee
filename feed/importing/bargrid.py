"""Grid of the beginnings of bars: multiples of the interval apart, without duplicates; absent bars are counted."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from feed.errors import failure
from feed.importing.conversion import Ints
from feed.importing.findings import Findings
from feed.units import format_duration, format_time

__all__ = ["Grid"]


class Grid:
    """Check of the beginnings of one symbol's bars.

    Args:
        interval: length of a bar, ns; None to take the shortest distance of the first chunk.
    """

    def __init__(self, symbol: str, interval: int | None, findings: Findings) -> None:
        self._symbol = symbol
        self._interval = interval
        self._findings = findings
        self._last: int | None = None

    @property
    def interval(self) -> int:
        """Length of a bar, ns."""
        return self._interval or 1

    def check(self, path: Path, row: int, time: Ints) -> None:
        """Check the next bars; their order has been checked before.

        Raises:
            RecordingError: a bar occurs twice, or begins within another.
        """
        if self._last is None:
            steps, first = np.diff(time), row + 1
        else:
            steps, first = np.diff(time, prepend=self._last), row
        self._last = int(time[-1])
        if (repeated := np.flatnonzero(steps == 0)).size:
            at = first + int(repeated[0])
            raise failure(path, f"row {at}, time", f"there is a bar of {format_time(int(time[at - row]))} already")
        if self._interval is None:
            self._interval = self._shortest(path, steps)
        self._check_multiples(path, first, steps)
        self._count_absent(path, first, steps, time[first - row :])

    def _shortest(self, path: Path, steps: Ints) -> int:
        if not len(steps):
            raise failure(path, "time", "one bar does not tell how long it is", "tell it, such as --interval 1m")
        shortest = int(steps.min())
        self._findings.say(f"bars are {format_duration(shortest)} long: the shortest distance of two")
        return shortest

    def _check_multiples(self, path: Path, first: int, steps: Ints) -> None:
        wrong = np.flatnonzero(steps % self.interval)
        if len(wrong):
            at = int(wrong[0])
            text = f"is {format_duration(int(steps[at]))} after the bar before, which is no multiple of the interval"
            hint = f"bars are {format_duration(self.interval)} long; --interval tells another"
            raise failure(path, f"row {first + at}, time", text, hint)

    def _count_absent(self, path: Path, first: int, steps: Ints, time: Ints) -> None:
        absent = steps // self.interval - 1
        holes = np.flatnonzero(absent > 0)
        if len(holes):
            at = int(holes[0])
            text = f"{int(absent[at])} before {format_time(int(time[at]))}"
            where = f"{path.name} row {first + at}"
            self._findings.count("absent bar", self._symbol, where, text, int(absent[holes].sum()))
