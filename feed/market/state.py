"""Where a market stands and how it moves: a frozen value that only commands change, and what follows from it.

A market *stands at m* when everything due at or before market time m has been published and nothing later. The value
is exact: no step is ever added to another, so nothing drifts. It holds no clock: every question takes `now`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from feed.units import MAX_SPEED

__all__ = ["MarketState", "exact_speed"]


def exact_speed(speed: float) -> Fraction | None:
    """Market time a real time as a fraction; None for `MAX_SPEED`, where there is no relation between the two."""
    return None if speed == MAX_SPEED else Fraction(str(speed))


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketState:
    """The state of one market: its epoch, its clock, and where it stops. Times are ns; market times are UTC.

    Attributes:
        seed: what the source draws from.
        digest: what the frames of this epoch follow from.
        begins: market time at which the epoch begins.
        number: counts the epochs of the market from 1.
        speed: market time a real time; None: as fast as its subscribers read.
        moving: whether market time runs.
        at: market time at `since`; where it stands, if it does not move.
        since: the monotonic time at which it was `at`.
        stop: market time at which it will stand; None: at the source's end.
        end: market time at which the source ends; None: never.
        waits: whether it begins by itself with its first subscribers.
    """

    seed: int
    digest: str
    begins: int
    number: int = 1
    speed: Fraction | None = Fraction(1)
    moving: bool = False
    at: int
    since: int = 0
    stop: int | None = None
    end: int | None = None
    waits: bool = False

    @property
    def epoch(self) -> str:
        """The name of the epoch: what its bytes follow from, and how often the market has begun anew."""
        return f"{self.digest}-{self.number}"

    @property
    def is_max(self) -> bool:
        """Whether it is paced by its subscribers and not by a clock."""
        return self.speed is None

    @property
    def limit(self) -> int | None:
        """Market time that it does not pass: where it stops, or where the source ends."""
        if self.stop is None or self.end is None:
            return self.end if self.stop is None else self.stop
        return min(self.stop, self.end)

    def position(self, now: int) -> int:
        """Market time at monotonic time `now`; of a market at full speed, where it was when it began to move."""
        if not self.moving or self.speed is None:
            return self.at
        at = self.at + (now - self.since) * self.speed.numerator // self.speed.denominator
        return at if self.limit is None else min(at, self.limit)

    def when(self, market_time: int) -> int:
        """The earliest monotonic time at which a moving market with a finite speed is at `market_time`."""
        if self.speed is None:
            return self.since
        return self.since - ((self.at - market_time) * self.speed.denominator // self.speed.numerator)

    def run(self, now: int) -> MarketState:
        """The state of moving on from where it stands."""
        # Nothing lies between the moment before an epoch and its beginning.
        return replace(self, moving=True, since=now, at=max(self.at, self.begins), waits=False)

    def stand(self, at: int) -> MarketState:
        """The state of standing at a market time."""
        return replace(self, moving=False, at=at, stop=None, waits=False)

    def begin(self, at: int, *, seed: int | None = None, digest: str | None = None) -> MarketState:
        """The next epoch, standing before its first message."""
        return replace(
            self,
            begins=at,
            at=at - 1,
            number=self.number + 1,
            stop=None,
            moving=False,
            waits=False,
            seed=self.seed if seed is None else seed,
            digest=self.digest if digest is None else digest,
        )

    def document(self) -> dict[str, Any]:
        """The state as JSON values, for the log of commands."""
        return {
            "seed": self.seed,
            "digest": self.digest,
            "epoch": self.epoch,
            "begins": self.begins,
            "number": self.number,
            "speed": "max" if self.speed is None else str(self.speed),
            "moving": self.moving,
            "at": self.at,
            "stop": self.stop,
        }
