"""Token bucket in integer nanoseconds."""

from __future__ import annotations

from feed.units import SECOND

__all__ = ["TokenBucket"]


class TokenBucket:
    """Rate limiter that admits `burst` messages at once and `rate` a second after that."""

    __slots__ = ("_cost", "_full", "_level", "_updated")

    def __init__(self, rate: float, burst: int, now: int) -> None:
        self._cost = int(SECOND / rate)
        self._full = self._cost * burst
        self._level = self._full
        self._updated = now

    def take(self, now: int) -> bool:
        """Take one token at monotonic time `now`; return False if none is left."""
        self._level = min(self._full, self._level + now - self._updated)
        self._updated = now
        if self._level < self._cost:
            return False
        self._level -= self._cost
        return True
