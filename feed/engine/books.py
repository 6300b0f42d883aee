"""Order books of symbols with known trades only: an engine's, or a file's."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from feed.data.book import DEPTHS, Ladder, QuoteBlock
from feed.data.ticks import TickBlock
from feed.engine.levels import ASK, BID, Level, Levels
from feed.engine.quotes import Changes, Mood, changes_of, count_of
from feed.randomness import RandomStream
from feed.units import DAY, MINUTE

__all__ = ["SAMPLE_ROWS", "MadeBooks", "books_around"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

FILE_BLOCK = 5 * MINUTE

USUAL, SAMPLE_ROWS = 20.0, 1000
"""Usual size at the touch for a file's trades, in median trade sizes; and the number of trades for the median."""

LOOK_BACK = DAY
"""Longest time without a trade, ns, after which a symbol has no book."""


class MadeBooks:
    """Books made from trades: the touch (best bid and ask) comes from the trades, the levels behind it are drawn.

    A block of trades is enough to make its books, so any time costs the same.

    Args:
        seed: the market's seed.
        symbol: the symbol's name.
        ticks: function that returns the trades from its first up to, not including, its second argument (ns UTC).
        length: the length of a block in ns: whole minutes, a divisor of a day.
        mood: the market around the trades.
        price: the symbol's approximate price, in ticks.
        times: function that returns the times of the trades in the block of a number, if that is cheaper than the
            trades; None to take them from `ticks`.
    """

    def __init__(
        self,
        seed: int,
        symbol: str,
        ticks: Callable[[int, int], TickBlock],
        length: int,
        mood: Mood,
        price: float,
        times: Callable[[int], Ints] | None = None,
    ) -> None:
        self._seed = seed
        self._symbol = symbol
        self._ticks = ticks
        self._length = length
        self._mood = mood
        self._times = times or self._tick_times
        self.levels = DEPTHS[-1]
        self._ladders = _Ladders(Levels(seed, symbol, price), mood.usual)
        self._block = lru_cache(maxsize=4)(self._make)
        self._counted: dict[int, int] = {}

    def during(self, start: int, end: int) -> MadeDepth:
        """Return the changes from market time `start` up to, not including, `end` (ns UTC)."""
        numbers = range(start // self._length, -(-end // self._length))
        blocks = [block for number in numbers if (block := self._block(number)) is not None]
        return MadeDepth(self._ladders, blocks, start, end, lambda: self._standing(start))

    def count(self, start: int, end: int) -> int:
        """The number of changes from `start` up to, not including, `end`."""
        if start >= end:
            return 0
        first, last = start // self._length, end // self._length
        whole = sum(self._count(number) for number in range(first, last))
        return whole + self._until(last, end) - self._until(first, start)

    def inherit(self, earlier: MadeBooks, until: int) -> None:
        """Take over the counts of a book that is equal up to market time `until`."""
        known = list(earlier._counted.items())
        self._counted.update((number, count) for number, count in known if (number + 1) * self._length <= until)

    def _until(self, number: int, time: int) -> int:
        block = None if time == number * self._length else self._block(number)
        return 0 if block is None else bisect_left(block.quotes.time, time)

    def _count(self, number: int) -> int:
        count = self._counted.get(number)
        if count is None:
            # A market may have run for days before the first reader of its book: those books are not made for a count.
            start = number * self._length
            count = count_of(self._times(number), self._dice(number), start, self._length, self._mood)
            self._counted[number] = count
        return count

    def _tick_times(self, number: int) -> Ints:
        return self._ticks(number * self._length, (number + 1) * self._length).time

    def _dice(self, number: int) -> RandomStream:
        return RandomStream(self._seed, f"{self._symbol} quotes", number)

    def _standing(self, time: int) -> tuple[Changes, int] | None:
        """Find the last change before a time, as its block and its row there."""
        number = time // self._length
        for earlier in range(number, number - LOOK_BACK // self._length - 1, -1):
            block = self._block(earlier)
            row = -1 if block is None else bisect_left(block.quotes.time, time) - 1
            if block is not None and row >= 0:
                return block, row
        return None

    def _make(self, number: int) -> Changes | None:
        start = number * self._length
        ticks = self._ticks(start, start + self._length)
        if not len(ticks):
            return None
        return changes_of(ticks, self._dice(number), start, self._length, self._mood)


def books_around(symbol: str, ticks: Callable[[int, int], TickBlock], first: TickBlock) -> MadeBooks:
    """Return the book of a symbol whose trades come from a file: as deep as is usual for trades of their size.

    Args:
        symbol: the symbol's name.
        ticks: function that returns the trades of a range of time; see `MadeBooks`.
        first: the first trades, up to `SAMPLE_ROWS` of which determine the usual size and the price; may be empty.
    """
    sizes = np.sort(first.size[:SAMPLE_ROWS], kind="stable")
    usual = float(sizes[len(sizes) // 2]) * USUAL if len(sizes) else 1.0
    price = float(first.price[0]) if len(sizes) else 1.0
    return MadeBooks(0, symbol, ticks, FILE_BLOCK, Mood(lambda times: np.full(len(times), usual)), price)


class MadeDepth:
    """Made book over a range of time; `standing` finds the last change before it."""

    def __init__(
        self,
        ladders: _Ladders,
        blocks: list[Changes],
        start: int,
        end: int,
        standing: Callable[[], tuple[Changes, int] | None],
    ) -> None:
        self._ladders = ladders
        self._standing = standing
        cuts = [(block, *np.searchsorted(block.quotes.time, [start, end]).tolist()) for block in blocks]
        self._parts = [(block, lo, hi) for block, lo, hi in cuts if lo < hi]
        self._firsts = np.cumsum([0, *(hi - lo for _, lo, hi in self._parts)]).tolist()
        self.quotes = QuoteBlock.joined([block.quotes[lo:hi] for block, lo, hi in self._parts])

    def ladders(self, lo: int, hi: int, levels: int) -> list[Ladder]:
        """Return the books after the changes `lo` up to, not including, `hi`; -1 is the book before the first."""
        found: list[Ladder] = []
        if lo < 0:
            standing = self._standing()
            found += [Ladder((), ())] if standing is None else self._made(standing[0], standing[1], levels)
            lo = 0
        for (block, first, _), begin, end in zip(self._parts, self._firsts[:-1], self._firsts[1:], strict=True):
            low, high = max(lo, begin), min(hi, end)
            if low < high:
                found += self._made(block, first + low - begin, levels, first + high - begin)
        return found

    def ladders_at(self, rows: Sequence[int], levels: int) -> list[Ladder]:
        """Return the books after each of these changes, in increasing order; without the ones between."""
        found = self.ladders(-1, 0, levels) * sum(row < 0 for row in rows)
        for (block, first, _), begin, end in zip(self._parts, self._firsts[:-1], self._firsts[1:], strict=True):
            wanted = [first + row - begin for row in rows if begin <= row < end]
            found += self._ladders.make(block, wanted, levels) if wanted else []
        return found

    def _made(self, block: Changes, lo: int, levels: int, hi: int | None = None) -> list[Ladder]:
        return self._ladders(block, lo, lo + 1 if hi is None else hi, levels)


class _Ladders:
    """Maker of ladders, once for all depths: streams of several depths request the same rows one after the other.

    Args:
        deep: the levels behind the touch.
        usual: function that returns the usual number of lots at the touch at each of the given times.
    """

    def __init__(self, deep: Levels, usual: Callable[[Ints], Floats]) -> None:
        self._deep = deep
        self._usual = usual
        self._rows: tuple[Changes, int, int] | None = None
        self._found: list[Ladder] = []
        self._levels = self._asked = 0

    def __call__(self, block: Changes, lo: int, hi: int, levels: int) -> list[Ladder]:
        """Return the books after the changes `lo` up to, not including, `hi` of a block."""
        rows = self._rows
        if rows is None or rows[0] is not block or rows[1:] != (lo, hi):
            # At least as deep as the previous rows were requested.
            self._rows, before, self._asked = (block, lo, hi), self._asked, levels
            self._keep(block, lo, hi, max(levels, before))
        elif levels > self._levels:
            self._keep(block, lo, hi, levels)
        self._asked = max(self._asked, levels)
        return self._found if levels == self._levels else [ladder.cut(levels) for ladder in self._found]

    def _keep(self, block: Changes, lo: int, hi: int, levels: int) -> None:
        self._levels = levels
        self._found = self.make(block, range(lo, hi), levels)

    def make(self, block: Changes, rows: Sequence[int], levels: int) -> list[Ladder]:
        """Return the books after these changes of a block."""
        near = [_near(block, row) for row in rows]
        seen = block.quotes.time[list(rows)]
        usual = self._usual(seen)
        sides = []
        for side, fronts in ((BID, [bids for bids, _ in near]), (ASK, [asks for _, asks in near])):
            anchor = np.array([front[-1][0] for front in fronts], np.int64)
            behind = self._deep.behind(side, anchor, seen, usual, levels - 1)
            sides.append([tuple((front + deep)[:levels]) for front, deep in zip(fronts, behind, strict=True)])
        return [Ladder(bids, asks) for bids, asks in zip(*sides, strict=True)]


def _near(block: Changes, row: int) -> tuple[list[Level], list[Level]]:
    """Return the levels known without drawing: the touch, and before a trade also the levels that it takes from."""
    quotes = block.quotes
    bid = int(quotes.bid[row]), int(quotes.bid_size[row])
    ask = int(quotes.ask[row]), int(quotes.ask_size[row])
    if block.before[row]:
        return block.moments.levels_before(int(block.trade[row]), bid, ask)
    return [bid], [ask]
