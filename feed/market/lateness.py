"""Detection of markets that cannot keep their speed, with their real speed."""

from __future__ import annotations

from dataclasses import dataclass

from feed.log import get_logger
from feed.units import MILLISECOND, SECOND

__all__ = ["Behind", "Lateness", "PaceCounters", "say_lateness"]

BEHIND_FROM = 1 * SECOND
"""The lag (ns) from which a market counts as behind; a smaller lag is made up for in a moment."""

BEHIND_UNTIL = 100 * MILLISECOND
"""The lag (ns) below which the market counts as keeping its speed again."""

MIN_WINDOW = 1 * SECOND
"""The shortest real time (ns) over which the real speed is measured, once the market has run that long."""

log = get_logger("feed")


@dataclass(slots=True)
class PaceCounters:
    """Counters of delays against the schedule. Times in nanoseconds."""

    lag: int = 0
    worst_lag: int = 0
    late: int = 0


@dataclass(frozen=True, slots=True)
class Behind:
    """Lag and real speed of a market that does not keep its speed.

    `lag` is the delay, in real nanoseconds, of the messages published now; `speed` is the actual number of market
    seconds a real second.
    """

    lag: int
    speed: float


class Lateness:
    """Tracker of a market's lag over real time."""

    def __init__(self) -> None:
        self.behind: Behind | None = None
        # Real time and market time at the beginnings of the last two windows.
        self._marks: list[tuple[int, int]] = []

    def note(self, now: int, lag: int, market_time: int) -> bool:
        """Note a publication at monotonic time `now`, late by `lag`; return whether being behind began or ended.

        Each period of being behind begins once and ends once; in between, `behind` is kept up to date.
        """
        was = self.behind is not None
        if not self._marks or now - self._marks[-1][0] >= MIN_WINDOW:
            self._marks = [*self._marks[-1:], (now, market_time)]
        if lag < BEHIND_UNTIL:
            self.behind = None
        elif was or lag >= BEHIND_FROM:
            self.behind = Behind(lag, self._speed(now, market_time))
        return was != (self.behind is not None)

    def _speed(self, now: int, market_time: int) -> float:
        real, market = self._marks[0]
        return round((market_time - market) / max(now - real, 1), 1)


def say_lateness(market: str, speed: float | str, behind: Behind | None, lag: int) -> None:
    """Log that a market has lost or regained its speed, by its name; `lag` (ns) is how late it is."""
    if behind is None:
        log.info("the market keeps its speed again", market=market, speed=speed)
        return
    log.warning(
        "! the market cannot keep its speed",
        market=market,
        speed=speed,
        real_speed=behind.speed,
        behind=f"{lag / SECOND:.1f}s",
        hint="a lower --speed, fewer channels, or --speed max; beyond --max-lag its clock waits",
    )
