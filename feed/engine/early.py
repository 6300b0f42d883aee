"""Trades before a scenario begins: they are not played, but charts and the statistics of 24 hours show them.

Here the bars are made first. A minute has a few steps; all trades of a step have one price. So bars need only the
steps, and the trades, made on request, add up to the bars to the last lot. At every edge of a minute prices meet the
same path as those of the scenario itself, and values have the same distributions (the constants are measured).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from feed.data.ticks import BUY, SELL, Traded
from feed.engine.fill import MOST_LOTS, TOUCH_DEPTH, Fills, trade_ids
from feed.engine.minutes import LN2, Minutes
from feed.engine.path import LEAST_TICKS, PricePath, rounded
from feed.engine.quotes import TOUCH_SPREAD
from feed.randomness import RandomStream, exp2, log2, normals, powers, uniforms
from feed.units import MINUTE, SECOND

__all__ = ["Early"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

STEPS = 12
STEP = MINUTE // STEPS
STAMP = 1_000

BURST, STEP_BURST = 0.28, 0.55
"""Standard deviations of log2 of a minute's and of a step's share of the orders."""
FILLS_AN_ORDER = 2.69
FILLS_SPREAD = 0.9
MEAN_SIZE = 4.8
"""Mean size of a fill, in median sizes of orders."""
SIZE_VARIANCE = 29.0
"""Variance of the sizes of fills, in squares of their mean."""
SIZE_OWN = 2.2
STEP_SPREAD = 0.5
RANGE = 1.5
"""Factor by which the walk is wider than that of all orders: its course between its few points is not seen."""
WITH_STEP = 0.3
"""Lean of the share of buys towards the direction of the price."""


@dataclass(frozen=True, slots=True)
class _Steps:
    """Steps that have trades: begin, bid, side, and the number of orders, fills and lots of each."""

    time: Ints
    bid: Ints
    side: Ints
    orders: Ints
    fills: Ints
    lots: Ints


class Early:
    """Early minutes of one symbol.

    Args:
        seed: the market's seed.
        symbol: the instrument's name.
        minutes: the symbol's first layer.
        path: the symbol's prices.
        median_lots: the median size of an order, in lots.
    """

    def __init__(self, seed: int, symbol: str, minutes: Minutes, path: PricePath, median_lots: float) -> None:
        self._seed = seed
        self._symbol = symbol
        self._minutes = minutes
        self._path = path
        self._median_lots = median_lots

    def traded(self, start: int, end: int) -> Traded:
        """Return the amounts traded from whole minute to whole minute (ns UTC)."""
        steps = self._steps(start // MINUTE, (end - start) // MINUTE)
        return Traded(steps.time, _price(steps), steps.lots, steps.fills)

    def lots(self, start: int, end: int) -> int:
        """The number of lots traded from whole minute to whole minute (ns UTC)."""
        return int(self.traded(start, end).size.sum()) if start < end else 0

    def fills(self, start: int, end: int) -> Fills:
        """Return the trades of these whole minutes; they add up to `traded`."""
        steps = self._steps(start // MINUTE, (end - start) // MINUTE)
        step, counts = self._orders(steps, start)
        time = self._times(steps, step, start).repeat(counts)
        order = np.repeat(np.arange(len(counts)), counts)
        of = step.take(order)
        size = self._sizes(steps, start)
        side, bid = steps.side.take(of), steps.bid.take(of)
        # Size that an order leaves at the touch it takes from, plus the order's still unfilled part after each fill.
        depth = powers(self._normals("touch", start, 2 * len(counts)) * TOUCH_SPREAD)
        depth = np.minimum(depth * (self._median_lots * TOUCH_DEPTH), MOST_LOTS)
        stands = np.maximum(np.floor(depth).astype(np.int64), 1).reshape(2, -1)
        reached = np.cumsum(size)
        total = reached[np.cumsum(counts) - 1] if len(counts) else reached
        left = stands[0].take(order) + total.take(order) - reached
        facing = stands[1].take(order)
        return Fills(
            time=time,
            price=np.where(side > 0, bid + 1, bid),
            size=size,
            side=side,
            bid=bid,
            bid_size=np.where(side > 0, facing, left),
            ask=bid + 1,
            ask_size=np.where(side > 0, left, facing),
            trade_id=trade_ids(time),
        )

    # The steps.

    def _steps(self, first: int, count: int) -> _Steps:
        orders = self._counts(first, count)
        bid, up = self._walk(first, count)
        buys = self._uniforms("side", first, count) < 0.5 + np.where(up, WITH_STEP, -WITH_STEP)
        there = np.flatnonzero(orders)
        orders, bid = orders[there], self._met(bid, there)
        own = self._step_normals("fills", first, count)[there]
        many = orders * (FILLS_AN_ORDER * powers(own * FILLS_SPREAD / np.sqrt(orders.astype(np.float64))))
        fills = np.maximum(np.floor(many + 0.5).astype(np.int64), orders)
        time = (first * STEPS + there) * STEP
        side = np.where(buys[there], BUY, SELL)
        return _Steps(time, bid, side, orders, fills, self._lots(fills, first, count, there))

    def _counts(self, first: int, count: int) -> Ints:
        """Draw the number of orders in each step: none with the chance of none, or else about the expected number."""
        minute = normals(self._stream("burst").words(first // 2, count // 2 + 1))[first % 2 :][:count]
        log = np.repeat(minute * BURST, STEPS) + self._step_normals("orders", first, count) * STEP_BURST
        mean = (BURST * BURST + STEP_BURST * STEP_BURST) * (LN2 / 2.0)
        rate = np.repeat(self._minutes.activity(first, count) * (60.0 / STEPS), STEPS) * powers(log - mean)
        some = self._uniforms("any", first, count) > exp2(np.maximum(rate * (-1.0 / LN2), -1000.0))
        spread = self._step_normals("many", first, count) * np.sqrt(rate)
        many = np.maximum(np.floor(rate + spread + 0.5).astype(np.int64), 1)
        return np.where(some, many, 0)

    def _walk(self, first: int, count: int) -> tuple[Ints, NDArray[np.bool_]]:
        """Return each step's bid, between the prices at the edges of its minute, and True for each step that rose."""
        times = np.arange(first, first + count + 1, dtype=np.int64) * MINUTE
        edges = self._path.ticks(times)
        own = self._step_normals("step", first, count).reshape(count, STEPS)
        length = powers(self._step_normals("length", first, count) * STEP_SPREAD).reshape(count, STEPS)
        moves = (own * length)[:, 1:]
        squares = np.cumsum(moves * moves, axis=1)[:, -1]
        moves *= (RANGE * self._minutes.sigma(first, count) * edges[:-1] / np.sqrt(squares))[:, None]
        walk, effort = np.cumsum(moves, axis=1), np.cumsum(np.abs(moves), axis=1)
        missing = np.diff(edges) - walk[:, -1]
        walk += effort * (missing / np.maximum(effort[:, -1], 1e-300))[:, None]
        prices = np.concatenate([edges[:-1, None], walk + edges[:-1, None]], axis=1)
        up = np.diff(prices, axis=1, prepend=edges[:-1, None]) > 0.0
        return np.maximum(rounded(prices.ravel()), LEAST_TICKS), up.ravel()

    @staticmethod
    def _met(bid: Ints, there: Ints) -> Ints:
        """Return the bids of steps with trades: the first and the last of them in a minute meet the minute's edges."""
        minute = there // STEPS
        met = bid[there]
        firsts = np.flatnonzero(np.diff(minute, prepend=-1))
        met[firsts] = bid[minute[firsts] * STEPS]
        lasts = np.append(firsts[1:], len(there)) - 1 if len(there) else firsts
        met[lasts] = bid[minute[lasts] * STEPS + STEPS - 1]
        return met

    def _lots(self, fills: Ints, first: int, count: int, there: Ints) -> Ints:
        """Draw sums of `fills` log-normal sizes, by the log-normal with their mean and variance (Fenton, 1960)."""
        bits = log2(1.0 + SIZE_VARIANCE / fills)
        log = self._step_normals("size", first, count)[there] * np.sqrt(bits / LN2) - bits / 2.0
        lots = fills * (MEAN_SIZE * self._median_lots) * powers(log)
        return np.maximum(np.floor(np.minimum(lots, MOST_LOTS) + 0.5).astype(np.int64), fills)

    # The trades of steps.

    def _orders(self, steps: _Steps, start: int) -> tuple[Ints, Ints]:
        """Return for each order its step and its number of fills."""
        step = np.repeat(np.arange(len(steps.orders)), steps.orders)
        extra = steps.fills - steps.orders
        dice = uniforms(self._stream("order", start).words(0, -(-int(extra.sum()) // 2)))[: int(extra.sum())]
        begins = np.cumsum(steps.orders) - steps.orders
        place = np.floor(dice * np.repeat(steps.orders, extra)).astype(np.int64) + np.repeat(begins, extra)
        return step, 1 + np.bincount(place, minlength=len(step)).astype(np.int64)

    def _times(self, steps: _Steps, step: Ints, start: int) -> Ints:
        rank = np.arange(len(step)) - (np.cumsum(steps.orders) - steps.orders).take(step)
        dice = uniforms(self._stream("time", start).words(0, -(-len(step) // 2)))[: len(step)]
        into = np.floor((rank + 0.9 * dice) * (STEP / steps.orders.take(step))).astype(np.int64)
        return steps.time.take(step) + into // STAMP * STAMP

    def _sizes(self, steps: _Steps, start: int) -> Ints:
        """Divide lots among fills: one lot each, the rest by weight; rounding remainders go to a step's first fill."""
        count = int(steps.fills.sum())
        weight = np.floor(powers(self._normals("share", start, count) * SIZE_OWN) * 1000.0).astype(np.int64) + 1
        firsts = np.cumsum(steps.fills) - steps.fills
        if not count:
            return weight
        rest = steps.lots - steps.fills
        part = weight / np.repeat(np.add.reduceat(weight, firsts), steps.fills)
        size = np.floor(part * np.repeat(rest * (1.0 - 1e-9), steps.fills)).astype(np.int64)
        size[firsts] += rest - np.add.reduceat(size, firsts)
        result: Ints = size + 1
        return result

    # Random words: for steps by the step's number, for trades by the beginning of their block.

    def _step_normals(self, name: str, first: int, count: int) -> Floats:
        return normals(self._stream(name).words(first * STEPS // 2, count * STEPS // 2))

    def _uniforms(self, name: str, first: int, count: int) -> Floats:
        return uniforms(self._stream(name).words(first * STEPS // 2, count * STEPS // 2))

    def _normals(self, name: str, start: int, count: int) -> Floats:
        return normals(self._stream(name, start).words(0, -(-count // 2)))[:count]

    def _stream(self, name: str, start: int = 0) -> RandomStream:
        return RandomStream(self._seed, f"{self._symbol} early {name}", start // SECOND)


def _price(steps: _Steps) -> Ints:
    return np.where(steps.side > 0, steps.bid + 1, steps.bid)
