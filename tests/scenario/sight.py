"""The market of a bundled scenario and a seed, asked for what a person would see on a screen."""

from __future__ import annotations

from dataclasses import fields
from functools import cache

import numpy as np
from numpy.typing import NDArray

from feed.data.ticks import BUY, Batch, TickBlock
from feed.engine.source import EngineSource
from feed.scenario.find import find_scenario
from feed.scenario.model import Scenario
from feed.units import MINUTE, SECOND

__all__ = ["Sight"]

Floats = NDArray[np.float64]


@cache
def _scenario(name: str) -> Scenario:
    return find_scenario(name)[0]


class Sight:
    """What can be seen; times are seconds since the scenario's start.

    Args:
        name: the scenario.
        seed: in place of its own.
    """

    def __init__(self, name: str, seed: int) -> None:
        self.scenario = _scenario(name)
        self.source = EngineSource(self.scenario, seed).without_volume()
        self._batches: dict[int, Batch] = {}

    def ticks(self, start: float, end: float, symbol: int = 0) -> TickBlock:
        """The fills from `start` up to `end`."""
        lo, hi = (self.source.start + int(at * SECOND) for at in (start, end))
        found = []
        at = lo - lo % MINUTE
        while at < hi:
            if at not in self._batches:
                self._batches[at] = next(self.source.batches(at))
            found.append(self._batches[at])
            at = found[-1].end
        block = TickBlock.joined([batch.ticks[symbol] for batch in found])
        first, last = np.searchsorted(block.time, [lo, hi])
        return block[int(first) : int(last)]

    def orders(self, start: float, end: float, symbol: int = 0) -> TickBlock:
        """The last fill of each order in that time, with the quotes that the order leaves."""
        block = self.ticks(start, end, symbol)
        lasts = np.flatnonzero(np.append(np.diff(block.time) > 0, True)) if len(block) else np.empty(0, np.int64)
        return TickBlock(*(getattr(block, column.name)[lasts] for column in fields(block)))

    def price(self, at: float, symbol: int = 0) -> float:
        """The mid price before that time, in the quote currency; at the start the start price."""
        block = self.orders(max(0.0, at - 30), at, symbol) if at > 0 else TickBlock.empty()
        model = self.scenario.symbols[symbol]
        if not len(block):
            return float(model.start_price) if at < 60 else self.price(at - 30, symbol)
        return float(block.bid[-1] + block.ask[-1]) / 2 * float(model.tick_size)

    def opening(self, at: float, symbol: int = 0) -> float:
        """The mid price that the first order at or after that time leaves."""
        block = self.orders(at, at + 30, symbol)
        return float(block.bid[0] + block.ask[0]) / 2 * float(self.scenario.symbols[symbol].tick_size)

    def jump(self, start: float, end: float) -> float:
        """The change from the last order before `start` to the first from `end` on, percent."""
        return (self.opening(end) / self.price(start) - 1) * 100

    def change(self, start: float, end: float, symbol: int = 0) -> float:
        """The change of the price, percent."""
        return (self.price(end, symbol) / self.price(start, symbol) - 1) * 100

    def fills_a_second(self, start: float, end: float, symbol: int = 0) -> float:
        """Fills a second in that time."""
        return len(self.ticks(start, end, symbol)) / (end - start)

    def orders_a_second(self, start: float, end: float, symbol: int = 0) -> float:
        """Orders a second in that time."""
        return len(self.orders(start, end, symbol)) / (end - start)

    def spread(self, start: float, end: float, share: float = 0.5, symbol: int = 0) -> float:
        """The spread that orders leave, in the quote currency: its quantile in that time."""
        block = self.orders(start, end, symbol)
        return float(np.quantile(block.ask - block.bid, share) * float(self.scenario.symbols[symbol].tick_size))

    def tight(self, start: float, end: float, symbol: int = 0) -> float:
        """The share of orders that leave a spread of one tick, percent."""
        block = self.orders(start, end, symbol)
        return float(np.mean(block.ask - block.bid == 1) * 100)

    def book(self, start: float, end: float) -> float:
        """What usually stands at the bid, in lots."""
        return float(np.median(self.orders(start, end).bid_size))

    def buys(self, start: float, end: float) -> float:
        """The share of buys among orders, percent."""
        return float(np.mean(self.orders(start, end).side == BUY) * 100)

    def changes(self, start: int, end: int, step: int, symbol: int = 0) -> Floats:
        """The change of the price in each `step` seconds, in the quote currency."""
        block = self.ticks(start, end, symbol)
        edges = self.source.start + np.arange(start, end + 1, step) * SECOND
        rows = np.maximum(np.searchsorted(block.time, edges) - 1, 0)
        return np.diff(block.price[rows].astype(np.float64)) * float(self.scenario.symbols[symbol].tick_size)

    def status(self, at: float) -> str:
        """The status in force."""
        return self.source.statuses(self.source.start + int(at * SECOND))[0].status
