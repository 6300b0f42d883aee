"""Moments of a scenario that have a name: where its phases begin, and where its events begin and end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from feed.scenario.events import Event
from feed.scenario.model import Scenario

__all__ = ["Moment", "moments_of"]


class Moment(NamedTuple):
    """Market time (ns UTC) of a `phase`, or of an `event`: the `edge` at which it `begins` or `ends`."""

    time: int
    what: str
    name: str
    edge: str


def moments_of(scenario: Scenario, start: int) -> tuple[Moment, ...]:
    """Return all moments in the order of their times; `start` is the market time at which the script begins."""
    once = [moment for event in scenario.events if event.once for moment in _of_event(event)]
    turns = [
        moment._replace(time=moment.time + number * scenario.timeline)
        for number in range(scenario.repeat)
        for moment in _of_turn(scenario)
    ]
    return tuple(sorted(moment._replace(time=moment.time + start) for moment in (*turns, *once)))


def _of_turn(scenario: Scenario) -> Iterator[Moment]:
    ends = 0
    for phase in scenario.phases:
        begins = ends if phase.at is None else phase.at
        ends = begins + (phase.for_ or 0)
        yield Moment(begins, "phase", phase.name, "begins")
    for event in scenario.events:
        if not event.once:
            yield from _of_event(event)


def _of_event(event: Event) -> Iterator[Moment]:
    for name in event.names:
        yield Moment(event.at, "event", name, "begins")
        yield Moment(event.at + event.length, "event", name, "ends")
