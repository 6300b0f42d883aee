"""Whether a market keeps its speed, and how fast it really is."""

from __future__ import annotations

from dataclasses import dataclass

from feed.units import MILLISECOND, SECOND

__all__ = ["Behind", "Lateness"]

BEHIND_FROM = 1 * SECOND
"""So far behind its schedule a market has lost its speed; less is made up for in a moment."""

BEHIND_UNTIL = 100 * MILLISECOND
"""So near to it the market has its speed again."""

WINDOW = 1 * SECOND
"""The real speed is that of at least so long."""


@dataclass(frozen=True, slots=True)
class Behind:
    """A market that does not keep its speed.

    `lag` is how long ago, in real nanoseconds, what is published now was due; `speed` is how many market seconds it
    really makes in a second.
    """

    lag: int
    speed: float


class Lateness:
    """Follows a market through real time."""

    def __init__(self) -> None:
        self.behind: Behind | None = None
        # Real time and market time when the window before the last began, and when the last did.
        self._marks: list[tuple[int, int]] = []

    def note(self, now: int, lag: int, market_time: int) -> bool:
        """At monotonic time `now` it publishes `market_time`, late by `lag`; returns whether something began or ended.

        Being behind begins once and ends once, however long it lasts; in between `behind` is kept up to date.
        """
        was = self.behind is not None
        if not self._marks or now - self._marks[-1][0] >= WINDOW:
            self._marks = [*self._marks[-1:], (now, market_time)]
        if lag < BEHIND_UNTIL:
            self.behind = None
        elif was or lag >= BEHIND_FROM:
            self.behind = Behind(lag, self._speed(now, market_time))
        return was != (self.behind is not None)

    def _speed(self, now: int, market_time: int) -> float:
        real, market = self._marks[0]
        return round((market_time - market) / max(now - real, 1), 1)
