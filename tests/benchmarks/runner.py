"""Trials in turn, so that noise falls on all alike, and the ratios between neighbours."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.benchmarks.scenarios import Entry, Figures, Scenario, deliver
from tests.benchmarks.tools import MissingError

__all__ = ["Result", "Row", "Spread", "run"]


@dataclass(frozen=True, slots=True)
class Spread:
    """The middle and the ends of repeated figures."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: list[float]) -> Spread:
        """The spread of some values."""
        return cls(statistics.median(values), min(values), max(values))


@dataclass(slots=True)
class Row:
    """One entry's trials, by round; a round in which it could not run holds None."""

    name: str
    trials: list[Figures | None] = field(default_factory=list)
    skipped: str = ""

    def spread(self, figure: str) -> Spread | None:
        """The spread of a figure over its trials."""
        values = [trial[figure] for trial in self.trials if trial and figure in trial]
        return Spread.of(values) if values else None

    def ratio(self, other: Row, figure: str) -> Spread | None:
        """The spread of the ratios to another row's trials, each in the same round."""
        pairs = zip(self.trials, other.trials, strict=False)
        ratios = [a[figure] / b[figure] for a, b in pairs if a and b and figure in a and b.get(figure)]
        return Spread.of(ratios) if ratios else None


@dataclass(slots=True)
class Result:
    """A scenario and its rows."""

    scenario: Scenario
    rows: list[Row]


def run(scenario: Scenario, *, repeats: int, seconds: float, say: Callable[[str], None]) -> Result:
    """Try each entry in turn, as many rounds as asked for. An entry that failed is not tried again."""
    rows = [Row(entry.name) for entry in scenario.entries]
    for number in range(repeats):
        for entry, row in zip(scenario.entries, rows, strict=True):
            say(f"{scenario.name} {number + 1}/{repeats}: {row.name}")
            row.trials.append(None if row.skipped else _try(scenario, entry, row, seconds))
    return Result(scenario, rows)


def _try(scenario: Scenario, entry: Entry, row: Row, seconds: float) -> Figures | None:
    try:
        return (scenario.trial or deliver)(entry, seconds)
    except (MissingError, OSError) as error:
        row.skipped = " ".join(str(error).split())
        return None
