"""Overview of a market: price, volume and spread in about a thousand steps, and the scenario's script."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from feed.data.ticks import Instrument, Source, StatusChange, TickBlock, batches_between
from feed.scenario.model import Scenario
from feed.units import DAY, HOUR, MINUTE, SECOND

__all__ = ["Preview", "PreviewPart", "PreviewStretch", "PreviewTrack", "Span", "preview", "read_here", "usual_length"]

MOST_STEPS = 1500
MOST_TURNS = 4
"""Maximum number of repetitions of a timeline shown; further ones look alike."""

STEPS = (
    *(SECOND * n for n in (1, 2, 5, 10, 15, 30)),
    *(MINUTE * n for n in (1, 2, 5, 10, 15, 30)),
    *(HOUR * n for n in (1, 2, 4, 12, 24)),
)

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Span:
    """Named stretch of market time, ns since the preview's start; `kind` is `phase`, `status` or `event`."""

    start: int
    end: int
    label: str
    kind: str


@dataclass(frozen=True, slots=True)
class PreviewTrack:
    """Data of one symbol in steps of equal length; NaN in steps without a trade, in which the volume is 0.

    Prices and spreads are in the quote currency, the volume of a step in the base currency. `spread` is the mean of
    the spreads after each order. `quiet` is true in silences so long that a line through them would be misleading.
    """

    instrument: Instrument
    low: Floats
    high: Floats
    close: Floats
    volume: Floats
    spread: Floats
    quiet: NDArray[np.bool_]
    fills: int


@dataclass(frozen=True, slots=True)
class Preview:
    """Stretch of a market from `start` (ns UTC) on, in steps of `step` ns."""

    name: str
    seed: int
    start: int
    length: int
    step: int
    tracks: tuple[PreviewTrack, ...]
    spans: tuple[Span, ...]

    @property
    def seconds(self) -> Floats:
        """Middle of each step, s since the start."""
        count = -(-self.length // self.step)
        middle = (np.arange(count, dtype=np.float64) + 0.5) * (self.step / SECOND)
        return middle.astype(np.float64)


def usual_length(scenario: Scenario, source: Source) -> int:
    """Return the default length of a preview, ns: the script and a little after it, else a day."""
    script = max([scenario.timeline, *(tick.at for tick in scenario.ticks)])
    turns = min(scenario.repeat, MOST_TURNS)
    rest = 0 if scenario.repeat > turns else max(script // 6, 15 * SECOND)
    length = script * turns + rest if script else DAY
    return length if source.end is None else min(length if script else source.end, source.end - source.start)


def preview(
    scenario: Scenario,
    source: Source,
    seed: int,
    length: int,
    symbols: Sequence[int] | None = None,
    read: Callable[[PreviewStretch], Iterable[PreviewPart]] | None = None,
) -> Preview:
    """Read a stretch of a source from its start on.

    Args:
        scenario: the scenario that the source plays.
        source: the source of the ticks.
        seed: the seed that the source was made with.
        length: the length of the stretch, ns.
        symbols: the indices of the symbols to show; by default all.
        read: reads the stretch, in one part or in several consecutive ones; by default `read_here`.
    """
    start = source.start
    step = next((step for step in STEPS if length <= step * MOST_STEPS), -(-length // MOST_STEPS))
    chosen = tuple(range(len(source.instruments)) if symbols is None else symbols)
    light = source.without_volume()
    parts = list((read or read_here)(PreviewStretch(light, chosen, start, length, step)))
    changes = [*source.statuses(start), *(change for part in parts for change in part.changes)]
    names = {source.instruments[index].symbol for index in chosen}
    spans = (
        *_states(changes, start, length, sorted(names)[0]),
        *_happenings(scenario, names, length, source.script_start - source.start),
    )
    count = -(-length // step)
    tracks = tuple(
        _track(source.instruments[index], [found for part in parts for found in part.steps[place]], count, step)
        for place, index in enumerate(chosen)
    )
    return Preview(scenario.name, seed, start, length, step, tracks, spans)


@dataclass(frozen=True, slots=True)
class PreviewStretch:
    """Stretch to read: symbols by their indices, `length` ns from `start` (ns UTC) on, in steps of `step` ns."""

    source: Source
    symbols: tuple[int, ...]
    start: int
    length: int
    step: int

    def read(self, start: int, end: int) -> PreviewPart:
        """Read the steps from market time `start` up to `end`, ns UTC."""
        steps: list[list[_Steps]] = [[] for _ in self.symbols]
        changes: list[StatusChange] = []
        for batch in batches_between(self.source, start, end):
            changes += batch.statuses
            for found, index in zip(steps, self.symbols, strict=True):
                if len(ticks := batch.ticks[index]):
                    found.append(_Steps.of(ticks, self.start, self.step))
        return PreviewPart(steps, changes)


@dataclass(frozen=True, slots=True)
class PreviewPart:
    """Part of a stretch: for each symbol the contributions of its blocks to the steps, and the changes of status."""

    steps: list[list[_Steps]]
    changes: list[StatusChange]


def read_here(stretch: PreviewStretch) -> list[PreviewPart]:
    """Read the whole stretch in this process."""
    return [stretch.read(stretch.start, stretch.start + stretch.length)]


@dataclass(frozen=True, slots=True)
class _Steps:
    """Contribution of a block of ticks to the steps it covers; in ticks and lots."""

    place: Ints
    low: Ints
    high: Ints
    close: Ints
    volume: Ints
    spread: Ints
    quotes: Ints
    fills: Ints

    @classmethod
    def of(cls, ticks: TickBlock, start: int, step: int) -> _Steps:
        place = (ticks.time - start) // step
        first = np.flatnonzero(np.diff(place, prepend=place[0] - 1))
        ends = np.append(first[1:], len(ticks))
        # One quote per time, the last one: within a sweep the quote is not final.
        quoted = np.append(np.diff(ticks.time) != 0, True).astype(np.int64)
        return cls(
            place[first],
            np.minimum.reduceat(ticks.price, first),
            np.maximum.reduceat(ticks.price, first),
            ticks.price[ends - 1],
            np.add.reduceat(ticks.size, first),
            np.add.reduceat((ticks.ask - ticks.bid) * quoted, first),
            np.add.reduceat(quoted, first),
            ends - first,
        )


def _track(instrument: Instrument, found: list[_Steps], count: int, step: int) -> PreviewTrack:
    tick, lot = float(instrument.tick_size), float(instrument.lot_size)
    low, high, close = (np.full(count, np.nan) for _ in range(3))
    volume, spread, quotes, fills = (np.zeros(count) for _ in range(4))
    for part in found:
        # Two batches may share a step.
        low[part.place] = np.fmin(low[part.place], part.low * tick)
        high[part.place] = np.fmax(high[part.place], part.high * tick)
        close[part.place] = part.close * tick
        volume[part.place] += part.volume * lot
        spread[part.place] += part.spread * tick
        quotes[part.place] += part.quotes
        fills[part.place] += part.fills
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = spread / quotes
    total = int(fills.sum())
    return PreviewTrack(instrument, low, high, close, volume, mean, _quiet(fills, count, total), total)


def _quiet(fills: Floats, count: int, total: int) -> NDArray[np.bool_]:
    """Find the steps in silences that are far longer than the market's usual wait: they are gaps of the line."""
    usual = count / max(total, 1)
    least = max(5.0, 10.0 * usual, count / 80)
    busy = np.flatnonzero(fills)
    edges = np.concatenate([[-1], busy, [count]]).astype(np.int64)
    quiet = np.zeros(count, np.bool_)
    for index in np.flatnonzero(np.diff(edges) > least):
        quiet[edges[index] + 1 : edges[index + 1]] = True
    return quiet


def _states(changes: list[StatusChange], start: int, length: int, symbol: str) -> Iterator[Span]:
    """Yield the phases and the statuses of one symbol; the base phase and the status online have no span."""
    own = [change for change in changes if change.symbol == symbol]
    for kind, usual in (("phase", "base"), ("status", "online")):
        begun, label = 0, usual
        for change in own:
            now = change.phase if kind == "phase" else change.status
            if now != label:
                if label != usual:
                    yield Span(begun, change.time - start, label, kind)
                begun, label = max(0, change.time - start), now
        if label != usual:
            yield Span(begun, length, label, kind)


def _happenings(scenario: Scenario, symbols: set[str], length: int, begins: int) -> Iterator[Span]:
    """Yield the events and the scripted trades that begin within the length."""
    for turn in range(scenario.repeat):
        shift = begins + turn * scenario.timeline
        if shift >= length:
            break
        for event in scenario.events:
            at = shift + event.at
            if at < length and (event.symbols is None or symbols & set(event.symbols)):
                yield Span(at, min(at + event.length, length), _label(event), "event")
    for tick in scenario.ticks:
        at = begins + tick.at
        if at < length:
            yield Span(at, at, f"{tick.side} {tick.size:f}", "event")


def _label(event: object) -> str:
    """Return the label of an event, such as `jump +1.5 %`, `target 70000` or `overlay -5 %`."""
    kind = getattr(event, "kind", "")
    change = getattr(event, "size", None) or getattr(event, "drift", None)
    if change:
        return f"{kind} {change * 100:+.3g} %"
    if (price := getattr(event, "price", None)) is not None:
        return f"{kind} {price:f}"
    return str(kind)
