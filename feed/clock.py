"""Time. The only module that reads the machine's clocks; everything else is handed a `now`."""

from __future__ import annotations

import time
from typing import NamedTuple, Protocol

__all__ = ["Clock", "ManualClock", "Now", "SystemClock"]


class Now(NamedTuple):
    """One reading of both clocks, in nanoseconds."""

    monotonic: int
    wall: int


class Clock(Protocol):
    """Two readings of one passing of time, both in integer nanoseconds."""

    def now(self) -> int:
        """Monotonic time: for deadlines, pacing and intervals."""

    def wall(self) -> int:
        """Time since the Unix epoch, UTC: for `server_time`, heartbeats and logs, never for data."""

    def read(self) -> Now:
        """Both at once."""


class SystemClock:
    """The machine's clocks."""

    def now(self) -> int:
        """Monotonic nanoseconds."""
        return time.monotonic_ns()

    def wall(self) -> int:
        """Nanoseconds since the Unix epoch."""
        return time.time_ns()

    def read(self) -> Now:
        """Both at once."""
        return Now(time.monotonic_ns(), time.time_ns())


class ManualClock:
    """A clock that a test moves: nothing passes until `advance` says so."""

    def __init__(self, now: int = 0, wall: int = 1_735_689_600_000_000_000) -> None:
        self._now = now
        self._wall = wall

    def now(self) -> int:
        """Monotonic nanoseconds, as far as the test has moved them."""
        return self._now

    def wall(self) -> int:
        """Nanoseconds since the Unix epoch, moving with `now`."""
        return self._wall

    def read(self) -> Now:
        """Both at once."""
        return Now(self._now, self._wall)

    def advance(self, nanoseconds: int) -> None:
        """Let time pass. Raises ValueError for a step back."""
        if nanoseconds < 0:
            raise ValueError("time only moves forward")
        self._now += nanoseconds
        self._wall += nanoseconds
