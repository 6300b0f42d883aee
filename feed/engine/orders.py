"""Second layer, first half: the orders of a block of minutes, and the touch (best bid and ask) that they move.

Orders arrive by time change: unit exponentials laid over the integral of an intensity that clusters on scales from
half a second to half a minute. Signs have long memory by mixing tendencies of many lengths (Lillo, Mike and Farmer,
2005). Some orders move the touch, most of them with their sign and the further the less they were expected; the walk is
bent to meet the close of each minute.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from feed.engine.minutes import LN2, Minutes, grids
from feed.engine.path import LEAST_TICKS, PricePath, rounded
from feed.engine.timeline import Timeline
from feed.randomness import RandomStream, exponentials, normals, powers, uniforms
from feed.units import MILLISECOND, MINUTE, SECOND

__all__ = ["Arrivals", "Flow", "Touch"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

CELL = 500 * MILLISECOND
CELLS_A_MINUTE = MINUTE // CELL
MOST_ORDERS_A_SECOND = 20_000.0
STAMP = 1_000
"""Times are whole microseconds, as exchanges stamp them."""

# Standard deviations of log2 intensity, by the grid's cell length in `CELL`s.
BURSTS = {1: 1.05, 4: 0.65, 16: 0.45, 64: 0.30}
PLAIN_BURSTS = 0.3
"""Factor on `BURSTS` in a plain market."""
# Weights of the tendencies to buy, by the grid's cell length in `CELL`s.
TENDENCIES = {2: 0.30, 8: 0.30, 32: 0.22, 128: 0.10, 512: 0.06}
BIAS = 0.62
MOST_BIAS = 0.47
INFORMED = 0.30
"""Lean of the share of buys towards the minute's closing price."""
REPEAT = 0.24

MOVING = 0.41
WITH_SIGN = 0.96
EXPECTED_STEP = 0.20
HEFT_STEP, OWN_STEP = 1.05, 0.75
USUAL_MOVE = 0.85
"""Mean move of the touch within a second, in standard deviations of the price's return in that second."""
ROUND = 100
REST_AT_ROUND = 0.06
"""Share of the far-moving orders that stop at the round price on their way."""


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Arrival times and other properties of orders that do not depend on the price.

    `edges` are times at which the price is known beforehand, `leg` is the number of the order's leg between them and
    `first` are the rows of the first order in each leg that has any. `heft` is the order's size in standard deviations
    of its log; `way` is the direction in which it moves the touch: 1, -1, or 0 for no move.
    """

    time: Ints
    edges: Ints
    leg: Ints
    first: Ints
    heft: Floats
    sign: Ints
    surprise: Floats
    way: Ints

    def __len__(self) -> int:
        return len(self.time)


@dataclass(frozen=True, slots=True)
class Touch:
    """Bid, in ticks, before and after each order, and its usual move within a second at that time."""

    before: Ints
    after: Ints
    usual: Floats


class Flow:
    """Maker of one symbol's orders.

    Args:
        seed: the market's seed.
        symbol: the instrument's name.
        minutes: the symbol's first layer.
        path: the symbol's prices.
        timeline: the symbol's script.
        length: minutes of a block; part of the stream's definition, since words are drawn for a block.
        plain: let orders arrive more evenly.
    """

    def __init__(
        self,
        seed: int,
        symbol: str,
        minutes: Minutes,
        path: PricePath,
        timeline: Timeline,
        length: int,
        *,
        plain: bool = False,
    ) -> None:
        self._plain = plain
        self._seed = seed
        self._symbol = symbol
        self._minutes = minutes
        self._path = path
        self._timeline = timeline
        self._length = length

    def stream(self, name: str, block: int = 0) -> RandomStream:
        """Return a random stream of this symbol, or of one of its blocks."""
        return RandomStream(self._seed, f"{self._symbol} {name}", block)

    def arrivals(self, number: int) -> Arrivals:
        """Return the orders of block `number`, counted from the Unix epoch; they need no price."""
        time = self._times(number)
        count = len(time)
        half = -(-count // 2)
        # Five words for each pair of orders, so an order's properties do not depend on the number of later orders.
        words = self.stream("order", number).words(0, 5 * half).reshape(half, 5).T.copy()
        heft = normals(words[0])[:count]
        dice = uniforms(words[1:].ravel()).reshape(4, -1)[:, :count]
        edges = self._path.edges(number * self._length, self._length)
        begins = np.searchsorted(time, edges)
        counts = np.diff(begins)
        leg = np.repeat(np.arange(len(counts)), counts)
        first = begins[:-1][counts > 0]
        lean = self._of_legs(self._minutes.lean(number * self._length, self._length), edges).take(leg)
        sign, surprise = self._signs(time, lean * INFORMED, dice[0], dice[1])
        moves = dice[2] < MOVING
        moves[first] = True
        way = np.where(moves, np.where(dice[3] < WITH_SIGN, sign, -sign), 0)
        return Arrivals(time, edges, leg, first, heft, sign, surprise, way)

    def _times(self, number: int) -> Ints:
        """Return the times of the orders, ns UTC."""
        first = number * self._length
        count = self._length * CELLS_A_MINUTE
        starts = (first * CELLS_A_MINUTE + np.arange(count, dtype=np.int64)) * CELL
        expected = self._intensity(first, starts)
        reached = np.cumsum(expected)
        total = float(reached[-1])
        if total <= 0.0:
            return np.empty(0, np.int64)
        enough = int(total + 8.0 * float(np.sqrt(total)) + 16.0)
        clock = np.cumsum(exponentials(self.stream("arrival", number).words(0, -(-enough // 2))))
        clock = clock[: int(np.searchsorted(clock, total, side="left"))]
        cell = np.minimum(np.searchsorted(reached, clock, side="right"), count - 1)
        into = (clock - (reached - expected).take(cell)) / np.maximum(expected, 1e-300).take(cell)
        offset = np.floor(np.clip(into, 0.0, 0.999999999) * CELL).astype(np.int64)
        return self._without_stops(_apart(starts.take(cell) + offset, int(starts[-1]) + CELL))

    def _without_stops(self, time: Ints) -> Ints:
        """Drop the orders at times of a stop, in cells that a stop covers only in part."""
        if not len(time) or not self._timeline.stopped(int(time[0]), int(time[-1]) + 1):
            return time
        result: Ints = time[self._timeline.traded(time) > 0]
        return result

    def _intensity(self, first: int, starts: Ints) -> Floats:
        """Return the expected number of orders in each cell."""
        rate = np.repeat(self._minutes.activity(first, self._length), CELLS_A_MINUTE)
        log = grids(self.stream, "burst", BURSTS, starts // CELL)
        mean = sum(weight * weight for weight in BURSTS.values()) * (LN2 / 2.0)
        if self._plain:
            log, mean = log * PLAIN_BURSTS, mean * PLAIN_BURSTS**2
        rate = rate * powers(log - mean) * self._timeline.factor("activity", starts)
        return np.minimum(rate, MOST_ORDERS_A_SECOND) * (CELL / 1e9)

    def _signs(self, time: Ints, lean: Floats, buy: Floats, repeat: Floats) -> tuple[Ints, Floats]:
        """Return each order's side and its surprise: from 0 for a fully expected side to 1 for an unexpected one."""
        count = len(time)
        if not count:
            return np.empty(0, np.int64), np.empty(0)
        cells = time // CELL
        low = int(cells[0])
        every = np.arange(low, int(cells[-1]) + 1, dtype=np.int64)
        tendency = grids(self.stream, "tendency", TENDENCIES, every)
        buying = 0.5 + np.clip((tendency * BIAS).take(cells - low) + lean, -MOST_BIAS, MOST_BIAS)
        repeats = repeat < REPEAT
        repeats[0] = False
        leader = np.maximum.accumulate(np.where(repeats, 0, np.arange(count)))
        sign = np.where(buy < buying, 1, -1).astype(np.int64).take(leader)
        surprise = np.where(sign > 0, 1.0 - buying, buying)
        surprise[repeats] *= 0.5
        return sign, surprise

    def touch(self, number: int, orders: Arrivals) -> Touch:
        """Return the bid before and after each order."""
        if not len(orders):
            return Touch(orders.time, orders.time, np.empty(0))
        ticks = self._path.ticks(orders.edges)
        opens = rounded(ticks * self._path.scripted(orders.edges))
        sigma = self._sigma(number, orders.edges) * ticks[:-1]
        free = self._walk(number, orders, ticks, sigma)
        closing, closes = self._closing(orders)
        times = orders.time
        if len(closing):
            times = times.copy()
            times[closing] = closes
        scripted = self._path.scripted(times)
        after = self._rested(number, orders, rounded(free * scripted), closing)
        before = np.empty(len(after), np.int64)
        before[1:] = after[:-1]
        before[orders.first] = opens[orders.leg[orders.first]]
        breaks = self._timeline.breaks(int(orders.edges[0]), int(orders.time[-1]))
        if len(breaks):
            # After a jump or a stop the quotes are elsewhere, without a trade in between.
            rows = np.searchsorted(orders.time, breaks, side="left")
            begins = np.concatenate([ticks[:1], free[:-1]])
            begins[orders.first] = ticks[orders.leg[orders.first]]
            before[rows] = rounded(begins[rows] * scripted[rows])
        # An order followed by a move against it shows the earlier quotes; the `closing` ones show the final quotes.
        against = closing[(after[closing] - before[closing]) * orders.sign[closing] < 0]
        before[against] = after[against]
        seconds = np.diff(orders.edges).astype(np.float64) / SECOND
        return Touch(before, after, (sigma / np.sqrt(seconds) * USUAL_MOVE).take(orders.leg))

    def _closing(self, orders: Arrivals) -> tuple[Ints, Ints]:
        """Return the rows of the last orders before the ends of promised moves, and the times of those ends.

        These orders see all of the script up to then and rest at no round price, so that the quotes are exact.
        """
        promised = self._timeline.promised(int(orders.edges[0]), int(orders.edges[-1]))
        lasts = np.append(orders.first[1:], len(orders)) - 1
        closes = orders.edges[orders.leg[lasts] + 1]
        rows = np.isin(closes, promised) if len(promised) else np.zeros(len(lasts), bool)
        return lasts[rows], closes[rows]

    def _walk(self, number: int, orders: Arrivals, ticks: Floats, sigma: Floats) -> Floats:
        """Return the walk of the steps, scaled to the volatility of each leg and bent to its close, in ticks."""
        words = self.stream("step", number).words(0, -(-len(orders) // 2))
        own = normals(words)[: len(orders)]
        length = powers(HEFT_STEP * orders.heft + OWN_STEP * own) * (EXPECTED_STEP + orders.surprise)
        step = orders.way * length
        lasts = np.append(orders.first[1:], len(orders)) - 1
        of = orders.leg[orders.first]
        squares = np.add.reduceat(step * step, orders.first)
        scale = sigma[of] / np.sqrt(np.maximum(squares, 1e-12))
        counts = lasts - orders.first + 1
        step *= np.repeat(scale, counts)
        walk, effort = _within(step, orders.first, counts), _within(np.abs(step), orders.first, counts)
        missing = np.diff(ticks)[of] - walk[lasts]
        walk += effort * np.repeat(missing / np.maximum(effort[lasts], 1e-300), counts)
        walk += np.repeat(ticks[:-1][of], counts)
        return walk

    def _sigma(self, number: int, edges: Ints) -> Floats:
        """Return the standard deviation of the return of each leg."""
        sigma = self._of_legs(self._minutes.sigma(number * self._length, self._length), edges)
        result: Floats = sigma * np.sqrt(np.diff(edges).astype(np.float64) / MINUTE)
        return result

    def _of_legs(self, of_minutes: Floats, edges: Ints) -> Floats:
        """Return for each leg the value of its minute, from the values of a block's minutes."""
        if len(edges) == self._length + 1:
            return of_minutes
        result: Floats = of_minutes.take((edges[:-1] - edges[0]) // MINUTE)
        return result

    def _rested(self, number: int, orders: Arrivals, after: Ints, closing: Ints) -> Ints:
        """Let some moves that pass a round price rest at it, until the next move or the rows `closing`."""
        move = np.diff(after, prepend=after[0])
        toll = orders.sign > 0
        nearest = (after + toll + ROUND // 2) // ROUND * ROUND - toll
        words = self.stream("rest", number).words(0, -(-len(orders) // 2))
        rests = (np.abs(move) >= ROUND // 2) & (uniforms(words)[: len(orders)] < REST_AT_ROUND)
        shift = np.where(rests, nearest - after, 0)
        moved = np.where(orders.way != 0, np.arange(len(orders)), 0)
        shift[closing] = 0
        moved[closing] = closing
        return np.maximum(after + shift.take(np.maximum.accumulate(moved)), LEAST_TICKS)


def _apart(time: Ints, end: int) -> Ints:
    """Return the times, each made later than the previous one; times that then reach `end` are left out."""
    steps = np.arange(len(time), dtype=np.int64) * STAMP
    apart = np.maximum.accumulate(time // STAMP * STAMP - steps) + steps
    return apart[: int(np.searchsorted(apart, end, side="left"))]


def _within(values: Floats, first: Ints, counts: Ints) -> Floats:
    """Return running sums that restart at the rows `first`, each over `counts` rows."""
    sums = np.cumsum(values)
    sums -= np.repeat(sums[first] - values[first], counts)
    return sums
