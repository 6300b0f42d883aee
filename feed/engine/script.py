"""Script of a scenario file as pieces of time: moves of the price, factors, stops and statuses.

Phases and all kinds of events are reduced to a few common kinds of pieces, so the layers above know no event kinds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from feed.scenario import events
from feed.scenario.model import Phase, Scenario

__all__ = ["FOREVER", "Exact", "Goal", "Move", "Piece", "Reversion", "Scale", "State", "Stop", "pieces_of"]

FOREVER = 2**62
"""End of pieces that never end, ns UTC."""

HALVINGS = 5
AFTERMATH = 4
"""Length of a flash crash's aftermath after the bottom, in recoveries: the book refills long after the price."""
REOPENING = 5 * 60_000_000_000


@dataclass(frozen=True, slots=True)
class Piece:
    """Range of market time, ns UTC, `end` not included."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Move(Piece):
    """Change of the price by a factor, evenly in log price.

    The event that the move is a part of began `known` ns before it.
    """

    factor: float
    known: int = 0


@dataclass(frozen=True, slots=True)
class Exact(Piece):
    """Range of time over which the price changes by the script's moves in total, and by nothing else."""


@dataclass(frozen=True, slots=True)
class Scale(Piece):
    """Multiple of `activity`, `volatility`, `spread` or `liquidity`, running evenly from `first` to `last`."""

    key: str
    first: float
    last: float


@dataclass(frozen=True, slots=True)
class Stop(Piece):
    """Range of time without trades."""


@dataclass(frozen=True, slots=True)
class State(Piece):
    """Status of a symbol; `phase` is None for the status of an event, which overrides that of a phase."""

    status: str
    reason: str
    phase: str | None


@dataclass(frozen=True, slots=True)
class Goal(Piece):
    """Target price at the end, in the quote currency."""

    price: float


@dataclass(frozen=True, slots=True)
class Reversion(Piece):
    """Pull of the price back to its value at the piece's beginning, half of the way in each `half_life` ns."""

    half_life: int


def pieces_of(scenario: Scenario, symbol: str) -> list[Piece]:
    """Return all pieces of one symbol, each repetition of the timeline after the other."""
    turn = [*_phases(scenario), *_events(scenario, symbol, once=False)]
    shifts = [scenario.start + number * scenario.timeline for number in range(scenario.repeat)]
    repeated = [_shifted(piece, shift) for shift in shifts for piece in turn]
    return [*repeated, *(_shifted(piece, scenario.start) for piece in _events(scenario, symbol, once=True))]


def _shifted(piece: Piece, shift: int) -> Piece:
    return replace(piece, start=piece.start + shift, end=min(piece.end + shift, FOREVER))


def _phases(scenario: Scenario) -> Iterator[Piece]:
    ends = 0
    last = FOREVER if scenario.end is None else scenario.end - scenario.start
    for phase in scenario.phases:
        begins = ends if phase.at is None else phase.at
        ends = max(begins, last) if phase.for_ is None else begins + phase.for_
        yield from _phase(phase, begins, ends)


def _phase(phase: Phase, start: int, end: int) -> Iterator[Piece]:
    yield State(start, end, phase.status, phase.reason, phase.name)
    yield from _stop(start, end, phase.status)
    yield from _scales(start, end, phase)
    if phase.drift and end < FOREVER:
        yield from _move(start, end, 1 + phase.drift)
    if phase.jump:
        yield Move(start, start + 1, 1 + phase.jump)
    if phase.reversion is not None:
        yield Reversion(start, end, phase.reversion)


def _stop(start: int, end: int, status: str) -> Iterator[Piece]:
    if status in ("online", "auction"):
        return
    yield Stop(start, end)
    if status == "halted":
        # There is no trading elsewhere either: the price continues where it stopped.
        yield Exact(start, end)


def _events(scenario: Scenario, symbol: str, *, once: bool) -> Iterator[Piece]:
    for event in scenario.events:
        if event.once == once and (event.symbols is None or symbol in event.symbols):
            yield from _EVENTS[event.kind](event, event.at, event.at + event.length)


def _scales(start: int, end: int, source: Phase | events.Overlay, last: float | None = None) -> Iterator[Scale]:
    for key in ("activity", "volatility", "spread", "liquidity"):
        value = getattr(source, key)
        if value != 1:
            yield Scale(start, end, key, value, value if last is None else last)


def _scaled(start: int, end: int, **factors: float) -> Iterator[Scale]:
    for key, value in factors.items():
        yield Scale(start, end, key, value, value)


def _fading(start: int, end: int, **factors: float) -> Iterator[Scale]:
    for key, value in factors.items():
        yield Scale(start, end, key, value, 1.0)


def _running(start: int, end: int, **ways: tuple[float, float]) -> Iterator[Scale]:
    for key, (first, last) in ways.items():
        yield Scale(start, end, key, first, last)


def _decaying(start: int, end: int, **factors: float) -> Iterator[Scale]:
    """Yield factors that decay to 1: quickly at first and slowly at the end, half of the rest in each stretch."""
    length = end - start
    edges = [start + length * index // HALVINGS for index in range(HALVINGS + 1)]
    shares = [0.5**index for index in range(HALVINGS)] + [0.0]
    for key, value in factors.items():
        levels = [1.0 + (value - 1.0) * share for share in shares]
        for index in range(HALVINGS):
            yield Scale(edges[index], edges[index + 1], key, levels[index], levels[index + 1])


def _move(start: int, end: int, factor: float) -> Iterator[Piece]:
    """Yield a promised move: the price changes by exactly `factor`, regardless of the noise."""
    yield Exact(start, end)
    yield Move(start, end, factor)


def _curve(start: int, end: int, factor: float, shares: tuple[float, ...], begun: int | None = None) -> Iterator[Piece]:
    """Yield a promised move in equal stretches of time, each with its share of the whole; log price is linear in each.

    `begun` is the beginning of the event that the move is a part of; None means the beginning of the move.
    """
    yield Exact(start, end)
    begun = start if begun is None else begun
    length = end - start
    edges = [start + length * index // len(shares) for index in range(len(shares) + 1)]
    reached = 1.0
    done = 0.0
    for index, share in enumerate(shares):
        done += share
        level = 1.0 + (factor - 1.0) * done
        yield Move(edges[index], edges[index + 1], level / reached, edges[index] - begun)
        reached = level


def _overlay(event: events.Overlay, start: int, end: int) -> Iterator[Piece]:
    yield from _scales(start, end, event, 1.0 if event.fade else None)
    if event.drift:
        yield from _move(start, end, 1 + event.drift)


def _jump(event: events.Jump, start: int, end: int) -> Iterator[Piece]:
    yield Move(start, start + 1, 1 + event.size)


def _flash_crash(event: events.FlashCrash, start: int, end: int) -> Iterator[Piece]:
    bottom = start + event.fall
    depth = 1 + event.size
    # The fall comes in legs, each followed by a slower one; the last legs are steep.
    yield from _curve(start, bottom, depth, (0.04, 0.05, 0.10, 0.16, 0.09, 0.22, 0.12, 0.22))
    top = 1 + event.size * (1 - event.recovered)
    # The recovery is quick at first, meets selling, and is slow at the end.
    yield from _curve(bottom, end, top / depth, (0.34, -0.06, 0.24, 0.12, 0.02, 0.16, 0.08, 0.10), start)
    fall = {"volatility": (4.0, 10.0), "activity": (6.0, 10.0), "spread": (60.0, 300.0), "liquidity": (0.3, 0.08)}
    yield from _running(start, bottom, **fall)
    calm = bottom + AFTERMATH * event.recovery
    yield from _decaying(bottom, calm, volatility=10.0, activity=10.0, spread=300.0, liquidity=0.08)


def _squeeze(event: events.Squeeze, start: int, end: int) -> Iterator[Piece]:
    yield from _curve(start, end, 1 + event.size, (0.03, 0.06, 0.12, 0.10, 0.20, 0.17, 0.32))
    busier = {"volatility": (2.5, 6.0), "activity": (2.0, 7.0), "spread": (2.0, 12.0), "liquidity": (0.6, 0.3)}
    yield from _running(start, end, **busier)


def _pump(event: events.Pump, start: int, end: int) -> Iterator[Piece]:
    top = start + event.rise
    peak, rest = 1 + event.size, 1 + event.size * event.kept
    yield from _curve(start, top, peak, (0.08, 0.12, 0.10, 0.20, 0.16, 0.34))
    # Late buyers buy the first dip.
    yield from _curve(top, end, rest / peak, (0.36, -0.05, 0.20, 0.12, 0.05, 0.14, 0.06, 0.12), start)
    yield from _running(start, top, volatility=(4.0, 10.0), activity=(3.0, 8.0), spread=(2.0, 8.0))
    yield from _decaying(top, end, volatility=10.0, activity=8.0, spread=12.0, liquidity=0.3)


def _spread_blowout(event: events.SpreadBlowout, start: int, end: int) -> Iterator[Piece]:
    yield from _fading(start, end, spread=event.factor, liquidity=0.2)


def _thin_book(event: events.ThinBook, start: int, end: int) -> Iterator[Piece]:
    yield from _scaled(start, end, liquidity=event.factor, volatility=1.5, spread=8.0)


def _busy(event: events.Burst | events.Quiet, start: int, end: int) -> Iterator[Piece]:
    if event.factor == 0:
        yield Stop(start, end)
    else:
        yield from _scaled(start, end, activity=event.factor)


def _halt(event: events.Halt, start: int, end: int) -> Iterator[Piece]:
    auction = start + event.for_
    yield State(start, auction, "halted", event.reason, None)
    yield Stop(start, auction)
    if event.auction:
        yield State(auction, end, "auction", event.reason, None)
        yield from _scaled(auction, end, activity=0.5, spread=20.0)
    if event.auction:
        # The price stands still until the auction finds the new one: most of the change comes first.
        yield Exact(start, auction)
        yield from _curve(auction, end, 1 + event.gap, (0.4, 0.3, 0.2, 0.1), start)
    else:
        yield from _move(start, auction, 1 + event.gap)
    # All waiting orders arrive at once.
    yield from _decaying(end, end + REOPENING, activity=6.0, volatility=3.0, spread=10.0, liquidity=0.5)


def _gap(event: events.GapEvent, start: int, end: int) -> Iterator[Piece]:
    yield Stop(start, end)
    yield from _move(start, end, 1 + event.size)


def _status(event: events.StatusEvent, start: int, end: int) -> Iterator[Piece]:
    yield State(start, end, event.status, event.reason, None)
    yield from _stop(start, end, event.status)


def _target(event: events.Target, start: int, end: int) -> Iterator[Piece]:
    yield Goal(start, end, float(event.price))


_EVENTS: dict[str, Callable[[Any, int, int], Iterator[Piece]]] = {
    "overlay": _overlay,
    "jump": _jump,
    "flash-crash": _flash_crash,
    "squeeze": _squeeze,
    "pump": _pump,
    "spread-blowout": _spread_blowout,
    "thin-book": _thin_book,
    "burst": _busy,
    "quiet": _busy,
    "halt": _halt,
    "gap": _gap,
    "status": _status,
    "target": _target,
}
