"""State of a market: a frozen value that only commands change, with its position in market time.

A market *stands at m* when everything due at or before market time m has been published and nothing later. The value
is exact: no step is ever added to another, so nothing drifts. It holds no clock: every query takes `now`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from feed.market.market_faults import StandingFault, standing_from
from feed.market.plan import EpochPlan
from feed.scenario.events import Event, event_from
from feed.scenario.write import spelled
from feed.units import MAX_SPEED

__all__ = ["MarketState", "exact_speed", "state_from"]


def exact_speed(speed: float) -> Fraction | None:
    """Return market time per real time as a fraction; None for `MAX_SPEED`, which has no fixed ratio."""
    return None if speed == MAX_SPEED else Fraction(str(speed))


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketState:
    """State of one market: its epoch, its clock, and its stop. Times are ns; market times are UTC.

    Attributes:
        seed: the seed of the source's random numbers.
        scenario: the name of the scenario.
        shocks: the events that were added to the scenario while it was played.
        digest: the digest of all inputs of this epoch's frames.
        begins: market time at which the epoch begins.
        number: the number of the epoch in its market, from 1.
        speed: market time per real time; None: as fast as its subscribers read.
        usual: the speed that the market has again once it stands; another one than `speed` while it runs to a stop.
        moving: whether market time runs.
        at: market time at `since`; the market time at which it stands, if it does not move.
        since: the monotonic time at which market time was `at`.
        stop: market time at which it will stop; None: at the source's end.
        end: market time at which the source ends; None: never.
        waits: whether it starts by itself with its first subscribers.
        faults: the faults that are in force in the whole market.
        armed: the number of such faults that there have been.
    """

    seed: int
    scenario: str = ""
    shocks: tuple[Event, ...] = ()
    digest: str
    begins: int
    number: int = 1
    speed: Fraction | None = Fraction(1)
    usual: Fraction | None = Fraction(1)
    moving: bool = False
    at: int
    since: int = 0
    stop: int | None = None
    end: int | None = None
    waits: bool = False
    faults: tuple[StandingFault, ...] = ()
    armed: int = 0

    @property
    def plan(self) -> EpochPlan:
        """What the market plays in this epoch."""
        return EpochPlan(self.scenario, self.seed, self.shocks)

    @property
    def epoch(self) -> str:
        """The name of the epoch: its digest and its number."""
        return f"{self.digest}-{self.number}"

    @property
    def is_max(self) -> bool:
        """Return whether the market is paced by its subscribers and not by a clock."""
        return self.speed is None

    @property
    def limit(self) -> int | None:
        """The market time that it does not pass: its stop or the source's end; None if there is neither."""
        if self.stop is None or self.end is None:
            return self.end if self.stop is None else self.stop
        return min(self.stop, self.end)

    def position(self, now: int) -> int:
        """Return market time at monotonic time `now`; at full speed, the market time at which it began to move."""
        if not self.moving or self.speed is None:
            return self.at
        at = self.at + (now - self.since) * self.speed.numerator // self.speed.denominator
        return at if self.limit is None else min(at, self.limit)

    def when(self, market_time: int) -> int:
        """Return the earliest monotonic time at which a moving market with a finite speed is at `market_time`."""
        if self.speed is None:
            return self.since
        return self.since - ((self.at - market_time) * self.speed.denominator // self.speed.numerator)

    def run(self, now: int) -> MarketState:
        """Return the state of running on from the current market time, from monotonic time `now`."""
        # Nothing lies between the moment before an epoch and its beginning.
        return replace(self, moving=True, since=now, at=max(self.at, self.begins), waits=False)

    def wait_up(self, at: int, since: int) -> MarketState:
        """Return the state of moving on from market time `at`, which is that of monotonic time `since`."""
        return replace(self, at=at, since=since)

    def stand(self, at: int) -> MarketState:
        """Return the state of standing still at market time `at`."""
        return replace(self, moving=False, at=at, stop=None, waits=False, speed=self.usual)

    def begin(self, at: int, plan: EpochPlan, *, digest: str, end: int | None) -> MarketState:
        """Return the state of the next epoch, standing still before its first message."""
        return replace(
            self.stand(at - 1),
            begins=at,
            number=self.number + 1,
            scenario=plan.scenario,
            seed=plan.seed,
            shocks=plan.shocks,
            digest=digest,
            end=end,
        )

    def document(self) -> dict[str, Any]:
        """Return the state as JSON values, for the log of commands."""
        return {
            "scenario": self.scenario,
            "seed": self.seed,
            "shocks": [spelled(event) for event in self.shocks],
            "digest": self.digest,
            "epoch": self.epoch,
            "begins": self.begins,
            "number": self.number,
            "speed": _speed_text(self.speed),
            "usual": _speed_text(self.usual),
            "moving": self.moving,
            "at": self.at,
            "stop": self.stop,
            "end": self.end,
            "waits": self.waits,
            "faults": [each.document() for each in self.faults],
            "armed": self.armed,
        }


def state_from(document: dict[str, Any]) -> MarketState:
    """Return the state that `document()` has written; times on the clock of the process that wrote it are left out."""
    values = {key: value for key, value in document.items() if key != "epoch"}
    return MarketState(
        **values
        | {
            "shocks": tuple(event_from(event) for event in document["shocks"]),
            "speed": _speed_from(document["speed"]),
            "usual": _speed_from(document["usual"]),
            "faults": tuple(standing_from(each) for each in document["faults"]),
        }
    )


def _speed_text(speed: Fraction | None) -> str:
    return "max" if speed is None else str(speed)


def _speed_from(text: str) -> Fraction | None:
    return None if text == "max" else Fraction(text)
