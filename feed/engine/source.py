"""Engine as a source: blocks of fills in order, from any market time on."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache, partial

import numpy as np
from numpy.typing import NDArray

from feed.data.book import Books
from feed.data.ticks import Batch, Instrument, Source, StatusChange, TickBlock, Traded
from feed.engine.books import MadeBooks
from feed.engine.cells import Cells
from feed.engine.early import Early
from feed.engine.fill import Fills, TickFill
from feed.engine.handmade import with_ticks, written_lots
from feed.engine.minutes import Minutes
from feed.engine.orders import Flow
from feed.engine.path import PricePath
from feed.engine.quotes import Mood
from feed.engine.timeline import Timeline
from feed.scenario.generator import GENERATOR_VERSION, LONGEST_BLOCK, block_minutes
from feed.scenario.model import MarketModel, Scenario, SymbolModel
from feed.units import DAY, MINUTE

__all__ = ["ENGINE_VERSION", "EngineSource"]

ENGINE_VERSION = GENERATOR_VERSION
"""Version of the engine; it changes with every modification that changes a tick."""

KEPT_TOTALS = 4096

NEVER = 2**62
"""Market time that is never reached, ns UTC."""

KEPT_BLOCKS = 4
"""Number of blocks cached for their books, which are requested right after them, besides one of each symbol."""

KEPT_LAYERS = 256
"""Number of symbols whose layers are kept for further markets."""

NEAR = 15 * MINUTE
"""Minimum time before the start, ns, with the same detail as after it; earlier trades are made by `Early`."""


@dataclass(frozen=True, slots=True)
class _Layers:
    """Layers of one symbol that do not depend on a script."""

    minutes: Minutes
    cells: Cells


@lru_cache(maxsize=KEPT_LAYERS)
def _layers(market: MarketModel, symbol: SymbolModel, seed: int, start: int) -> _Layers:
    """Return the layers of a symbol; markets that differ in their scripts alone share them."""
    minutes = Minutes(market, symbol, seed, start)
    return _Layers(minutes, Cells(seed, symbol.symbol, minutes, plain=market.plain))


class EngineSource(Source):
    """Market of a scenario and a seed.

    A block of minutes is made from its number alone; the volume earlier in the day is the sum of the blocks since
    midnight, which are kept as one number each. Long before the start bars are made first; see `feed.engine.early`.

    Args:
        scenario: the market's description.
        seed: a seed that replaces the scenario's.
        counts_from: the day's volume counts from the block that contains this market time, for readers that do not
            need the volume before it: summing that up takes time.
        beside: another instance of the same market, for another thread; both share the volumes that either knows.
    """

    def __init__(
        self,
        scenario: Scenario,
        seed: int | None = None,
        *,
        counts_from: int = 0,
        beside: EngineSource | None = None,
    ) -> None:
        seed = scenario.seed if seed is None else seed
        self._scenario = scenario
        self._seed = seed
        self._counts_from = counts_from
        self._minutes = block_minutes(scenario)
        # Number of the first block that is made of orders.
        self._first = (scenario.start // MINUTE - NEAR // MINUTE) // LONGEST_BLOCK * LONGEST_BLOCK // self._minutes
        self._instruments = tuple(symbol.instrument for symbol in scenario.symbols)
        layers = [_layers(scenario.market, symbol, seed, scenario.start // MINUTE) for symbol in scenario.symbols]
        self._timelines = [Timeline(scenario, symbol.symbol) for symbol in scenario.symbols]
        together = list(zip(scenario.symbols, layers, self._timelines, strict=True))
        self._paths = [
            PricePath(scenario, symbol, layer.minutes, layer.cells, timeline) for symbol, layer, timeline in together
        ]
        self._flows = [
            Flow(
                seed,
                symbol.symbol,
                layer.minutes,
                layer.cells,
                path,
                timeline,
                self._minutes,
                plain=scenario.market.plain,
            )
            for path, (symbol, layer, timeline) in zip(self._paths, together, strict=True)
        ]
        self._makers = [
            TickFill(symbol, flow, timeline, plain=scenario.market.plain)
            for flow, (symbol, _, timeline) in zip(self._flows, together, strict=True)
        ]
        self._early = [
            Early(seed, symbol.symbol, layer.minutes, path, maker.median_lots)
            for path, maker, (symbol, layer, _) in zip(self._paths, self._makers, together, strict=True)
        ]
        self._totals: OrderedDict[tuple[int, int], int] = OrderedDict() if beside is None else beside._totals
        self._early_lots = lru_cache(maxsize=KEPT_TOTALS)(self._sum_early)
        self._made = lru_cache(maxsize=KEPT_BLOCKS + len(self._makers))(self._make)
        self._books = [self._book(index, symbol, seed) for index, symbol in enumerate(scenario.symbols)]

    def _book(self, index: int, symbol: SymbolModel, seed: int) -> MadeBooks:
        """Return the book implied by the trades of a symbol; see `feed.engine.books`."""
        return MadeBooks(
            seed,
            symbol.symbol,
            partial(self._between, index),
            self._minutes * MINUTE,
            Mood(self._makers[index].usual, self._flows[index].pace, self._flows[index].outlook),
            float(symbol.start_price / symbol.tick_size),
            partial(self._times, index),
        )

    @property
    def instruments(self) -> tuple[Instrument, ...]:
        """Instruments of the scenario's symbols, in its order."""
        return self._instruments

    @property
    def start(self) -> int:
        """Start of the scenario, ns UTC."""
        return self._scenario.start

    @property
    def end(self) -> int | None:
        """End of the scenario, ns UTC; None if it never ends."""
        return self._scenario.end

    def batches(self, at: int) -> Iterator[Batch]:
        """Yield one batch per block; the first begins at `at`, which may lie before the start."""
        length = self._minutes * MINUTE
        end = self.end
        while end is None or at < end:
            until = at - at % length + length
            until = until if end is None else min(until, end)
            ticks = tuple(self._ticks(index, at, until) for index in range(len(self._makers)))
            yield Batch(at, until, ticks, self._changes(at, until))
            at = until

    def ticks(self, index: int, start: int, end: int) -> Iterator[TickBlock]:
        """Yield the fills of one symbol, a block at a time; no fills of other symbols are made."""
        for begin, until in self._blocks(start, end if self.end is None else min(end, self.end)):
            yield self._ticks(index, begin, until)

    def traded(self, index: int, start: int, end: int) -> Iterator[Traded]:
        """Yield the trades of one symbol; for times at which bars are made first, no fills are made."""
        early = min(end, self._first * self._minutes * MINUTE)
        if start < early:
            yield self._early[index].traded(start, early)
        for begin, until in self._blocks(max(start, early), end if self.end is None else min(end, self.end)):
            yield Traded.of(self._between(index, begin, until))

    def _blocks(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """Yield the ranges of this time, cut at the beginnings of blocks."""
        length = self._minutes * MINUTE
        while start < end:
            until = min(start - start % length + length, end)
            yield start, until
            start = until

    def without_volume(self) -> EngineSource:
        """Return the same market with `volume` counted from each block's beginning; earlier blocks are not summed."""
        return EngineSource(self._scenario, self._seed, counts_from=NEVER)

    def inherit(self, earlier: EngineSource, until: int) -> None:
        """Take over what is known of a market that is equal up to market time `until`: the same one without an event.

        Without it nothing differs, but the volumes and prices of the time before would be computed again.
        """
        length = self._minutes * MINUTE
        if earlier._minutes == self._minutes:
            known = list(earlier._totals.items())
            self._totals.update((key, lots) for key, lots in known if (key[1] + 1) * length <= until)
            for own, other in zip(self._books, earlier._books, strict=True):
                own.inherit(other, until)
        for path, other_path in zip(self._paths, earlier._paths, strict=True):
            path.inherit(other_path, until)

    def books(self, index: int) -> Books:
        """Return the book of a symbol."""
        return self._books[index]

    def statuses(self, at: int) -> tuple[StatusChange, ...]:
        """Return each symbol's status in force at market time `at`."""
        return tuple(timeline.state(at) for timeline in self._timelines)

    def _changes(self, start: int, end: int) -> tuple[StatusChange, ...]:
        changes = [change for timeline in self._timelines for change in timeline.changes(start, end)]
        return tuple(sorted(changes, key=lambda change: change.time))

    def _ticks(self, index: int, start: int, end: int) -> TickBlock:
        """Return ticks within one block; `volume` counts from the beginning of the day."""
        number = start // (self._minutes * MINUTE)
        ticks = self._made(index, number)
        ticks = replace(ticks, volume=ticks.volume + self._before(index, number))
        return _cut(ticks, start, end)

    def _between(self, index: int, start: int, end: int) -> TickBlock:
        """Return ticks within one block; `volume` counts from the block's beginning."""
        return _cut(self._made(index, start // (self._minutes * MINUTE)), start, end)

    def _times(self, index: int, number: int) -> NDArray[np.int64]:
        """Return the times of the trades in a block; no other column is made."""
        written = bool(self._scenario.ticks) or number < self._first
        return self._made(index, number).time if written else self._flows[index].arrivals(number).time

    def _make(self, index: int, number: int) -> TickBlock:
        """Make a whole block; `volume` counts from its beginning."""
        start, length = number * self._minutes * MINUTE, self._minutes * MINUTE
        fills = self._fills(index, number)
        ticks = TickBlock(
            fills.time,
            fills.price,
            fills.size,
            fills.side,
            fills.bid,
            fills.bid_size,
            fills.ask,
            fills.ask_size,
            np.cumsum(fills.size),
            fills.trade_id,
        )
        ticks = with_ticks(ticks, self._scenario, index, start, length)
        self._keep_total(index, number, int(ticks.volume[-1]) if len(ticks) else 0)
        return ticks

    def _fills(self, index: int, number: int) -> Fills:
        if number >= self._first:
            return self._makers[index].block(number)
        return self._early[index].fills(number * self._minutes * MINUTE, (number + 1) * self._minutes * MINUTE)

    def _before(self, index: int, number: int) -> int:
        """The number of lots traded on the block's day before the block."""
        a_day = DAY // (self._minutes * MINUTE)
        first = max(number - number % a_day, self._counts_from // (self._minutes * MINUTE))
        later = max(first, min(self._first, number))
        early = self._early_lots(index, first, later) if first < later else 0
        return early + sum(self._total(index, earlier) for earlier in range(later, number))

    def _sum_early(self, index: int, first: int, last: int) -> int:
        """The number of lots traded in the blocks from `first` up to, not including, `last`, all of them early."""
        return self._early[index].lots(first * self._minutes * MINUTE, last * self._minutes * MINUTE)

    def _total(self, index: int, number: int) -> int:
        kept = self._totals.get((index, number))
        if kept is None:
            kept = self._makers[index].volume(number)
            kept += written_lots(self._scenario, index, number * self._minutes * MINUTE, self._minutes * MINUTE)
            self._keep_total(index, number, kept)
        return kept

    def _keep_total(self, index: int, number: int, total: int) -> None:
        self._totals[index, number] = total
        while len(self._totals) > max(KEPT_TOTALS, 1500 * len(self._makers)):
            self._totals.popitem(last=False)


def _cut(ticks: TickBlock, start: int, end: int) -> TickBlock:
    lo, hi = np.searchsorted(ticks.time, [start, end], side="left")
    return ticks[int(lo) : int(hi)]
