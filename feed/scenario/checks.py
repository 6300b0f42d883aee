"""Checks of a scenario's parts against each other; pydantic has validated each part by itself."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal

from feed.errors import Problem
from feed.hints import nearest
from feed.scenario.contradictions import contradictions_in
from feed.scenario.document import MAX_PRICE_STEPS, ScenarioDocument
from feed.scenario.events import Target
from feed.scenario.faults import fault_problems
from feed.units import DAY, SECOND, format_duration, parse_time

__all__ = ["problems_of"]

MAX_DURATION = 36_525 * DAY
LAST_START = parse_time("2200-01-01T00:00:00Z")
MAX_PIECES = 100_000


def problems_of(scenario: ScenarioDocument) -> list[Problem]:
    """Return every mistake in the combination of the parts."""
    checks = (_times, _source, _replay, _names, _phases, _events, _ticks, _repeat, fault_problems)
    found = [problem for check in checks for problem in check(scenario)]
    # Contradictions are only looked for once no single part has a mistake.
    return found or list(dict.fromkeys(contradictions_in(scenario)))


def _times(scenario: ScenarioDocument) -> Iterator[Problem]:
    if not 0 <= scenario.start <= LAST_START:
        yield Problem("start", "is out of range", "from 1970-01-01 to 2200-01-01")
    if scenario.duration != "endless" and not SECOND <= scenario.duration <= MAX_DURATION:
        yield Problem("duration", "is out of range", 'from 1s to 36525d, or "endless"')
    if scenario.include:
        yield Problem("include", "needs a scenario that is a file itself")


def _source(scenario: ScenarioDocument) -> Iterator[Problem]:
    if scenario.source is None:
        return
    if len(scenario.symbols) > 1:
        yield Problem("source", "a replayed file has one symbol")
    for key in ("phases", "events", "ticks"):
        if getattr(scenario, key):
            yield Problem(key, "a replayed file has none", "take out [source] or these")


def _replay(scenario: ScenarioDocument) -> Iterator[Problem]:
    if scenario.replay is None:
        return
    if scenario.source is not None:
        yield Problem("replay", "is there together with [source]", "one of them is enough")
    for key in ("phases", "events", "ticks"):
        if getattr(scenario, key) and not scenario.replay.continued:
            yield Problem(key, "a replay has none", "set continued = true in [replay] to go on as a generated market")


def _names(scenario: ScenarioDocument) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, symbol in enumerate(scenario.symbols):
        if symbol.symbol in seen:
            yield Problem(f"symbols[{index}].symbol", f"{symbol.symbol} is there twice")
        seen.add(symbol.symbol)


def _phases(scenario: ScenarioDocument) -> Iterator[Problem]:
    ends, last = 0, len(scenario.phases) - 1
    for index, phase in enumerate(scenario.phases):
        begins = ends if phase.at is None else phase.at
        if begins < ends:
            when = f"{format_duration(begins)} is before the end of the phase before it, {format_duration(ends)}"
            yield Problem(f"phases[{index}].at", when, "use events for what overlaps")
        if phase.for_ is None and index < last:
            yield Problem(f"phases[{index}].for", "is missing", "only the last phase may leave it out")
        if phase.for_ is None and scenario.repeat > 1:
            yield Problem(f"phases[{index}].for", "is missing", "a timeline that is repeated has an end")
        ends = max(ends, begins + (phase.for_ or 0))
        if ends > MAX_DURATION:
            yield Problem(f"phases[{index}]", "ends after more than a century")
            return


def _events(scenario: ScenarioDocument) -> Iterator[Problem]:
    names = [symbol.symbol for symbol in scenario.symbols]
    for index, event in enumerate(scenario.events):
        if event.at + event.length > MAX_DURATION:
            yield Problem(f"events[{index}]", "ends after more than a century")
        for name in event.symbols or ():
            if name not in names:
                yield Problem(f"events[{index}].symbols", f"there is no symbol {name}", _near(name, names))
        if isinstance(event, Target):
            steps = [event.price / s.tick_size for s in scenario.symbols if s.symbol in (event.symbols or names)]
            if any(not 2 <= count <= MAX_PRICE_STEPS for count in steps):
                yield Problem(f"events[{index}].price", "is out of range", "from 2 to 1e12 tick sizes")
            yield from (
                _off_grid(f"events[{index}].price", event.price, s.tick_size, f"tick_size of {s.symbol}")
                for s in scenario.symbols
                if s.symbol in (event.symbols or names) and event.price % s.tick_size
            )


def _ticks(scenario: ScenarioDocument) -> Iterator[Problem]:
    symbols = {symbol.symbol: symbol for symbol in scenario.symbols}
    for index, tick in enumerate(scenario.ticks):
        symbol = symbols.get(tick.symbol or scenario.symbols[0].symbol)
        if symbol is None:
            yield Problem(f"ticks[{index}].symbol", f"there is no symbol {tick.symbol}", _near(tick.symbol, symbols))
            continue
        if tick.price % symbol.tick_size:
            yield _off_grid(f"ticks[{index}].price", tick.price, symbol.tick_size, "tick_size")
        elif not 2 <= tick.price / symbol.tick_size <= MAX_PRICE_STEPS:
            yield Problem(f"ticks[{index}].price", f"must be 2 to 1e12 whole steps of tick_size, {symbol.tick_size:f}")
        if tick.size % symbol.lot_size:
            yield _off_grid(f"ticks[{index}].size", tick.size, symbol.lot_size, "lot_size")
        elif tick.size / symbol.lot_size > MAX_PRICE_STEPS:
            yield Problem(f"ticks[{index}].size", f"must be 1 to 1e12 whole steps of lot_size, {symbol.lot_size:f}")
        if tick.at > MAX_DURATION:
            yield Problem(f"ticks[{index}].at", "is after more than a century")


def _off_grid(place: str, value: Decimal, step: Decimal, name: str) -> Problem:
    near = max(Decimal(1), (value / step).to_integral_value(ROUND_HALF_UP)) * step
    return Problem(place, f"{value:f} is not whole steps of {name}, {step:f}", f"the nearest is {near:f}")


def _repeat(scenario: ScenarioDocument) -> Iterator[Problem]:
    if scenario.repeat * (len(scenario.phases) + len(scenario.events)) * len(scenario.symbols) > MAX_PIECES * 10:
        yield Problem("symbols", "are too many for so many phases and events", "symbols x both x repeat <= 1000000")
    if scenario.repeat == 1 or any(phase.for_ is None for phase in scenario.phases):
        return
    if scenario.timeline < SECOND:
        yield Problem("repeat", "there is nothing to repeat", "add phases or events")
    if scenario.repeat * (len(scenario.phases) + len(scenario.events)) > MAX_PIECES:
        yield Problem("repeat", "is too often for so many phases and events", "100000 in all")
    if scenario.repeat * scenario.timeline > MAX_DURATION:
        yield Problem("repeat", "ends after more than a century")


def _near(name: object, names: object) -> str:
    known = [str(each) for each in names] if isinstance(names, list | dict) else []
    found = nearest(name, known)
    return f"did you mean {found}?" if found else f"one of {', '.join(known[:20])}"
