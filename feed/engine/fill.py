"""The second layer: the fills of a block of minutes, between prices that the skeleton has set.

Orders come by time change: unit exponentials laid over the integral of an intensity that clusters on scales from
half a second to half a minute. Signs have long memory by mixing tendencies of many lengths (Lillo, Mike and Farmer,
2005). A third of the orders move the touch, most of them with their sign; the walk is bent to meet the close of each
minute. An order that moves the touch sweeps the prices between the old touch and the new one, in several fills of one
time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from feed.engine.skeleton import Skeleton
from feed.engine.timeline import Timeline
from feed.randomness import Stream, exp2, exponential, normal, uniform
from feed.scenario.model import SymbolModel
from feed.units import MILLISECOND, MINUTE

__all__ = ["Fills", "TickFill"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

CELL = 500 * MILLISECOND
CELLS_A_MINUTE = MINUTE // CELL
BURSTS = {1: 0.75, 4: 0.60, 16: 0.50, 64: 0.35}
"""Standard deviation of log2 intensity on grids of so many cells."""
TENDENCIES = {4: 0.30, 16: 0.35, 64: 0.40, 256: 0.30, 1024: 0.20}
"""Weights of the tendencies to buy, on grids of so many cells."""
REPEAT = 0.30
MOVING = 0.36
WITH_SIGN = 0.85
MAX_FILLS = 50
_POWERS = 10 ** np.arange(13, dtype=np.int64)
ID_SPACE = 10_000_000
"""Trade ids of one minute: a minute's trades are numbered from the minute's number times this."""


@dataclass(frozen=True, slots=True)
class Fills:
    """The columns of a block, all int64 of one length; see `feed.ticks.TickBlock` for units."""

    time: Ints
    price: Ints
    size: Ints
    side: Ints
    bid: Ints
    bid_size: Ints
    ask: Ints
    ask_size: Ints
    trade_id: Ints


@dataclass(frozen=True, slots=True)
class _Orders:
    """The orders of a block: when, which way, and the bid before and after."""

    time: Ints
    sign: Ints
    bid: Ints
    next_bid: Ints
    spread: Ints


class TickFill:
    """Makes the fills of one symbol.

    Args:
        seed: the market's seed.
        symbol: the instrument.
        skeleton: its minutes.
        timeline: what the scenario scripts.
        minutes: length of a block; part of the stream's definition, since words are drawn for a block.
    """

    def __init__(self, seed: int, symbol: SymbolModel, skeleton: Skeleton, timeline: Timeline, minutes: int) -> None:
        self._seed = seed
        self._symbol = symbol
        self._skeleton = skeleton
        self._timeline = timeline
        self._minutes = minutes
        self._median_lots = max(1.0, symbol.order_size / float(symbol.lot_size))

    def block(self, number: int) -> Fills:
        """The fills of the minutes `number * minutes` up to the next block's, counted from the Unix epoch."""
        time = self._arrivals(number)
        orders = self._orders(number, time)
        return self._fills(number, orders)

    def _stream(self, name: str, block: int = 0) -> Stream:
        return Stream(self._seed, f"{self._symbol.symbol} {name}", block)

    # When.

    def _arrivals(self, number: int) -> Ints:
        """Times of the orders, ns UTC."""
        first = number * self._minutes
        count = self._minutes * CELLS_A_MINUTE
        starts = (first * CELLS_A_MINUTE + np.arange(count, dtype=np.int64)) * CELL
        expected = self._intensity(first, starts)
        reached = np.cumsum(expected)
        total = float(reached[-1])
        if total <= 0.0:
            return np.empty(0, np.int64)
        enough = int(total + 8.0 * np.sqrt(total) + 16.0)
        arrivals = np.cumsum(exponential(self._stream("arrival", number).next(enough)))
        arrivals = arrivals[: int(np.searchsorted(arrivals, total, side="left"))]
        cell = np.minimum(np.searchsorted(reached, arrivals, side="right"), count - 1)
        into = (arrivals - (reached[cell] - expected[cell])) / np.maximum(expected[cell], 1e-300)
        offset = np.floor(np.clip(into, 0.0, 0.999999999) * CELL).astype(np.int64)
        # Whole microseconds, as exchanges stamp them.
        return np.maximum.accumulate((starts[cell] + offset) // 1000 * 1000)

    def _intensity(self, first: int, starts: Ints) -> Floats:
        """Expected orders in each cell."""
        minutes = np.arange(first, first + self._minutes, dtype=np.int64)
        rate = np.repeat(self._skeleton.activity(minutes), CELLS_A_MINUTE)
        cells = starts // CELL
        log = _grids(self._stream, "burst", BURSTS, cells)
        mean = sum(weight * weight for weight in BURSTS.values()) * 0.6931471805599453 / 2
        scripted = self._timeline.factor("activity", starts) * self._timeline.traded(starts)
        rate = np.minimum(rate * exp2(log - mean) * scripted, 20_000.0)
        return rate * (CELL / 1e9)

    # Which way, and where the touch goes.

    def _orders(self, number: int, time: Ints) -> _Orders:
        count = len(time)
        sign, surprise = self._signs(number, time)
        words = self._stream("move", number).next(3 * count)
        moves = uniform(words[:count]) < MOVING
        minute = time // MINUTE - number * self._minutes
        moves[np.flatnonzero(np.diff(minute, prepend=-1))] = True
        way = np.where(uniform(words[count : 2 * count]) < WITH_SIGN, sign, -sign)
        length = exp2(normal(words[2 * count :]) * 1.3)
        step = np.where(moves, way * length * (0.35 + surprise), 0.0)
        after = self._bent(number, minute, step)
        opens = self._skeleton.prices(number * self._minutes, self._minutes)[:-1]
        before = np.empty(count, np.int64)
        before[1:] = after[:-1]
        begins = np.flatnonzero(np.diff(minute, prepend=-1))
        before[begins] = opens[minute[begins]]
        spread = self._spreads(number, time)
        return _Orders(time, sign, np.maximum(before, 1), np.maximum(after, 1), spread)

    def _signs(self, number: int, time: Ints) -> tuple[Ints, Floats]:
        """Each order's side, and how much of a surprise it is: 0 where everybody expected it, 1 where nobody did."""
        count = len(time)
        if not count:
            return np.empty(0, np.int64), np.empty(0)
        tendency = _grids(self._stream, "tendency", TENDENCIES, time // CELL)
        buying = 0.5 + np.clip(tendency * 0.62, -0.48, 0.48)
        words = self._stream("sign", number).next(2 * count)
        buys = uniform(words[:count]) < buying
        repeats = uniform(words[count:]) < REPEAT
        repeats[0] = False
        leader = np.maximum.accumulate(np.where(repeats, 0, np.arange(count)))
        sign = np.where(buys[leader], 1, -1).astype(np.int64)
        surprise = np.where(sign > 0, 1.0 - buying, buying)
        return sign, np.where(repeats, surprise * 0.5, surprise)

    def _bent(self, number: int, minute: Ints, step: Floats) -> Ints:
        """The bid after each order: the walk of the steps, scaled to the minute's volatility and bent to its close."""
        minutes = np.arange(number * self._minutes, (number + 1) * self._minutes, dtype=np.int64)
        prices = self._skeleton.prices(int(minutes[0]), self._minutes)
        scale = self._skeleton.sigma(minutes) * prices[:-1].astype(np.float64)
        squares = _sums(step * step, minute, self._minutes)
        step = step * (scale / np.sqrt(np.maximum(squares, 1e-12)))[minute]
        walk = _within(step, minute)
        effort = _within(np.abs(step), minute)
        ends = np.searchsorted(minute, np.arange(self._minutes), side="right") - 1
        missing = np.diff(prices).astype(np.float64) - np.where(ends >= 0, walk[ends], 0.0)
        share = effort / np.maximum(np.where(ends >= 0, effort[ends], 1.0), 1e-300)[minute]
        path = prices[:-1][minute] + np.floor(walk + missing[minute] * share + 0.5).astype(np.int64)
        return np.maximum(path, 1)

    def _spreads(self, number: int, time: Ints) -> Ints:
        """The spread in ticks before each order: mostly the least that the script allows."""
        factor = self._timeline.factor("spread", time) if len(time) else np.ones(0)
        wide = normal(self._stream("spread", number).next(len(time)))
        extra = exp2(np.maximum(wide - 2.3, 0.0) * 4.0)
        return np.maximum(np.floor(factor * extra + 0.5).astype(np.int64), 1)

    # How much.

    def _fills(self, number: int, orders: _Orders) -> Fills:
        count = len(orders.time)
        words = self._stream("order", number).next(3 * count)
        heft = normal(words[:count])
        move = np.where(orders.sign > 0, orders.next_bid - orders.bid, orders.bid - orders.next_bid)
        swept = np.maximum(move, 0)
        many = exp2(heft * 0.9 + normal(words[count : 2 * count]) * 0.9 + (swept > 0) * 1.1)
        fills = np.clip(np.floor(many).astype(np.int64), 1, MAX_FILLS)
        order = np.repeat(np.arange(count), fills)
        ends = np.cumsum(fills)
        rank = np.arange(len(order)) - (ends - fills)[order]
        depth = swept[order] * rank // np.maximum(fills - 1, 1)[order]
        buy = orders.sign[order] > 0
        bid, ask = orders.bid[order], (orders.bid + orders.spread)[order]
        price = np.where(buy, ask + depth, np.maximum(bid - depth, 1))
        size = self._sizes(number, heft[order])
        lean = np.sign(orders.next_bid - orders.bid)[order]
        bid_size, ask_size = self._touch(number, order, lean, orders.time)
        time = orders.time[order]
        return Fills(
            time=time,
            price=price,
            size=size,
            side=orders.sign[order],
            bid=np.where(buy, bid, price),
            bid_size=bid_size,
            ask=np.where(buy, price, ask),
            ask_size=ask_size,
            trade_id=_trade_ids(time),
        )

    def _sizes(self, number: int, heft: Floats) -> Ints:
        """Sizes in lots: log-normal with a heavy tail, and some people who like round numbers."""
        words = self._stream("size", number).next(3 * len(heft))
        own = normal(words[: len(heft)])
        tail = exponential(words[len(heft) : 2 * len(heft)])
        lots = self._median_lots * exp2(heft * 1.4 + own * 1.7 - 1.2 + np.maximum(tail - 2.5, 0.0) * 1.1)
        exact = np.maximum(np.floor(np.minimum(lots, 1e12) + 0.5).astype(np.int64), 1)
        chosen = uniform(words[2 * len(heft) :]) < 0.22
        unit = _POWERS[np.searchsorted(_POWERS, exact, side="right") - 1]
        return np.where(chosen, np.maximum(exact // unit, 1) * unit, exact)

    def _touch(self, number: int, order: Ints, lean: Ints, time: Ints) -> tuple[Ints, Ints]:
        """Sizes at the touch, in lots, leaning towards where the price goes next."""
        count = len(time)
        words = self._stream("touch", number).next(2 * count)
        liquidity = self._timeline.factor("liquidity", time) if count else np.ones(0)
        base = self._median_lots * 20.0 * liquidity[order]
        tilt = lean.astype(np.float64) * 0.7
        bid = base * exp2(normal(words[:count])[order] * 1.4 + tilt)
        ask = base * exp2(normal(words[count:])[order] * 1.4 - tilt)
        return np.maximum(np.floor(bid).astype(np.int64), 1), np.maximum(np.floor(ask).astype(np.int64), 1)


def _grids(stream: Callable[[str], Stream], name: str, weights: dict[int, float], cells: Ints) -> Floats:
    """The sum over grids of a normal that is constant on each of their cells; `cells` never fall."""
    total = np.zeros(len(cells))
    for size, weight in weights.items():
        grid = cells // size
        first, last = int(grid[0]), int(grid[-1])
        values = normal(stream(f"{name} {size}").words(first, last - first + 1))
        total += weight * values[grid - first]
    return total


def _within(values: Floats, group: Ints) -> Floats:
    """Running sums that begin anew with each group; groups stand together."""
    if not len(values):
        return values
    sums = np.cumsum(values)
    begins = np.flatnonzero(np.diff(group, prepend=-1))
    before = np.where(begins > 0, sums[begins - 1], 0.0)
    result: Floats = sums - np.repeat(before, np.diff(begins, append=len(values)))
    return result


def _sums(values: Floats, group: Ints, groups: int) -> Floats:
    """The sum of each group."""
    result: Floats = np.bincount(group, weights=values, minlength=groups).astype(np.float64)
    return result


def _trade_ids(time: Ints) -> Ints:
    minute = time // MINUTE
    if not len(minute):
        return minute
    begins = np.flatnonzero(np.diff(minute, prepend=-1))
    rank = np.arange(len(minute)) - np.repeat(begins, np.diff(begins, append=len(minute)))
    return minute * ID_SPACE + rank + 1
