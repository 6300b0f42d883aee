"""Plan of an epoch: what a market plays in it, as a value; and the repertoire that opens such plans."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from feed.market.shared import SharedSource
from feed.scenario.events import Event
from feed.scenario.model import Scenario

__all__ = ["EpochPlan", "Repertoire"]


@dataclass(frozen=True, slots=True)
class EpochPlan:
    """What a market plays in an epoch; with the epoch's beginning it settles every byte.

    Attributes:
        scenario: the name of the scenario, as a client gives it.
        seed: the seed of the source's random numbers.
        shocks: events that were added to the scenario while it was played.
    """

    scenario: str
    seed: int
    shocks: tuple[Event, ...] = ()


class Repertoire(Protocol):
    """What the epochs of one market may play. All methods raise `CommandError` for a plan that cannot be played."""

    def open(self, plan: EpochPlan) -> SharedSource:
        """Return the source of a plan."""

    def digest(self, plan: EpochPlan, begins: int) -> str:
        """Return the digest of the frames of an epoch that begins at this market time."""

    def script(self, plan: EpochPlan) -> Scenario:
        """Return the scenario that does the same by itself, with the seed and the shocks in it."""

    def shift(self, plan: EpochPlan) -> int:
        """Return the nanoseconds that are added to market time for the time that clients see."""

    def default_seed(self, scenario: str) -> int:
        """Return the seed that a scenario is played with if nobody names one."""

    def folder(self, scenario: str) -> Path:
        """Return the folder that the names of a scenario's files are relative to."""
