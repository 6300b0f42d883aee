"""The timeline of a scenario as arrays: what is in force in each cell of time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from feed.randomness import log2
from feed.scenario.model import Phase, Scenario
from feed.ticks import StatusChange
from feed.units import MINUTE

__all__ = ["Span", "Timeline"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

TRADED = ("online", "auction")
BASE = Phase.model_validate({"name": "base"})


@dataclass(frozen=True, slots=True)
class Span:
    """A phase with its absolute times, ns UTC; `end` is None where it lasts for ever."""

    start: int
    end: int | None
    phase: Phase


class Timeline:
    """The phases of a scenario, and what each adds at a given time.

    Outside of the phases, before the start too, the market is as `[market]` says.
    """

    def __init__(self, scenario: Scenario) -> None:
        self.spans = _spans(scenario)
        self._symbols = tuple(symbol.symbol for symbol in scenario.symbols)
        self._start = scenario.start

    def factor(self, name: str, times: Ints) -> Floats:
        """A factor of the phase in force at each time (ns UTC), for `activity`, `spread` or `liquidity`."""
        values = np.ones(len(times))
        for span in self._over(int(times[0]), int(times[-1]) + 1):
            inside = (times >= span.start) & (times < (span.end or 2**63 - 1))
            values[inside] = getattr(span.phase, name)
        return values

    def traded(self, times: Ints) -> Floats:
        """1 where there is trading at that time, 0 where there is none."""
        values = np.ones(len(times))
        for span in self._over(int(times[0]), int(times[-1]) + 1):
            if span.phase.status not in TRADED:
                values[(times >= span.start) & (times < (span.end or 2**63 - 1))] = 0.0
        return values

    def volatility(self, minutes: Ints) -> Floats:
        """The factor of volatility in each minute (since the Unix epoch), by the share that phases have in it."""
        values = np.ones(len(minutes))
        for span, share in self._shares(minutes):
            values += share * (span.phase.volatility - 1.0)
        return values

    def drift(self, minutes: Ints) -> Floats:
        """The scripted change of log2 price in each minute: a phase's drift is spread evenly over it."""
        values = np.zeros(len(minutes))
        for span, share in self._shares(minutes):
            if span.phase.drift and span.end is not None:
                whole = float(log2(np.array([1.0 + span.phase.drift]))[0])
                values += share * (whole * MINUTE / (span.end - span.start))
        return values

    def changes(self, start: int, end: int) -> tuple[StatusChange, ...]:
        """The changes of status and phase with `start` <= time < `end`, in order."""
        edges = sorted({edge for span in self.spans for edge in (span.start, span.end) if edge is not None})
        return tuple(
            change for edge in edges if start <= edge < end and edge > self._start for change in self.state(edge)
        )

    def state(self, at: int) -> tuple[StatusChange, ...]:
        """What is in force at market time `at`, a change for each symbol."""
        phase = next((s.phase for s in self.spans if s.start <= at and (s.end is None or at < s.end)), BASE)
        return tuple(StatusChange(at, symbol, phase.status, phase.reason, phase.name) for symbol in self._symbols)

    def _over(self, start: int, end: int) -> list[Span]:
        return [span for span in self.spans if span.start < end and (span.end is None or span.end > start)]

    def _shares(self, minutes: Ints) -> list[tuple[Span, Floats]]:
        """Each phase with its share in each minute."""
        if not len(minutes):
            return []
        begins = minutes * MINUTE
        shares = []
        for span in self._over(int(begins[0]), int(begins[-1]) + MINUTE):
            until = np.minimum(begins + MINUTE, span.end) if span.end is not None else begins + MINUTE
            inside = np.clip(until - np.maximum(begins, span.start), 0, MINUTE)
            shares.append((span, inside.astype(np.float64) / MINUTE))
        return shares


def _spans(scenario: Scenario) -> tuple[Span, ...]:
    spans, ends = [], scenario.start
    for phase in scenario.phases:
        begins = ends if phase.at is None else scenario.start + phase.at
        end = scenario.end if phase.for_ is None else begins + phase.for_
        spans.append(Span(begins, end, phase))
        ends = end if end is not None else begins
    return tuple(spans)
