"""Second layer, first half: the orders of a block of minutes, and the touch (best bid and ask) that they move.

Orders arrive by time change: unit exponentials laid over the integral of an intensity that clusters on scales from
half a second to half a minute. Some orders move the touch to where the price path is at their time, and have the sign
of the move; the signs of the others have long memory by mixing tendencies of many lengths (Lillo, Mike and Farmer,
2005). All random words belong to a minute and a rank in it, so what is before a time depends on nothing after it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from feed.engine.cells import CELL, CELLS_A_MINUTE, Cells
from feed.engine.minutes import UNIT, Minutes, waves
from feed.engine.path import LEAST_TICKS, PricePath, rounded
from feed.engine.timeline import Timeline
from feed.randomness import Members, RandomStream, exponentials, normals, powers, stream_key, uniforms
from feed.units import MINUTE, SECOND

__all__ = ["Arrivals", "Flow", "Touch"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

MOST_ORDERS_A_SECOND = 20_000.0
STAMP = 1_000
"""Times are whole microseconds, as exchanges stamp them."""
CLOCK_BITS = 32
"""Binary places of expected numbers of orders, which are summed as integers."""
CLOSING_RANK = 2**40
"""Rank of the order that closes a promised move, behind those of all other orders of its minute."""

BURST_RANKS, BURST_CHANCE, QUICK = 4, 0.34, 0.12
"""Number of successive orders that may come in a burst, its chance, and the factor of the times between its orders."""
ALIKE = 0.5
OWN_HEFT = 0.866
"""Weights of what the orders of a burst have in common in their size, and of each order's own part."""
SLOW = (1.0 - BURST_CHANCE * QUICK) / (1.0 - BURST_CHANCE)

# Weights of the tendencies to buy, by the length in `CELL`s of the window that the normals are averaged over.
TENDENCIES = {2: 0.30, 8: 0.30, 32: 0.22, 128: 0.10, 512: 0.06}
BIAS = 0.62
MOST_BIAS = 0.47
INFORMED = 0.30
"""Lean of the share of buys towards the direction of the price."""
SCRIPTED_LEAN = 0.65
"""Lean towards a scripted move as fast as the price usually is."""
REPEAT = 0.55

MOVING, STILL_MOVING = 0.55, 0.15
"""Share of the orders that move the touch, where quotes follow the price and where they stand still."""
SILENCE = 3 * SECOND // 2
"""Time without an order, ns, after which an order surely moves the touch."""
WITH_SIGN = 0.96
OWN_WAY = 0.3
"""Standard deviation of an order's own distance from the path, in steps of its cell."""
USUAL_MOVE = 0.85
"""Mean move of the touch within a second, in standard deviations of the price's return in that second."""
QUOTED = 0.3
"""Share of the moves of the touch that are moves of quotes."""
ROUND, ROUNDER = 100, 1000
FAR_SHARE = 50_000
"""Share of the price, as a divisor, that a round price further than `ROUND` attracts from."""
REST_AT_ROUND, REST_AT_ROUNDER = 0.06, 0.60
"""Share of the far-moving orders that stop at the round price on their way."""


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Arrival times and other properties of orders that do not depend on the price.

    `first` are the rows of the first order in each minute that has any, and `closing` those that close promised moves.
    `moves` is True for the orders that move the touch. `heft` is the order's size in standard deviations of its log,
    `members` are the orders by minute and rank.
    """

    time: Ints
    first: Ints
    closing: Ints
    moves: Bools
    heft: Floats
    wide: Floats
    members: Members

    def __len__(self) -> int:
        return len(self.time)


@dataclass(frozen=True, slots=True)
class Touch:
    """Bid, in ticks, before and after each order, and the order's side."""

    before: Ints
    after: Ints
    sign: Ints


class Flow:
    """Maker of one symbol's orders.

    Args:
        seed: the market's seed.
        symbol: the instrument's name.
        minutes: the symbol's first layer.
        cells: the symbol's cells.
        path: the symbol's prices.
        timeline: the symbol's script.
        length: minutes of a block.
        plain: let orders arrive more evenly.
    """

    def __init__(
        self,
        seed: int,
        symbol: str,
        minutes: Minutes,
        cells: Cells,
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
        self._cells = cells
        self._path = path
        self._timeline = timeline
        self._length = length
        self._keys = {
            name: stream_key(seed, f"{symbol} {name}")
            for name in ("arrival", "burst", "order", "move", "sign", "own", "rest")
        }

    def stream(self, name: str) -> RandomStream:
        """Return a random stream of this symbol."""
        return RandomStream(self._seed, f"{self._symbol} {name}")

    def key(self, name: str) -> np.uint64:
        """Return the key of a stream of this symbol, for the words of members."""
        return stream_key(self._seed, f"{self._symbol} {name}")

    def swell(self, orders: Arrivals) -> Floats:
        """Return log2 of the usual size of each order at its time."""
        if not len(orders):
            return np.empty(0)
        first = int(orders.time[0]) // MINUTE
        minutes = np.arange(first, int(orders.time[-1]) // MINUTE + 1, dtype=np.int64)
        return self._cells.swells(minutes).ravel().take(orders.time // CELL - first * CELLS_A_MINUTE)

    def pace(self, times: Ints) -> Floats:
        """Return the usual number of orders per second at times that never decrease."""
        minutes = times // MINUTE
        first = int(minutes[0])
        usual = self._minutes.activity(first, int(minutes[-1]) + 1 - first).take(minutes - first)
        result: Floats = usual * self._timeline.factor("activity", times)
        return result

    def outlook(self, times: Ints) -> Floats:
        """Return the price's change in the coming second, without any script, squeezed into -1 to 1."""
        if not len(times):
            return np.empty(0)
        way = self._path.outlook(times, 2).astype(np.float64)
        minutes = times // MINUTE
        first = int(minutes[0])
        sigma = self._minutes.sigma(first, int(minutes[-1]) + 1 - first) * (UNIT * USUAL_MOVE / float(np.sqrt(60.0)))
        result: Floats = way / (np.abs(way) + sigma.take(minutes - first) + 1.0)
        return result

    def arrivals(self, number: int) -> Arrivals:
        """Return the orders of block `number`, counted from the Unix epoch; they need no price."""
        first = number * self._length
        time, minute, rank = self._times(first)
        time, minute, rank, closing = self._closed(time, minute, rank, first)
        members = Members(np.arange(first, first + self._length, dtype=np.int64), minute, rank)
        opens = np.flatnonzero(np.diff(minute, prepend=-1))
        heft, wide = _pairs(normals(members.words(self._keys["order"])))
        # Orders of a burst are often the parts of one.
        alike = Members(np.arange(first, first + self._length, dtype=np.int64), minute, rank // BURST_RANKS)
        heft = OWN_HEFT * heft + ALIKE * normals(alike.words(self._keys["burst"]))[1::2]
        # The longer the silence, the further the quotes have moved on.
        silence = np.diff(time, prepend=time[:1]) / SILENCE
        minutes = np.arange(first, first + self._length, dtype=np.int64)
        alert = self._cells.alert(minutes).ravel().take(time // CELL - first * CELLS_A_MINUTE)
        chance = np.where(alert, MOVING, STILL_MOVING) + silence
        moves = uniforms(members.words(self._keys["move"]))[::2] < chance
        moves[opens] = True
        moves[closing] = True
        return Arrivals(time, opens, closing, moves, heft, wide, members)

    def _times(self, first: int) -> tuple[Ints, Ints, Ints]:
        """Return the times of the orders, ns UTC, with each order's minute in the block and its rank in the minute."""
        starts = (first * CELLS_A_MINUTE + np.arange(self._length * CELLS_A_MINUTE, dtype=np.int64)) * CELL
        expected = self._intensity(first, starts)
        reached = np.cumsum(expected)
        ends = reached[CELLS_A_MINUTE - 1 :: CELLS_A_MINUTE]
        begins = np.concatenate([np.zeros(1, np.int64), ends[:-1]])
        total = (ends - begins).astype(np.float64) / 2.0**CLOCK_BITS
        enough = np.where(total > 0.0, np.floor(total + 8.0 * np.sqrt(total) + 16.0), 0.0).astype(np.int64)
        minute, rank = _ranked(enough)
        dice = Members(np.arange(first, first + self._length, dtype=np.int64), minute, rank // 2)
        lengths = exponentials(dice.words(self._keys["arrival"])).reshape(-1, 2)
        steps = np.where(rank % 2, lengths[:, 1], lengths[:, 0])
        steps *= self._paces(first, minute, rank)
        clock = _restarted(np.floor(steps * 2.0**CLOCK_BITS).astype(np.int64) + 1, enough)
        clock += begins.take(minute)
        kept = clock < ends.take(minute)
        clock, minute, rank = clock[kept], minute[kept], rank[kept]
        cell = np.searchsorted(reached, clock, side="right")
        into = (clock - (reached - expected).take(cell)) / np.maximum(expected, 1).take(cell)
        time = starts.take(cell) + np.floor(np.minimum(into, 0.999999999) * CELL).astype(np.int64)
        apart, kept = _apart(time, rank, (first + minute + 1) * MINUTE)
        return self._without_stops(apart[kept], minute[kept], rank[kept])

    def _paces(self, first: int, minute: Ints, rank: Ints) -> Floats:
        """Return factors on the times between orders: short in bursts, longer otherwise, 1 in the mean."""
        if self._plain:
            return np.ones(len(rank))
        groups = Members(np.arange(first, first + self._length, dtype=np.int64), minute, rank // BURST_RANKS)
        bursts = uniforms(groups.words(self._keys["burst"]))[::2] < BURST_CHANCE
        # A minute rarely begins within a burst, which takes little time.
        return np.where(bursts & (rank > 0), QUICK, SLOW)

    def _without_stops(self, time: Ints, minute: Ints, rank: Ints) -> tuple[Ints, Ints, Ints]:
        """Leave out the orders at times of a stop."""
        if not len(time) or not self._timeline.stopped(int(time[0]), int(time[-1]) + 1):
            return time, minute, rank
        kept = self._timeline.traded(time) > 0
        return time[kept], minute[kept], rank[kept]

    def _closed(self, time: Ints, minute: Ints, rank: Ints, first: int) -> tuple[Ints, Ints, Ints, Ints]:
        """Add an order just before the end of each promised move, so that it ends exactly; return its row, too."""
        start = first * MINUTE
        promised = self._timeline.promised(start, start + self._length * MINUTE)
        if not len(promised):
            return time, minute, rank, promised
        closes = np.unique((promised - 1) // STAMP * STAMP)
        closes = closes[self._timeline.traded(closes) > 0]
        closes = closes[~np.isin(closes, time)]
        place = np.searchsorted(time, closes)
        time = np.insert(time, place, closes)
        minute = np.insert(minute, place, closes // MINUTE - first)
        rank = np.insert(rank, place, CLOSING_RANK + closes % MINUTE)
        return time, minute, rank, place + np.arange(len(place))

    def _intensity(self, first: int, starts: Ints) -> Ints:
        """Return the expected number of orders in each cell, in fixed point."""
        minutes = np.arange(first, first + self._length, dtype=np.int64)
        rate = self._minutes.activity(first, self._length)[:, None] * powers(self._cells.bursts(minutes))
        rate = rate.ravel() * self._timeline.factor("activity", starts)
        scale = 2.0**CLOCK_BITS * CELL / 1e9
        return np.floor(np.minimum(rate, MOST_ORDERS_A_SECOND) * scale).astype(np.int64)

    def touch(self, number: int, orders: Arrivals) -> Touch:
        """Return the bid before and after each order, and the orders' sides."""
        if not len(orders):
            return Touch(orders.time, orders.time, orders.time)
        moves = orders.moves.copy()
        jumped = self._jumped(orders)
        moves[jumped] = True
        movers = np.flatnonzero(moves)
        latest = np.repeat(movers, np.diff(movers, append=len(moves)))
        log = self._log(orders, movers)
        number_of = np.cumsum(moves) - 1
        if self._timeline.moves:
            ticks = self._path.priced(log.take(number_of) + self._timeline.moved(self._seen(orders)))
        else:
            ticks = self._path.priced(log).take(number_of)
        after = self._rested(orders, rounded(ticks), latest)
        before = np.empty(len(after), np.int64)
        before[1:] = after[:-1]
        begins = orders.time[orders.first] // MINUTE * MINUTE
        before[orders.first] = rounded(self._path.ticks(begins))
        sign = self._signs(orders, after - before, moves)
        # Some moves are moves of quotes: the order finds the new touch and takes nothing on its way.
        quoted = moves & (uniforms(orders.members.words(self._keys["rest"]))[1::2] < QUOTED)
        before[quoted] = after[quoted]
        # After a jump or a stop the quotes are elsewhere, without a trade in between.
        before[jumped] = after[jumped]
        return Touch(before, after, sign)

    def _jumped(self, orders: Arrivals) -> Ints:
        """Return the rows of the first orders after jumps and stops."""
        breaks = self._timeline.breaks(int(orders.time[0]) // MINUTE * MINUTE, int(orders.time[-1]))
        return np.unique(np.searchsorted(orders.time, breaks, side="left"))

    def _log(self, orders: Arrivals, movers: Ints) -> Ints:
        """Return where each order that moves the touch puts it: near the path, within a step of its cell."""
        time = orders.time[movers]
        log = self._path.unscripted(time)
        cell = time // CELL
        first = int(time[0]) // MINUTE
        minutes = np.arange(first, int(time[-1]) // MINUTE + 1, dtype=np.int64)
        steps = self._cells.steps(minutes).ravel().take(cell - first * CELLS_A_MINUTE)
        own = normals(orders.members.words(self._keys["own"]))[::2][movers]
        share = (time - cell * CELL) / CELL
        own *= np.sqrt(share * (1.0 - share)) * OWN_WAY
        own *= np.abs(steps) * self._timeline.factor("volatility", time)
        own[np.isin(movers, orders.closing)] = 0.0
        result: Ints = log + np.floor(own).astype(np.int64)
        return result

    def _seen(self, orders: Arrivals) -> Ints:
        """Return the time up to which each order sees the script's moves: the closing ones see the move's end."""
        if not len(orders.closing):
            return orders.time
        time = orders.time.copy()
        time[orders.closing] += STAMP
        return time

    def _signs(self, orders: Arrivals, change: Ints, moves: Bools) -> Ints:
        """Return each order's side: that of its move, or else drawn from the tendency of its time."""
        words = orders.members.words(self._keys["sign"])
        buy, repeat = _pairs(uniforms(words))
        against = uniforms(orders.members.words(self._keys["move"]))[1::2] >= WITH_SIGN
        cells = orders.time // CELL
        low = int(cells[0])
        every = np.arange(low, int(cells[-1]) + 1, dtype=np.int64)
        lean = waves(self.stream, "tendency", TENDENCIES, low, len(every)) * BIAS + self._lean(every)
        buying = 0.5 + np.clip(lean, -MOST_BIAS, MOST_BIAS).take(cells - low)
        sign = np.where(buy < buying, 1, -1).astype(np.int64)
        way = np.sign(change)
        led = moves & (way != 0)
        sign[led] = np.where(against, -way, way)[led]
        repeats = (repeat < REPEAT) & ~led
        repeats[orders.first] = False
        leader = np.maximum.accumulate(np.where(repeats, 0, np.arange(len(sign))))
        return sign.take(leader)

    def _lean(self, cells: Ints) -> Floats:
        """Return the lean of the share of buys in each cell: with the cell's step, and with the script's last moves."""
        first = int(cells[0]) // CELLS_A_MINUTE
        count = int(cells[-1]) // CELLS_A_MINUTE + 1 - first
        minutes = np.arange(first, first + count, dtype=np.int64)
        steps = self._cells.steps(minutes).ravel().take(cells - first * CELLS_A_MINUTE).astype(np.float64)
        usual = self._minutes.deviations(first, count) / float(np.sqrt(float(CELLS_A_MINUTE))) + 1.0
        usual = usual.take(cells // CELLS_A_MINUTE - first)
        lean: Floats = INFORMED * steps / (np.abs(steps) + usual)
        if self._timeline.moves:
            # Nobody knows of a move before it begins, so its beginning is seen a cell later.
            edges = np.append(cells - 1, cells[-1]) * CELL
            scripted = np.diff(self._timeline.moved(edges)).astype(np.float64)
            lean += SCRIPTED_LEAN * scripted / (np.abs(scripted) + usual)
        return lean

    def _rested(self, orders: Arrivals, after: Ints, latest: Ints) -> Ints:
        """Let some moves that pass a round price rest at it until the next move, but none that closes a promise."""
        move = np.diff(after, prepend=after[0])
        toll = move > 0
        nearest = (after + toll + ROUND // 2) // ROUND * ROUND - toll
        dice = uniforms(orders.members.words(self._keys["rest"]))[::2]
        rests = (np.abs(move) >= ROUND // 2) & (dice < REST_AT_ROUND)
        rests[orders.first] = False
        shift = np.where(rests, nearest - after, 0)
        rounder = (after + toll + ROUNDER // 2) // ROUNDER * ROUNDER - toll - after
        reach = np.minimum(np.minimum(np.abs(move), ROUND), after // FAR_SHARE)
        near = (np.abs(rounder) <= reach) & (rounder != 0) & (dice > 1.0 - REST_AT_ROUNDER)
        near[orders.first] = False
        shift = np.where(near, rounder, shift)
        shift[orders.closing] = 0
        return np.maximum(after + shift.take(latest), LEAST_TICKS)


def _pairs(values: Floats) -> tuple[Floats, Floats]:
    """Return the first and the second of two values for each word."""
    return values[::2].copy(), values[1::2].copy()


def _ranked(counts: Ints) -> tuple[Ints, Ints]:
    """Return for each member of groups of these sizes its group's row, and its rank in the group."""
    of = np.repeat(np.arange(len(counts)), counts)
    rank = np.arange(len(of)) - np.repeat(np.cumsum(counts) - counts, counts)
    return of, rank


def _restarted(values: Ints, counts: Ints) -> Ints:
    """Return running sums that restart at each group of these sizes."""
    sums = np.cumsum(values)
    begins = np.cumsum(counts) - counts
    sums -= np.repeat(np.concatenate([np.zeros(1, np.int64), sums])[begins], counts)
    return sums


def _apart(time: Ints, rank: Ints, end: Ints) -> tuple[Ints, Bools]:
    """Return the times, each made later than the previous one in its minute, and whether each is still before `end`."""
    steps = rank * STAMP
    # No time reaches into the next minute, so the running maximum restarts with each minute.
    apart = np.maximum.accumulate(time // STAMP * STAMP - steps) + steps
    return apart, apart < end
