"""Contradictions between the parts of a script, and settings that are allowed but most likely unintended."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from heapq import heappop, heappush
from typing import NamedTuple

from feed.errors import Problem
from feed.scenario.document import ScenarioDocument, SymbolModel
from feed.scenario.events import Event, Halt, HandTick, StatusEvent, Target
from feed.units import format_duration

__all__ = ["contradictions_in", "doubts_about"]

TRADED = ("online", "auction")
FAR_FACTOR = 5.0
"""Least factor by which a price lies above or below the script's range to count as most likely mistyped."""


def contradictions_in(scenario: ScenarioDocument) -> Iterator[Problem]:
    """Yield every contradiction; each part is valid by itself."""
    yield from _behind_the_end(scenario)
    for symbol in _symbols_that_differ(scenario):
        yield from _two_targets(scenario, symbol)
        yield from _two_statuses(scenario, symbol)
    yield from _halted_ticks(scenario)


def doubts_about(scenario: ScenarioDocument) -> Iterator[Problem]:
    """Yield warnings about settings that are valid but doubtful; an author who intended them may leave them."""
    yield from _cut_off(scenario)
    yield from _far_prices(scenario)


def _behind_the_end(scenario: ScenarioDocument) -> Iterator[Problem]:
    if scenario.duration == "endless":
        return
    length, hint = scenario.duration, "raise duration, or take this out"
    told = f"is behind the scenario's end, {format_duration(length)}"
    for index, (begins, _) in enumerate(_stretches(scenario)):
        if begins >= length:
            yield Problem(f"phases[{index}]", f"begins at {format_duration(begins)}, which {told}", hint)
    for place, parts in (("events", scenario.events), ("ticks", scenario.ticks)):
        for index, part in enumerate(parts):
            if part.at >= length:
                yield Problem(f"{place}[{index}].at", f"{format_duration(part.at)} {told}", hint)
    if (scenario.repeat - 1) * scenario.timeline >= length:
        last = format_duration((scenario.repeat - 1) * scenario.timeline)
        yield Problem("repeat", f"the last turn would begin at {last}, which {told}", hint)


def _stretches(scenario: ScenarioDocument) -> list[tuple[int, float]]:
    """Return the begin and the end of each phase, in ns from the beginning of a turn; an open end is infinite."""
    found: list[tuple[int, float]] = []
    ends = 0
    for phase in scenario.phases:
        begins = ends if phase.at is None else phase.at
        ends = begins + (phase.for_ or 0)
        found.append((begins, math.inf if phase.for_ is None else ends))
    return found


def _symbols_that_differ(scenario: ScenarioDocument) -> list[str]:
    """Return every symbol that an event names, and one symbol to represent all that no event names."""
    named = {name for event in scenario.events for name in event.symbols or ()}
    symbols = [symbol.symbol for symbol in scenario.symbols]
    rest = [symbol for symbol in symbols if symbol not in named][:1]
    return [symbol for symbol in symbols if symbol in named] + rest


def _events_of(scenario: ScenarioDocument, symbol: str) -> list[tuple[int, Event]]:
    """Return the events that happen to a symbol, each with its index in the file, in order of time."""
    found = [
        (index, event)
        for index, event in enumerate(scenario.events)
        if event.symbols is None or symbol in event.symbols
    ]
    return sorted(found, key=lambda item: item[1].at)


def _two_targets(scenario: ScenarioDocument, symbol: str) -> Iterator[Problem]:
    open_: tuple[int, Target] | None = None
    for index, event in _events_of(scenario, symbol):
        if not isinstance(event, Target):
            continue
        ends = event.at + event.length
        if open_ is not None and event.at < (until := open_[1].at + open_[1].length):
            if (ends, event.price) == (until, open_[1].price):
                continue
            other = f"events[{open_[0]}] leads {symbol} to {open_[1].price:f} until {format_duration(until)}"
            yield Problem(
                f"events[{index}]", f"leads to {event.price:f} while {other}", "let one begin where the other ends"
            )
            if ends <= until:
                continue
        open_ = index, event


def _two_statuses(scenario: ScenarioDocument, symbol: str) -> Iterator[Problem]:
    known: dict[int, tuple[int, str]] = {}
    for index, event in _events_of(scenario, symbol):
        if isinstance(event, Halt | StatusEvent):
            status = "halted" if isinstance(event, Halt) else event.status
            first, other = known.setdefault(event.at, (index, status))
            if other != status:
                told = f"makes {symbol} {status} at the same time as events[{first}] makes it {other}"
                yield Problem(f"events[{index}]", told, "leave one of them out, or let it begin later")


def _halted_ticks(scenario: ScenarioDocument) -> Iterator[Problem]:
    by_symbol: dict[str, list[tuple[int, HandTick]]] = {}
    for index, tick in enumerate(scenario.ticks):
        by_symbol.setdefault(tick.symbol or scenario.symbols[0].symbol, []).append((index, tick))
    for symbol, ticks in by_symbol.items():
        states = _States(scenario, symbol)
        # In the order of their time within a turn, so that the states are passed once.
        for at, index in sorted((states.local(tick.at), index) for index, tick in ticks):
            status = states.at(at)
            if status not in TRADED:
                when = format_duration(scenario.ticks[index].at)
                told = f"{symbol} is {status} at {when}: nothing is traded then"
                yield Problem(f"ticks[{index}].at", told, "only online and auction have trades")


class _State(NamedTuple):
    start: int
    end: int
    status: str


class _States:
    """Status of a symbol within a turn, for times in ascending order: that of the last event begun, or of the phase."""

    def __init__(self, scenario: ScenarioDocument, symbol: str) -> None:
        self._scenario = scenario
        self._phases = _stretches(scenario)
        self._begins = [begins for begins, _ in self._phases]
        events = [event for _, event in _events_of(scenario, symbol)]
        self._coming = sorted((state for event in events for state in _states_of(event)), reverse=True)
        self._open: list[tuple[int, _State]] = []

    def local(self, time: int) -> int:
        """Return the time within its turn; after the last turn, the time itself."""
        turn, local = divmod(time, self._scenario.timeline) if self._scenario.repeat > 1 else (0, time)
        return local if turn < self._scenario.repeat else time

    def at(self, time: int) -> str:
        """Return the status at a time."""
        while self._coming and self._coming[-1].start <= time:
            state = self._coming.pop()
            heappush(self._open, (-state.start, state))
        while self._open and self._open[0][1].end <= time:
            heappop(self._open)
        if self._open:
            return self._open[0][1].status
        index = bisect_right(self._begins, time) - 1
        return self._scenario.phases[index].status if index >= 0 and time < self._phases[index][1] else "online"


def _states_of(event: Event) -> Iterator[_State]:
    if isinstance(event, StatusEvent):
        yield _State(event.at, event.at + event.length, event.status)
    elif isinstance(event, Halt):
        yield _State(event.at, event.at + event.for_, "halted")
        yield _State(event.at + event.for_, event.at + event.length, "auction")


def _cut_off(scenario: ScenarioDocument) -> Iterator[Problem]:
    if scenario.duration == "endless" or scenario.repeat > 1:
        return
    parts: list[tuple[str, int, float]] = [
        (f"events[{index}]", event.at, event.at + event.length) for index, event in enumerate(scenario.events)
    ]
    open_ended = ((begins, ends) for begins, ends in _stretches(scenario) if ends < math.inf)
    parts += [(f"phases[{index}]", begins, ends) for index, (begins, ends) in enumerate(open_ended)]
    for place, begins, ends in parts:
        if begins < scenario.duration < ends:
            length = format_duration(scenario.duration)
            yield Problem(
                place, f"is cut off at the scenario's end, {length}; it would end at {format_duration(int(ends))}"
            )


def _far_prices(scenario: ScenarioDocument) -> Iterator[Problem]:
    for symbol in scenario.symbols:
        low, high = _reached(scenario, symbol)
        for place, price in _written_prices(scenario, symbol):
            times = price / high if price > high else low / price
            if times >= FAR_FACTOR:
                way = "above" if price > high else "below"
                told = f"{price:g} is {times:.3g} times {way} all that {symbol.symbol} starts with or is led to"
                yield Problem(place, told, "was a digit lost or added?")


def _written_prices(scenario: ScenarioDocument, symbol: SymbolModel) -> Iterator[tuple[str, float]]:
    first = scenario.symbols[0].symbol
    for index, tick in enumerate(scenario.ticks):
        if (tick.symbol or first) == symbol.symbol:
            yield f"ticks[{index}].price", float(tick.price)


def _reached(scenario: ScenarioDocument, symbol: SymbolModel) -> tuple[float, float]:
    """Return the lowest and the highest price that the script itself leads to, approximately."""
    events = [event for event in scenario.events if _happens_to(event, symbol)]
    targets = [float(event.price) for event in events if isinstance(event, Target)]
    moves = [getattr(event, key, 0.0) for event in events for key in ("size", "drift", "gap")]
    moves += [move for phase in scenario.phases for move in (phase.drift, phase.jump)]
    start = float(symbol.start_price)
    down, up = _moved(min(move, 0.0) for move in moves), _moved(max(move, 0.0) for move in moves)
    turns = min(scenario.repeat, 100)
    return min([start, *targets]) * math.exp(down * turns), max([start, *targets]) * math.exp(min(up * turns, 500.0))


def _moved(moves: Iterable[float]) -> float:
    return sum(math.log1p(move) for move in moves)


def _happens_to(event: Event, symbol: SymbolModel) -> bool:
    return event.symbols is None or symbol.symbol in event.symbols
