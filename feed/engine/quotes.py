"""Quotes from ticks: the quote before each trade, the quote after it, and short-lived changes of size in between.

The touch is the best bid and ask. At the time of a trade the book first shows the levels that the trade takes from,
with the size it takes plus the size it leaves, and then only the size it leaves. Nothing else happens on that side, so
the sizes change by exactly the amount traded.

Between trades the touch has fleeting orders, which come and go within a few milliseconds, as most orders of a real book
do. Apart from those the touch is that of the last trade, so `trading`, `ticker` and `book` agree at all times.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from feed.data.book import QuoteBlock
from feed.data.ticks import TickBlock
from feed.engine.levels import Level
from feed.randomness import RandomStream, normals, powers, uniforms
from feed.units import MILLISECOND, MINUTE, SECOND

__all__ = ["LEAN", "TOUCH_SPREAD", "Changes", "Moments", "Mood", "changes_of", "count_of"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

CELL = 40 * MILLISECOND
"""Length of a cell, ns. A fleeting order comes and goes within one cell, so none is present when a second ends."""
STAY = 20 * MILLISECOND
"""Longest stay of a fleeting order, ns."""
RATE = 6.0
"""Mean number of fleeting orders drawn for each moment with trades; orders too near a trade are dropped."""
STAMP = 1_000
TOUCH_SPREAD = 1.2
"""Standard deviation of log2 of the sizes at the touch."""
LEAN = 2.1
"""Largest lean, in log2, of the sizes at the touch towards the price a second later."""
MOST_LOTS = 1e12
NOWHERE = 2**62
MET, LEFT, FLEETING = 0, 1, 2
"""Kinds of change: the touch before a trade, the touch after a trade, or the touch with a fleeting order."""


@dataclass(frozen=True, slots=True)
class Changes:
    """Changes of a book in one block.

    `trade` is for each row the number of the moment of trading that it belongs to or follows; `before` is True for the
    rows that show the book before that moment's trades.
    """

    quotes: QuoteBlock
    trade: Ints
    before: NDArray[np.bool_]
    moments: Moments

    def __len__(self) -> int:
        return len(self.quotes)


class Moments:
    """Trades of a block grouped by time: all trades of one time are one moment.

    Args:
        ticks: at least one trade, all of one symbol.
    """

    def __init__(self, ticks: TickBlock) -> None:
        self._ticks = ticks
        self.first = np.flatnonzero(np.diff(ticks.time, prepend=ticks.time[0] - 1))
        self.last = np.append(self.first[1:], len(ticks)) - 1
        self.time = ticks.time[self.first]
        buys = ticks.side > 0
        self.lowest_buy = np.minimum.reduceat(np.where(buys, ticks.price, NOWHERE), self.first)
        self.highest_buy = np.maximum.reduceat(np.where(buys, ticks.price, -NOWHERE), self.first)
        self.lowest_sell = np.minimum.reduceat(np.where(buys, NOWHERE, ticks.price), self.first)
        self.highest_sell = np.maximum.reduceat(np.where(buys, -NOWHERE, ticks.price), self.first)

    def __len__(self) -> int:
        return len(self.time)

    def after(self) -> QuoteBlock:
        """Return the quote after each moment: that of its last trade."""
        ticks, last = self._ticks, self.last
        return QuoteBlock(self.time, ticks.bid[last], ticks.bid_size[last], ticks.ask[last], ticks.ask_size[last])

    def before(self) -> tuple[Ints, Ints]:
        """Return the best bid and ask before each moment's trades."""
        ticks, first = self._ticks, self.first
        bought, sold = self.highest_buy > -NOWHERE, self.lowest_sell < NOWHERE
        ask = np.where(bought, self.lowest_buy, np.maximum(ticks.ask[first], self.highest_sell + 1))
        bid = np.where(sold, self.highest_sell, np.minimum(ticks.bid[first], self.lowest_buy - 1))
        # A file may have a buy below a sell of the same time: no book could show both.
        return np.minimum(bid, ask - 1), ask

    def taken_at(self, price: Ints, side: int) -> Ints:
        """Return the lots that each moment's trades take from one side at the moment's price; side 1 is the asks."""
        ticks = self._ticks
        counts = np.diff(self.first, append=len(ticks))
        there = (ticks.side == side) & (ticks.price == np.repeat(price, counts))
        lots: Ints = np.add.reduceat(np.where(there, ticks.size, 0), self.first)
        return lots

    def _taken(self, moment: int) -> tuple[dict[int, int], dict[int, int]]:
        """Return the lots that the trades of a moment take: {price: lots} of the bids and of the asks."""
        first, last = int(self.first[moment]), int(self.last[moment]) + 1
        rows = self._ticks[first:last]
        bids: dict[int, int] = {}
        asks: dict[int, int] = {}
        for price, size, side in zip(rows.price.tolist(), rows.size.tolist(), rows.side.tolist(), strict=True):
            levels = asks if side > 0 else bids
            levels[price] = levels.get(price, 0) + size
        return bids, asks

    def levels_before(self, moment: int, bid: Level, ask: Level) -> tuple[list[Level], list[Level]]:
        """Return the levels before the trades of a moment, the best first, down to the touch after it.

        Args:
            moment: the number of the moment.
            bid, ask: the touch before the moment.
        """
        bids, asks = self._taken(moment)
        last = int(self.last[moment])
        ticks = self._ticks
        low = _standing(bids, bid, (int(ticks.bid[last]), int(ticks.bid_size[last])), -1)
        high = _standing(asks, ask, (int(ticks.ask[last]), int(ticks.ask_size[last])), 1)
        return low, high


def _standing(taken: dict[int, int], best: Level, left: Level, side: int) -> list[Level]:
    """Return the levels of a side before a moment: the lots taken, plus the lots left at the touch after it."""
    if not taken:
        return [best]
    levels = {price: size for price, size in taken.items() if (price - best[0]) * side >= 0}
    price, size = left
    if (price - best[0]) * side >= 0:
        levels[price] = levels.get(price, 0) + size
    # If a file has a buy below a sell of the same time, none of the lots taken are at the touch.
    levels.setdefault(*best)
    return sorted(levels.items(), reverse=side < 0)


@dataclass(frozen=True, slots=True)
class Mood:
    """Market around the trades, as far as it is known besides them; times never decrease.

    Attributes:
        usual: function that returns the usual number of lots at the touch at each of the given times.
        pace: function that returns the usual number of moments with trades per second; None to count them by minute.
        outlook: function that returns the price's change in the coming second, squeezed into -1 to 1; None to take it
            from the trades.
    """

    usual: Callable[[Ints], Floats]
    pace: Callable[[Ints], Floats] | None = None
    outlook: Callable[[Ints], Floats] | None = None


def changes_of(ticks: TickBlock, dice: RandomStream, start: int, length: int, mood: Mood) -> Changes:
    """Return the changes of a block of ticks.

    Args:
        ticks: the trades of the block; at least one.
        dice: random words for this block alone.
        start: the block's beginning, ns UTC.
        length: the block's length, ns, whole minutes.
        mood: the market around the trades.
    """
    moments = Moments(ticks)
    cells = length // CELL
    words = dice.words(0, 3 * cells)
    fleeting = _fleeting(moments.time, uniforms(words[: 2 * cells]).reshape(4, -1), start, length, mood)
    ends = np.flatnonzero(fleeting.ends)
    times = np.concatenate([moments.time, moments.time, fleeting.time, fleeting.gone[ends]])
    # Stable: at equal times, the quote before the trades comes before the quote after them.
    order = np.argsort(times, kind="stable")
    behind = np.concatenate([np.tile(np.arange(len(moments)), 2), fleeting.trade, fleeting.trade[ends]])
    kind = np.repeat([MET, LEFT, FLEETING, LEFT], [len(moments), len(moments), len(fleeting.time), len(ends)])
    times, trade, kind = times[order], behind[order], kind[order]
    drawn = _drawn(normals(words[2 * cells :])[::2][fleeting.cell], fleeting, moments, mood)
    quotes = _quotes(moments, times, trade, kind, fleeting.bid, drawn)
    return Changes(quotes, trade, kind == MET, moments)


def count_of(time: Ints, dice: RandomStream, start: int, length: int, mood: Mood) -> int:
    """The number of changes that `changes_of` finds, from the trades' times alone; see there for the arguments."""
    if not len(time):
        return 0
    moments = time[np.flatnonzero(np.diff(time, prepend=time[0] - 1))]
    drawn = uniforms(dice.words(0, 2 * (length // CELL))).reshape(4, -1)
    fleeting = _fleeting(moments, drawn, start, length, mood)
    return 2 * len(moments) + len(fleeting.time) + int(fleeting.ends.sum())


@dataclass(frozen=True, slots=True)
class _Fleeting:
    """Fleeting orders between trades: begin, end, number of the moment before, True for bids, number of the cell.

    `ends` is False for orders that the next trade replaces before their end.
    """

    time: Ints
    gone: Ints
    ends: NDArray[np.bool_]
    trade: Ints
    bid: NDArray[np.bool_]
    cell: Ints


def _fleeting(time: Ints, dice: Floats, start: int, length: int, mood: Mood) -> _Fleeting:
    """Draw the fleeting orders of a block: the more moments of trading a minute has, the more orders."""
    cells = np.arange(length // CELL, dtype=np.int64)
    chosen = np.flatnonzero(dice[0] < np.minimum(_busy(time, start, cells, length, mood), 1.0))
    begin, stay = dice[1][chosen] * (CELL - STAY - STAMP), dice[2][chosen] * (STAY - STAMP)
    at = start + cells[chosen] * CELL + _stamped(begin)
    gone = at + STAMP + _stamped(stay)
    later = np.searchsorted(time, at, side="left")
    # No order before the block's first trade, nor in the millisecond of the trade before it.
    free = (later > 0) & (at // MILLISECOND > time[np.maximum(later - 1, 0)] // MILLISECOND)
    free &= (later == len(time)) | (at < time.take(np.minimum(later, len(time) - 1)))
    later, at, gone = later[free], at[free], gone[free]
    ends = (later == len(time)) | (gone < time.take(np.minimum(later, len(time) - 1)))
    return _Fleeting(at, gone, ends, later - 1, dice[3][chosen[free]] < 0.5, chosen[free])


def _busy(time: Ints, start: int, cells: Ints, length: int, mood: Mood) -> Floats:
    """Return the expected number of fleeting orders in each cell."""
    if mood.pace is not None:
        return mood.pace(start + cells * CELL) * (RATE * CELL / SECOND)
    a_minute = MINUTE // CELL
    counts = np.bincount((time - start) // MINUTE, minlength=length // MINUTE)
    return counts.astype(np.float64).take(cells // a_minute) * (RATE / a_minute)


def _stamped(length: Floats) -> Ints:
    stamped: Ints = np.floor(length).astype(np.int64) // STAMP * STAMP
    return stamped


def _drawn(own: Floats, orders: _Fleeting, moments: Moments, mood: Mood) -> Ints:
    """Return the sizes at the touch with the fleeting orders, leaning towards the price a second later."""
    lean = LEAN * (_way(orders, moments) if mood.outlook is None else mood.outlook(orders.time))
    lots = mood.usual(orders.time) * powers(own * TOUCH_SPREAD + np.where(orders.bid, lean, -lean))
    drawn: Ints = np.maximum(np.floor(np.minimum(lots, MOST_LOTS)).astype(np.int64), 1)
    return drawn


def _way(orders: _Fleeting, moments: Moments) -> Floats:
    """Return the bid's change in the second after each fleeting order, squeezed into -1 to 1."""
    bid = moments.after().bid
    later = np.searchsorted(moments.time, orders.time + SECOND, side="right") - 1
    way = (bid[later] - bid[orders.trade]).astype(np.float64)
    typical = float(np.abs(np.diff(bid)).sum() // max(len(bid) - 1, 1)) + 1.0
    squeezed: Floats = way / (np.abs(way) + typical)
    return squeezed


def _quotes(moments: Moments, times: Ints, trade: Ints, kind: Ints, bids: NDArray[np.bool_], drawn: Ints) -> QuoteBlock:
    """Return the touch at each change."""
    after, (met_bid, met_ask) = moments.after(), moments.before()
    columns = []
    for price, size, met_price, side in (
        (after.bid, after.bid_size, met_bid, -1),
        (after.ask, after.ask_size, met_ask, 1),
    ):
        taken = moments.taken_at(met_price, side)
        # Before a moment, the size at the touch includes the lots that are taken there.
        met_size = np.where(taken > 0, taken + np.where(price == met_price, size, 0), size)
        met = kind == MET
        sizes = np.where(met, met_size[trade], size[trade])
        here = bids if side < 0 else ~bids
        sizes[np.flatnonzero(kind == FLEETING)[here]] = drawn[here]
        columns += [np.where(met, met_price[trade], price[trade]), sizes]
    return QuoteBlock(times, *columns)
