"""The engine as a source: blocks of fills in order, from any market time on."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator

import numpy as np

from feed.engine.fill import Fills, TickFill
from feed.engine.skeleton import Skeleton
from feed.engine.timeline import Timeline
from feed.scenario.model import Scenario
from feed.ticks import Batch, Instrument, StatusChange, TickBlock
from feed.units import DAY, MINUTE

__all__ = ["ENGINE_VERSION", "EngineSource"]

ENGINE_VERSION = 1
"""Changes with anything that changes a tick."""

ORDERS_A_BLOCK = 12_000
BLOCK_MINUTES = (15, 10, 5, 2, 1)
KEPT_TOTALS = 4096


class EngineSource:
    """The market of a scenario and a seed.

    A block of minutes is made from its number alone; what was traded earlier in the day is the sum of the blocks since
    midnight, which are kept as one number each.

    Args:
        scenario: what the market is like.
        seed: in place of the scenario's own.
    """

    def __init__(self, scenario: Scenario, seed: int | None = None) -> None:
        seed = scenario.seed if seed is None else seed
        self._scenario = scenario
        self._timeline = Timeline(scenario)
        self._minutes = _block_minutes(scenario)
        self._instruments = tuple(symbol.instrument for symbol in scenario.symbols)
        self._makers = [
            TickFill(seed, symbol, Skeleton(scenario, symbol, seed, self._timeline), self._timeline, self._minutes)
            for symbol in scenario.symbols
        ]
        self._totals: OrderedDict[tuple[int, int], int] = OrderedDict()

    @property
    def instruments(self) -> tuple[Instrument, ...]:
        """The scenario's symbols, in its order."""
        return self._instruments

    @property
    def start(self) -> int:
        """The scenario's date."""
        return self._scenario.start

    @property
    def end(self) -> int | None:
        """Where the scenario ends, if it does."""
        return self._scenario.end

    def batches(self, at: int) -> Iterator[Batch]:
        """A batch a block; the first begins at `at`, which may lie before the start."""
        length = self._minutes * MINUTE
        end = self.end
        while end is None or at < end:
            until = at - at % length + length
            until = until if end is None else min(until, end)
            ticks = tuple(self._ticks(index, at, until) for index in range(len(self._makers)))
            yield Batch(at, until, ticks, self._timeline.changes(at, until))
            at = until

    def statuses(self, at: int) -> tuple[StatusChange, ...]:
        """What is in force at market time `at`."""
        return self._timeline.state(at)

    def _ticks(self, index: int, start: int, end: int) -> TickBlock:
        number = start // (self._minutes * MINUTE)
        fills = self._makers[index].block(number)
        self._keep_total(index, number, fills)
        volume = np.cumsum(fills.size) + self._before(index, number)
        lo, hi = (int(np.searchsorted(fills.time, edge, side="left")) for edge in (start, end))
        columns = (
            fills.time,
            fills.price,
            fills.size,
            fills.side,
            fills.bid,
            fills.bid_size,
            fills.ask,
            fills.ask_size,
        )
        return TickBlock(*(column[lo:hi] for column in (*columns, volume, fills.trade_id)))

    def _before(self, index: int, number: int) -> int:
        """Lots traded on the block's day before the block."""
        a_day = DAY // (self._minutes * MINUTE)
        return sum(self._total(index, earlier) for earlier in range(number - number % a_day, number))

    def _total(self, index: int, number: int) -> int:
        kept = self._totals.get((index, number))
        if kept is None:
            kept = self._keep_total(index, number, self._makers[index].block(number))
        return kept

    def _keep_total(self, index: int, number: int, fills: Fills) -> int:
        total = int(fills.size.sum())
        self._totals[index, number] = total
        while len(self._totals) > max(KEPT_TOTALS, 200 * len(self._makers)):
            self._totals.popitem(last=False)
        return total


def _block_minutes(scenario: Scenario) -> int:
    """Long blocks cost less a tick, short ones less at a time: the busiest phase decides."""
    busiest = max([1.0, *(phase.activity for phase in scenario.phases)])
    rate = scenario.market.orders_per_second * busiest * 60
    return next((minutes for minutes in BLOCK_MINUTES if rate * minutes <= ORDERS_A_BLOCK), BLOCK_MINUTES[-1])
