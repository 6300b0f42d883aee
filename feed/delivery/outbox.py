"""A connection's bounded way out.

Writing never blocks and never raises. A reader that does not keep up is found by two bounds, bytes that wait and
time without progress, and is then closed: what is sent is never lost silently.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

__all__ = ["Outbox", "OutboxLimits", "Wire"]


class Wire(Protocol):
    """What an outbox writes to: a socket, or a list in a test."""

    def write(self, data: bytes) -> None:
        """Take framed bytes; keep what the socket does not take now."""

    def waiting(self) -> int:
        """Bytes that were taken and are not on the socket yet."""


@dataclass(frozen=True, slots=True)
class OutboxLimits:
    """`waiting` in bytes, `blocked` in nanoseconds without progress."""

    waiting: int
    blocked: int


class Outbox:
    """Counts what one reader owes, and says when it owes too much.

    Args:
        wire: where the bytes go.
        limits: the bounds.
        on_too_slow: called once, when a bound is passed; nothing is written after that.
    """

    __slots__ = ("_held", "_limits", "_on_too_slow", "_progress", "_taken", "_wire", "closed")

    def __init__(self, wire: Wire, limits: OutboxLimits, on_too_slow: Callable[[str], None]) -> None:
        self._wire = wire
        self._limits = limits
        self._on_too_slow = on_too_slow
        self._taken = 0
        self._held = 0
        # The most that had been sent, and since when it has been no more; None while nothing waits.
        self._progress: tuple[int, int] | None = None
        self.closed = False

    def write(self, data: bytes) -> None:
        """Send framed bytes, or find the reader too slow."""
        if self.closed:
            return
        waiting = self._wire.waiting() + self._held + len(data)
        if waiting > self._limits.waiting:
            self._give_up(f"{waiting} bytes wait, more than {self._limits.waiting}")
            return
        self._taken += len(data)
        self._wire.write(data)

    def check_room(self, more: int) -> None:
        """Find the reader too slow if there is no room for so many bytes more."""
        waiting = self.waiting + more
        if not self.closed and waiting > self._limits.waiting:
            self._give_up(f"{waiting} bytes wait, more than {self._limits.waiting}")

    def hold(self, count: int) -> None:
        """Count so many bytes that are held in front of the outbox, in place of those that were."""
        self._held = count
        self.check_room(0)

    @property
    def waiting(self) -> int:
        """Bytes that are not on the socket yet."""
        return self._wire.waiting() + self._held

    @property
    def blocked(self) -> bool:
        """Whether the socket has not taken everything that was written."""
        return self._wire.waiting() > 0

    @property
    def room(self) -> int:
        """Bytes that may be written by now without half of the bound being reached."""
        return self._limits.waiting // 2 - self.waiting

    def check(self, now: int) -> int | None:
        """Look for progress at monotonic time `now`; returns when to look again, or None if nothing waits."""
        waiting = self._wire.waiting()
        if self.closed or not waiting:
            return None
        sent = self._taken - waiting
        best, since = self._progress or (-1, now)
        if sent > best:
            self._progress = (sent, now)
            return now + self._limits.blocked
        if now - since < self._limits.blocked:
            return since + self._limits.blocked
        self._give_up(f"nothing could be sent for {self._limits.blocked / 1e9:g} s")
        return None

    def drained(self) -> None:
        """Nothing waits any more: the reader has caught up."""
        self._progress = None

    def _give_up(self, reason: str) -> None:
        self.closed = True
        self._on_too_slow(reason)
