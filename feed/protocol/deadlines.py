"""The times at which a session must wake up, kept by name: one number out, whatever is behind it."""

from __future__ import annotations

from enum import IntEnum

__all__ = ["Deadlines", "Timer"]


class Timer(IntEnum):
    """What a session waits for. The order is that in which timers fire that are due at the same time."""

    AUTH = 0
    TOKEN = 1
    DEAD = 2
    STRICT_PONG = 3
    SUBSCRIBE = 4
    PROBE = 5
    STRICT_PING = 6
    HEARTBEAT = 7


NEVER = 2**63 - 1
_TIMERS = tuple(Timer)


class Deadlines:
    """A handful of timers in one small list."""

    __slots__ = ("_at",)

    def __init__(self) -> None:
        self._at = [NEVER] * len(Timer)

    def set(self, timer: Timer, at: int) -> None:
        """Arm a timer for monotonic time `at`, in place of what it was set to."""
        self._at[timer] = at

    def clear(self, timer: Timer) -> None:
        """Disarm a timer."""
        self._at[timer] = NEVER

    def get(self, timer: Timer) -> int:
        """When the timer is due."""
        return self._at[timer]

    @property
    def next(self) -> int | None:
        """The earliest of them, or None."""
        at = min(self._at)
        return None if at == NEVER else at

    def due(self, now: int) -> list[Timer]:
        """The timers that are due at `now`."""
        return [_TIMERS[index] for index, at in enumerate(self._at) if at <= now]
