"""Market time as a function of real time. Exact: no step is ever added to another, so nothing drifts."""

from __future__ import annotations

from fractions import Fraction

from feed.units import MAX_SPEED

__all__ = ["Pace"]


class Pace:
    """How market time runs while real time passes.

    Market time stands still until `run`. At `MAX_SPEED` there is no relation between the two: everything is due, and
    whoever publishes goes as fast as its subscribers.

    Args:
        market_time: where it stands, ns UTC.
        speed: market seconds a real second, or `MAX_SPEED`.

    Attributes:
        is_max: whether it is paced by its subscribers and not by a clock.
        running: whether it has begun to run.
    """

    __slots__ = ("_market", "_mono", "_real", "_virtual", "is_max", "running", "speed")

    def __init__(self, market_time: int, speed: float) -> None:
        self.speed = speed
        self.running = False
        self.is_max = speed == MAX_SPEED
        # So many nanoseconds of market time in so many real ones.
        ratio = Fraction(0) if self.is_max else Fraction(str(speed))
        self._virtual, self._real = ratio.numerator, ratio.denominator
        self._market = market_time
        self._mono = 0

    def run(self, now: int) -> None:
        """Let market time run from monotonic time `now` on."""
        self._mono = now
        self.running = True

    def reached(self, market_time: int) -> None:
        """At `MAX_SPEED`: everything up to this market time has been published."""
        self._market = market_time

    def at(self, now: int) -> int:
        """Market time at monotonic time `now`."""
        if not self.running or self.is_max:
            return self._market
        return self._market + (now - self._mono) * self._virtual // self._real

    def when(self, market_time: int) -> int:
        """The earliest monotonic time at which it is `market_time`; only for a clock that runs at a finite speed."""
        if self.is_max:
            return self._mono
        return self._mono - ((self._market - market_time) * self._real // self._virtual)
