"""Table of facts of a market: each with its value, its band and its verdict.

Facts are computed block by block, as the bands were: seven days of minutes, an hour of seconds, five minutes of fills,
orders and quotes. The result is the median over the blocks. Days are read one at a time, so that memory is bounded.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from feed.data.ticks import Instrument, Source, TickBlock
from feed.realism.bands import BANDS, Band
from feed.realism.bars import bar_facts, week_facts
from feed.realism.depth import BookSight
from feed.realism.quotes import quote_facts, quotes_of
from feed.realism.table import LEAST_FILLS, FillTable, MinuteBars, bars_of, windows
from feed.realism.trades import hour_facts, side_facts, window_facts
from feed.units import DAY, HOUR, MINUTE

__all__ = [
    "LEAST_BARS",
    "LEAST_FILLS",
    "WINDOW",
    "Fact",
    "days_of",
    "fills_of",
    "generated_days",
    "measure",
    "measure_bars",
]

WEEK = 7 * 1440
WINDOW = 5 * MINUTE
LEAST_BARS = 12 * 60
WINDOWS_A_DAY = 48
"""Number of windows of five minutes, spread over each day, which is enough for a median."""

BOOKS_EVERY = 4
"""Interval of the windows in which the book is measured, too, since a book takes longer to make than its trades."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Values = dict[str, list[float]]


@dataclass(frozen=True, slots=True)
class Fact:
    """Fact of a market; `passed` is None for a fact without a band of real markets."""

    group: str
    name: str
    value: float
    band: Band | None

    @property
    def passed(self) -> bool | None:
        """True if the value lies in the band; None without a band."""
        return None if self.band is None else self.band.holds(self.value)


def measure(days: Iterable[FillTable], sight: BookSight | None = None) -> list[Fact]:
    """Compute the facts of fills, given as whole days in order of time, and of their book if there is one."""
    found: dict[str, Values] = {group: {} for group in ("bar", "week", "hour", "win", "side", "quotes", "depth")}
    bars: list[MinuteBars] = []
    for day in days:
        if len(day):
            bars.append(bars_of(day))
            _measure_day(day, found, sight)
    if bars:
        _measure_weeks(_joined(bars), found)
    return _facts(found)


def measure_bars(bars: MinuteBars) -> list[Fact]:
    """Compute the facts of one-minute bars alone."""
    found: dict[str, Values] = {"bar": {}, "week": {}}
    _measure_weeks(bars, found)
    return _facts(found)


def fills_of(block: TickBlock, instrument: Instrument) -> FillTable:
    """Return a block of ticks in the units of its instrument."""
    tick, lot = float(instrument.tick_size), float(instrument.lot_size)

    def prices(column: Ints) -> Floats:
        return np.round(column * tick, instrument.price_decimals).astype(np.float64)

    def sizes(column: Ints) -> Floats:
        return column.astype(np.float64) * lot

    bid, ask = (prices(block.bid), sizes(block.bid_size)), (prices(block.ask), sizes(block.ask_size))
    return FillTable(block.time, prices(block.price), sizes(block.size), block.side, *bid, *ask)


def generated_days(source: Source, days: int, symbol: int = 0, at: int | None = None) -> Iterator[FillTable]:
    """Yield the fills of one symbol of a source, day by day, from `at` (ns UTC) or its start on."""
    start = source.start if at is None else at
    instrument = source.instruments[symbol]
    edge, held = start + DAY, [TickBlock.empty()]
    for batch in source.batches(start):
        ticks = batch.ticks[symbol]
        while batch.end >= edge:
            cut = int(np.searchsorted(ticks.time, edge))
            yield fills_of(TickBlock.joined([*held, ticks[:cut]]), instrument)
            held, ticks = [], ticks[cut:]
            edge += DAY
            if edge > start + days * DAY:
                return
        held.append(ticks)
    yield fills_of(TickBlock.joined(held), instrument)


def days_of(fills: FillTable) -> Iterator[FillTable]:
    """Yield the parts of a table cut at midnight, UTC."""
    cuts = np.flatnonzero(np.diff(fills.time // DAY)) + 1 if len(fills) else np.empty(0, np.int64)
    edges = [0, *cuts.tolist(), len(fills)]
    for lo, hi in itertools.pairwise(edges):
        yield fills[lo:hi]


def _measure_day(day: FillTable, found: dict[str, Values], sight: BookSight | None) -> None:
    for start, hour in windows(day, HOUR, least=200):
        _note(found["hour"], hour_facts(start, hour))
    every = list(windows(day, WINDOW))
    for number, (start, window) in enumerate(every[:: max(1, len(every) // WINDOWS_A_DAY)]):
        _note(found["win"], window_facts(start, window))
        _note(found["side"], side_facts(start, window))
        quotes = quotes_of(window)
        if sight is not None:
            if number % BOOKS_EVERY:
                continue
            quotes, facts = sight.facts(start, len(window))
            _note(found["quotes"], {"quotes_per_trade": facts.pop("quotes_per_trade")})
            _note(found["depth"], facts)
        if quotes is not None:
            _note(found["quotes"], quote_facts(start, quotes))


def _measure_weeks(bars: MinuteBars, found: dict[str, Values]) -> None:
    """Measure whole weeks, or all bars if they are less than one week."""
    if len(bars) < LEAST_BARS:
        return
    weeks = max(1, len(bars) // WEEK)
    for number in range(weeks):
        week = bars[number * WEEK : (number + 1) * WEEK]
        _note(found["bar"], bar_facts(week))
        # A week whose last day is incomplete still counts as a week.
        if len(week) >= WEEK - 1440:
            _note(found["week"], week_facts(week))


def _joined(parts: list[MinuteBars]) -> MinuteBars:
    """Join bars to one row; minutes that are missing between the parts get the close before them."""
    minute = np.concatenate([part.minute for part in parts])
    every = np.arange(int(minute[0]), int(minute[-1]) + 1, dtype=np.int64)
    last = np.searchsorted(minute, every, side="right") - 1
    volume = np.concatenate([part.volume for part in parts])[last]
    close = np.concatenate([part.close for part in parts])[last]
    return MinuteBars(every, close, np.where(minute[last] == every, volume, 0.0))


def _note(values: Values, facts: dict[str, float]) -> None:
    for name, value in facts.items():
        values.setdefault(name, []).append(value)


def _facts(found: dict[str, Values]) -> list[Fact]:
    return [
        Fact(group, name, _median(values), BANDS.get(name))
        for group, facts in found.items()
        for name, values in facts.items()
    ]


def _median(values: list[float]) -> float:
    finite = [value for value in values if np.isfinite(value)]
    return float(np.median(finite)) if finite else float("nan")
