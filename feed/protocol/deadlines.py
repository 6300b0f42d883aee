"""Timers of a session, kept by name and reduced to one number: the next time at which it must wake up."""

from __future__ import annotations

from enum import IntEnum

__all__ = ["Deadlines", "Timer"]


class Timer(IntEnum):
    """Timers of a session. Timers due at the same time fire in this order."""

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
    """Due times of all timers of one session, in one small list."""

    __slots__ = ("_at",)

    def __init__(self) -> None:
        self._at = [NEVER] * len(Timer)

    def set(self, timer: Timer, at: int) -> None:
        """Arm a timer for monotonic time `at`, replacing its previous due time."""
        self._at[timer] = at

    def clear(self, timer: Timer) -> None:
        """Disarm a timer."""
        self._at[timer] = NEVER

    def get(self, timer: Timer) -> int:
        """Return the monotonic time at which the timer is due; `NEVER` if it is disarmed."""
        return self._at[timer]

    @property
    def next(self) -> int | None:
        """The earliest due time, or None if no timer is armed."""
        at = min(self._at)
        return None if at == NEVER else at

    def due(self, now: int) -> list[Timer]:
        """Return the timers that are due at monotonic time `now`, in firing order."""
        return [_TIMERS[index] for index, at in enumerate(self._at) if at <= now]
