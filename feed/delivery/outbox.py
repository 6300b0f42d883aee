"""Bounded output buffer of one connection.

Writing never blocks and never raises. A reader that does not keep up is found by two bounds, bytes that wait and
time without progress, and is then closed: what is sent is never lost silently.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

__all__ = ["Outbox", "OutboxLimits", "Wire"]


class Wire(Protocol):
    """Target of an outbox: a socket, or a list in a test."""

    def write(self, data: bytes) -> None:
        """Take framed bytes, and buffer the part that the socket does not take now."""

    def waiting(self) -> int:
        """Return the number of bytes taken but not yet on the socket."""


@dataclass(frozen=True, slots=True)
class OutboxLimits:
    """Bounds of an outbox: `waiting` in bytes, `blocked` in nanoseconds without progress."""

    waiting: int
    blocked: int


class Outbox:
    """Accounting of one reader's unsent bytes, with a callback when the reader is too slow.

    Args:
        wire: the target of the bytes.
        limits: the bounds.
        on_too_slow: called once, when a bound is exceeded; nothing is written after that.
    """

    __slots__ = ("_extra", "_held", "_limits", "_on_too_slow", "_progress", "_taken", "_wire", "closed")

    def __init__(self, wire: Wire, limits: OutboxLimits, on_too_slow: Callable[[str], None]) -> None:
        self._wire = wire
        self._limits = limits
        self._on_too_slow = on_too_slow
        self._taken = 0
        self._held = 0
        # Bytes of a single large frame that do not count against the bound until everything has been sent.
        self._extra = 0
        # The most bytes sent so far and the time that count was reached; None while nothing waits.
        self._progress: tuple[int, int] | None = None
        self.closed = False

    def write(self, data: bytes) -> None:
        """Send framed bytes, or report the reader as too slow."""
        if self.closed:
            return
        waiting = self._wire.waiting() + self._held + len(data)
        if waiting > self._limits.waiting + self._extra:
            self._give_up(f"{waiting} bytes wait, more than {self._limits.waiting}")
            return
        self._taken += len(data)
        self._wire.write(data)

    def write_large(self, data: bytes) -> None:
        """Send a frame that is larger than what may otherwise wait: its size does not count against the bound."""
        self._extra = len(data) if not self._wire.waiting() else self._extra + len(data)
        self.write(data)

    def check_room(self, more: int) -> None:
        """Report the reader as too slow if there is no room for `more` bytes."""
        waiting = self.waiting + more
        if not self.closed and waiting > self._limits.waiting + self._extra:
            self._give_up(f"{waiting} bytes wait, more than {self._limits.waiting}")

    def hold(self, count: int) -> None:
        """Set the number of bytes held in front of the outbox, which count against its bound."""
        self._held = count
        self.check_room(0)

    @property
    def waiting(self) -> int:
        """The number of bytes that are not on the socket yet."""
        return self._wire.waiting() + self._held

    @property
    def blocked(self) -> bool:
        """True if the socket has not taken everything that was written."""
        return self._wire.waiting() > 0

    @property
    def room(self) -> int:
        """The number of bytes that may be written now before half of the bound is reached."""
        return self._limits.waiting // 2 - self.waiting

    def check(self, now: int) -> int | None:
        """Check progress at monotonic time `now`; return the time of the next check, or None if nothing waits."""
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
        """Note that nothing waits any more: the reader has caught up."""
        self._progress = None
        self._extra = 0

    def _give_up(self, reason: str) -> None:
        self.closed = True
        self._on_too_slow(reason)
