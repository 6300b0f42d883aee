"""Clocks. The only module that reads the machine's clocks; all other code receives the time as an argument."""

from __future__ import annotations

import time
from typing import NamedTuple, Protocol

__all__ = ["Clock", "ManualClock", "Now", "SystemClock"]


class Now(NamedTuple):
    """Reading of both clocks at one moment, in nanoseconds."""

    monotonic: int
    wall: int


class Clock(Protocol):
    """Source of monotonic and wall time, both in integer nanoseconds."""

    def now(self) -> int:
        """Return monotonic time: for deadlines, pacing and intervals."""

    def wall(self) -> int:
        """Return the time since the Unix epoch, UTC: for `server_time`, heartbeats and logs, never for data."""

    def read(self) -> Now:
        """Return both times at once."""


class SystemClock:
    """Clock that reads the machine's clocks."""

    def now(self) -> int:
        """Return monotonic nanoseconds."""
        return time.monotonic_ns()

    def wall(self) -> int:
        """Return nanoseconds since the Unix epoch."""
        return time.time_ns()

    def read(self) -> Now:
        """Return both times at once."""
        return Now(time.monotonic_ns(), time.time_ns())


class ManualClock:
    """Clock that a test controls: time passes only through calls of `advance`."""

    def __init__(self, now: int = 0, wall: int = 1_735_689_600_000_000_000) -> None:
        self._now = now
        self._wall = wall

    def now(self) -> int:
        """Return monotonic nanoseconds, as advanced by the test."""
        return self._now

    def wall(self) -> int:
        """Return nanoseconds since the Unix epoch; they advance together with `now`."""
        return self._wall

    def read(self) -> Now:
        """Return both times at once."""
        return Now(self._now, self._wall)

    def advance(self, nanoseconds: int) -> None:
        """Advance both clocks by `nanoseconds`. Raises ValueError for a step back."""
        if nanoseconds < 0:
            raise ValueError("time only moves forward")
        self._now += nanoseconds
        self._wall += nanoseconds
