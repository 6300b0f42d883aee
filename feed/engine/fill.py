"""Second layer, second half: the fills of each order, their prices, sizes and the quotes after them.

An order that moves the touch (the best bid and ask) sweeps the prices between the old touch and the new one, in several
fills of one time. Sizes are log-normal with a heavy tail, the product of a factor for the order and one for the fill;
round sizes are more frequent.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from feed.engine.orders import Arrivals, Flow, Touch
from feed.engine.quotes import LEAN, TOUCH_SPREAD
from feed.engine.sweep import Sweep
from feed.engine.timeline import Timeline
from feed.randomness import exponentials, log2, normals, powers, uniforms
from feed.scenario.model import SymbolModel
from feed.units import MINUTE

__all__ = ["ID_SPACE", "Fills", "TickFill", "trade_ids"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MAX_FILLS = 50
FILLS_LOG, FILLS_HEFT, FILLS_OWN, FILLS_SWEEP = 0.85, 0.45, 0.95, 0.6
SIZE_HEFT, SIZE_OWN = 1.4, 1.8
SHARED_OUT = 0.6
"""Exponent with which the sizes of fills decrease with their number in an order."""
SIZE_TAIL, TAIL_FROM = 0.6, 2.2
POPULAR, MOST_POPULAR = 0.24, 0.09
TOUCH_DEPTH = 20.0
"""Usual size at the touch, in median sizes of orders."""
MOST_LOTS = 1e12
WIDE_FROM, WIDE_GROWTH, WIDEST = 2.2, 4.0, 6.0
"""Parameters of an unscripted spread, which opens to 2 ** `WIDEST` ticks at most."""
WIDEST_SHARE = 10_000
"""Share of the price, as a divisor, that an unscripted spread is at most."""
LEVEL_GAP = 3e-6
"""Distance of the levels that an order consumes, as a share of the price, in a book that is not thin."""
BREATH = 0.5
"""Standard deviation of log2 of a scripted spread."""
ID_SPACE = 10_000_000
"""Number of trade ids of one minute: a minute's trades are numbered from the minute's number times this value."""

_LOGS = log2(np.maximum(np.arange(MAX_FILLS + 1), 1).astype(np.float64))
_DECADES = 10 ** np.arange(14, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Fills:
    """Columns of a block, all int64 of one length; see `feed.data.ticks.TickBlock` for units."""

    time: Ints
    price: Ints
    size: Ints
    side: Ints
    bid: Ints
    bid_size: Ints
    ask: Ints
    ask_size: Ints
    trade_id: Ints


class TickFill:
    """Maker of one symbol's fills.

    Args:
        symbol: the instrument.
        flow: the symbol's orders.
        timeline: the symbol's script.
        plain: make one fill per order, and a spread of one tick unless the script widens it.

    Attributes:
        median_lots: the median size of an order, in lots.
    """

    def __init__(self, symbol: SymbolModel, flow: Flow, timeline: Timeline, *, plain: bool = False) -> None:
        self._plain = plain
        self._flow = flow
        self._timeline = timeline
        self._fills_key, self._touch_key = flow.key("fills"), flow.key("touch")
        self._size_key, self._tail_key, self._level_key = flow.key("size"), flow.key("tail"), flow.key("level")
        self.median_lots = max(1.0, symbol.order_size / float(symbol.lot_size))

    def usual(self, times: Ints) -> Floats:
        """Return the usual number of lots at the touch at each of these times."""
        return (self.median_lots * TOUCH_DEPTH) * self._timeline.factor("liquidity", times)

    def volume(self, number: int) -> int:
        """The number of lots traded in a block: the same as in its fills, without making their prices."""
        orders = self._flow.arrivals(number)
        return int(self._sizes(orders, self._counts(orders)).sum())

    def block(self, number: int) -> Fills:
        """Return the fills of block `number`, counted from the Unix epoch."""
        orders = self._flow.arrivals(number)
        counts = self._counts(orders)
        touch = self._led(orders, self._flow.touch(number, orders), counts)
        size = self._sizes(orders, counts)
        order = np.repeat(np.arange(len(orders)), counts)
        spread = self._spreads(orders, touch)
        buy = touch.sign > 0
        first = np.where(buy, touch.before + spread, touch.before)
        price = first.take(order) + self._depth(orders, touch, counts)
        time = orders.time.take(order)
        sweep = Sweep(price, size, counts, touch.sign)
        bid, ask = _behind(touch, spread, sweep)
        bid_size, ask_size = self._touch_sizes(orders, bid, ask, buy)
        rest = sweep.rest(np.where(buy, ask, bid), np.where(buy, ask_size, bid_size))
        taken, left, bought = rest.price, rest.size, buy.take(order)
        facing = np.where(buy, touch.before, touch.before + spread).take(order)
        facing[sweep.lasts] = np.where(buy, bid, ask)
        return Fills(
            time=time,
            price=price,
            size=size,
            side=touch.sign.take(order),
            bid=np.where(bought, facing, taken),
            bid_size=np.where(bought, bid_size.take(order), left),
            ask=np.where(bought, taken, facing),
            ask_size=np.where(bought, left, ask_size.take(order)),
            trade_id=trade_ids(time),
        )

    def _counts(self, orders: Arrivals) -> Ints:
        """Return the number of fills of each order."""
        if self._plain:
            return np.ones(len(orders), np.int64)
        own = normals(orders.members.words(self._fills_key))[::2]
        many = powers(FILLS_LOG + FILLS_HEFT * orders.heft + FILLS_OWN * own + orders.moves * FILLS_SWEEP)
        return np.clip(np.floor(many).astype(np.int64), 1, MAX_FILLS)

    def _led(self, orders: Arrivals, touch: Touch, counts: Ints) -> Touch:
        """Return the touch, moved ahead of orders that would have to consume more than a few levels for each fill.

        Most moves of a price are moves of quotes: quotes that would be swept are withdrawn before, and no wide spread
        is seen.
        """
        if not len(orders):
            return touch
        way = (touch.after - touch.before) * touch.sign
        rows = np.flatnonzero(way > 0)
        gap = touch.before[rows] * LEVEL_GAP / self._timeline.factor("liquidity", orders.time[rows])
        most = (counts[rows] - 1) * np.maximum(gap, 1.0).astype(np.int64)
        before = touch.before.copy()
        before[rows] += np.maximum(way[rows] - most, 0) * touch.sign[rows]
        return replace(touch, before=before)

    def _depth(self, orders: Arrivals, touch: Touch, counts: Ints) -> Ints:
        """Return each fill's signed distance from the touch: an order that moves the touch fills all the way.

        The levels that it finds stand at uneven distances, and several fills are at one level.
        """
        way = (touch.after - touch.before) * touch.sign
        reach = np.where(way > 0, way * touch.sign, 0)
        many = np.flatnonzero((reach != 0) & (counts > 1))
        ends = np.cumsum(counts)
        depth = np.zeros(int(ends[-1]) if len(ends) else 0, np.int64)
        if not len(many):
            return depth
        parts = orders.members.some(many).parts(counts[many])
        dice = uniforms(parts.words(self._level_key))[::2]
        steps = np.floor(dice * dice * dice * 2.0**20).astype(np.int64) + 1
        lasts = np.cumsum(counts[many]) - 1
        firsts = lasts - counts[many] + 1
        # An order's first fill is at the touch, its last one at the level that the touch leaves behind.
        steps[firsts] = 0
        reached = np.cumsum(steps)
        begins = np.repeat(reached[firsts], counts[many])
        total = np.repeat(reached[lasts] - reached[firsts], counts[many])
        rows = np.repeat(ends[many] - counts[many] - firsts, counts[many]) + np.arange(len(steps))
        depth[rows] = np.floor(np.repeat(reach[many], counts[many]) * ((reached - begins) / total) + 0.5).astype(
            np.int64
        )
        return depth

    def _spreads(self, orders: Arrivals, touch: Touch) -> Ints:
        """Return the spread in ticks before each order: mostly the smallest that the script allows."""
        wide = orders.wide
        extra = powers(np.minimum(np.maximum(wide - WIDE_FROM, 0.0) * WIDE_GROWTH, WIDEST))
        extra = np.minimum(extra, np.maximum(touch.before / float(WIDEST_SHARE), 1.0))
        if self._plain:
            extra = np.ones(len(orders))
        factor = self._timeline.factor("spread", orders.time)
        # A scripted spread varies by `BREATH`; the rare wide spreads of a calm market are not multiplied by its factor.
        breath = np.where(factor > 1.0, powers(wide * BREATH), 1.0)
        return np.maximum(np.floor(np.maximum(factor * breath, extra) + 0.5).astype(np.int64), 1)

    def _sizes(self, orders: Arrivals, counts: Ints) -> Ints:
        """Return the sizes of fills, in lots."""
        fills = orders.members.parts(counts)
        words = fills.words(self._size_key)
        own = normals(words)[::2]
        choice = uniforms(words)[1::2]
        tail = exponentials(fills.words(self._tail_key))[::2]
        of_order = SIZE_HEFT * orders.heft - FILLS_LOG + self._flow.swell(orders)
        log = np.repeat(of_order - SHARED_OUT * (_LOGS.take(counts) - 1.0), counts) + SIZE_OWN * own
        log += np.maximum(tail - TAIL_FROM, 0.0) * SIZE_TAIL
        lots = np.minimum(self.median_lots * powers(log), MOST_LOTS)
        exact = np.maximum(np.floor(lots + 0.5).astype(np.int64), 1)
        popular = np.flatnonzero(choice < POPULAR)
        decade = _DECADES.take(np.searchsorted(_DECADES, exact[popular], side="right") - 1)
        digit = np.where(choice[popular] < MOST_POPULAR, 1, exact[popular] // decade)
        exact[popular] = digit * decade
        return exact

    def _touch_sizes(self, orders: Arrivals, bid: Ints, ask: Ints, buy: NDArray[np.bool_]) -> tuple[Ints, Ints]:
        """Return the sizes at the touch after each order, in lots, leaning towards the price a second later.

        The side that an order does not take from stays as it was, as long as its price does.
        """
        base = self.usual(orders.time)
        lean = self._flow.outlook(orders.time) * LEAN
        dice = normals(orders.members.words(self._touch_key))
        bid_size = _lots(base * powers(dice[::2] * TOUCH_SPREAD + lean))
        ask_size = _lots(base * powers(dice[1::2] * TOUCH_SPREAD - lean))
        return _standing(bid_size, bid, ~buy, orders.first), _standing(ask_size, ask, buy, orders.first)


def _standing(size: Ints, price: Ints, taken: NDArray[np.bool_], first: Ints) -> Ints:
    """Return the sizes at a side's touch: new where an order takes from it or its price changes, else as before."""
    new = taken.copy()
    new[1:] |= price[1:] != price[:-1]
    new[first] = True
    return size.take(np.maximum.accumulate(np.where(new, np.arange(len(size)), 0)))


def _behind(touch: Touch, spread: Ints, sweep: Sweep) -> tuple[Ints, Ints]:
    """Return the touch after each order: as the order left it, within the limits of its last price.

    A move against an order shows only later, since the order's price would otherwise lie outside the quote.
    """
    buy = touch.sign > 0
    moved = np.where(buy, np.maximum(touch.after, touch.before), np.minimum(touch.after, touch.before))
    price = sweep.price.take(sweep.lasts)
    return np.minimum(moved, price), np.maximum(moved + spread, price)


def _lots(sizes: Floats) -> Ints:
    return np.maximum(np.floor(np.minimum(sizes, MOST_LOTS)).astype(np.int64), 1)


def trade_ids(time: Ints) -> Ints:
    """Return trade ids: the minute's number times `ID_SPACE` plus the rank in it from 1; increasing, JSON-safe."""
    if not len(time):
        return np.empty(0, np.int64)
    minutes = np.arange(int(time[0]) // MINUTE, int(time[-1]) // MINUTE + 1, dtype=np.int64)
    begins = np.searchsorted(time, minutes * MINUTE)
    counts = np.diff(begins, append=len(time))
    result: Ints = np.repeat(minutes * ID_SPACE - begins, counts) + np.arange(1, len(time) + 1)
    return result
