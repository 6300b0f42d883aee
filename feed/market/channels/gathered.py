"""Channels of books, quotes and trades as exchanges send them: at each change, or gathered over market time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from itertools import pairwise
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from feed.data.book import DEPTHS, Depth, Ladder, QuoteBlock
from feed.data.rows import BookRows, GatheredTrades, QuoteRows
from feed.data.ticks import Batch, Instrument, TickBlock
from feed.market.channels.exchange import ExchangeChannel, ExchangeGround, grid_ends
from feed.units import HOUR, MILLISECOND, MINUTE

__all__ = ["BookQuoteChannel", "GatheredBookChannel", "GatheredTradesChannel", "TouchedBookChannel"]

Ints = NDArray[np.int64]

STEPS = {"50ms": 50, "100ms": 100, "250ms": 250, "1000ms": 1000, "2000ms": 2000}
"""The steps of gathered channels by name, in milliseconds."""

LEVELS = DEPTHS[-1]

REACHES = (MINUTE, 10 * MINUTE, HOUR)
"""The growing times (ns) that are searched for the last trades."""


class BookQuoteChannel(ExchangeChannel):
    """Channel `quotes`: best bid and ask after each change of the book; its `seq` is that of the native book."""

    name: ClassVar[str] = "quotes"
    chunk: ClassVar[int] = 256

    def track(self, batch: Batch, symbol: int, part: str) -> BookQuoteTrack:
        """Return the quotes of a batch."""
        ground = self._ground
        depth = ground.source.books(symbol).during(batch.start, batch.end)
        return BookQuoteTrack(ground.source.instruments[symbol], ground.shift, depth)

    def seq_at(self, time: int, begins: int, symbol: int, part: str) -> int:
        """Return the number of the native book at a time."""
        return self._ground.numbers.book(symbol, time)

    def snapshot(self, symbol: int, part: str, at: int, count: int) -> BookQuoteTrack | None:
        """Return the quote in force at `at`; None if there is none yet."""
        ground = self._ground
        [ladder] = ground.source.books(symbol).during(at + 1, at + 1).ladders(-1, 0, 1)
        if not ladder.bids or not ladder.asks:
            return None
        columns = (at, *ladder.bids[0], *ladder.asks[0])
        quotes = QuoteBlock(*(np.array([value], np.int64) for value in columns))
        return BookQuoteTrack(ground.source.instruments[symbol], ground.shift, quotes)


class BookQuoteTrack:
    """Quotes of one symbol.

    Args:
        depth: the book over a batch, or the quotes alone.
    """

    def __init__(self, instrument: Instrument, shift: int, depth: Depth | QuoteBlock) -> None:
        self._instrument = instrument
        self._shift = shift
        self._depth = depth
        self._quotes = depth if isinstance(depth, QuoteBlock) else depth.quotes

    @property
    def times(self) -> Ints:
        """The market time of each change."""
        return self._quotes.time

    def rows(self, lo: int, hi: int) -> QuoteRows:
        """Return the quotes as rows."""
        quotes = self._quotes[lo:hi]
        before = self._quotes[lo - 1 : lo] if lo else self._opening
        return QuoteRows(self._instrument, replace(quotes, time=quotes.time + self._shift), before)

    @cached_property
    def _opening(self) -> QuoteBlock:
        """The quote before the first one of the batch."""
        if isinstance(self._depth, QuoteBlock):
            return QuoteBlock.empty()
        [ladder] = self._depth.ladders(-1, 0, 1)
        if not ladder.bids or not ladder.asks:
            return QuoteBlock.empty()
        return QuoteBlock(*(np.array([value], np.int64) for value in (0, *ladder.bids[0], *ladder.asks[0])))


class GatheredBookChannel(ExchangeChannel):
    """Channel `gathered_book`: the changes of the deepest native book, gathered over each step of market time."""

    name: ClassVar[str] = "gathered_book"
    differences: ClassVar[bool] = True
    parts: ClassVar[tuple[str, ...]] = ("50ms", "100ms", "1000ms", "2000ms")

    def track(self, batch: Batch, symbol: int, part: str) -> GatheredBookTrack:
        """Return one message for each step of a batch."""
        step = STEPS[part] * MILLISECOND
        # A step that began in the batch before belongs to this one as a whole.
        start = max(batch.start // step * step, min(self._ground.numbers.begins, batch.start))
        depth = self._ground.source.books(symbol).during(start, batch.end)
        return GatheredBookTrack(self._ground, symbol, depth, grid_ends(batch.start, batch.end, step), start)

    def seq_at(self, time: int, begins: int, symbol: int, part: str) -> int:
        """Return the number of steps that have ended since the epoch began."""
        step = STEPS[part] * MILLISECOND
        return max(0, (time + 1) // step - begins // step)

    def snapshot(self, symbol: int, part: str, at: int, count: int) -> BookOfNow:
        """Return the book that the next message changes: that at the end of the last step."""
        step = STEPS[part] * MILLISECOND
        end = (at + 1) // step * step - 1
        return BookOfNow(self._ground, symbol, max(end, min(self._ground.numbers.begins - 1, at)))


class TouchedBookChannel(GatheredBookChannel):
    """Channel `touched_book`: gathered changes that lead on from any state in between, as a reader may have one.

    Such a reader has a book from REST, made in the middle of a step, with levels that come and go within it.
    """

    name: ClassVar[str] = "touched_book"
    parts: ClassVar[tuple[str, ...]] = ("100ms", "1000ms")
    # A step of a second has the changes of as many books as a chunk of the native channel.
    chunk: ClassVar[int] = 1

    def track(self, batch: Batch, symbol: int, part: str) -> TouchedBookTrack:
        """Return one message for each step of a batch."""
        plain = super().track(batch, symbol, part)
        return TouchedBookTrack(plain.ground, plain.symbol, plain.depth, plain.times, plain.start)

    def snapshot(self, symbol: int, part: str, at: int, count: int) -> BookOfNow:
        """Return the book at `at` itself."""
        return BookOfNow(self._ground, symbol, at)


class BookOfNow:
    """Whole book at one time, with its number."""

    def __init__(self, ground: ExchangeGround, symbol: int, at: int) -> None:
        self.times = np.array([at], np.int64)
        self._ground = ground
        self._symbol = symbol

    def rows(self, lo: int, hi: int) -> BookRows:
        """Return the whole book."""
        ground, symbol, at = self._ground, self._symbol, int(self.times[0])
        ladders = ground.source.books(symbol).during(at + 1, at + 1).ladders(-1, 0, LEVELS)[lo:hi]
        times = (self.times[lo:hi] + ground.shift).tolist()
        numbers = [ground.numbers.book(symbol, at)] * (hi - lo)
        return BookRows(ground.source.instruments[symbol], LEVELS, times, ladders, whole=True, numbers=numbers)


class GatheredBookTrack:
    """Gathered changes of one book.

    Args:
        depth: the book from `start` on, where the first step begins.
        times: the end of each step.
    """

    def __init__(self, ground: ExchangeGround, symbol: int, depth: Depth, times: Ints, start: int) -> None:
        self.times = times
        self.ground = ground
        self.symbol = symbol
        self.depth = depth
        self.start = start

    def ends(self, lo: int, hi: int) -> Ints:
        """Return the last change by the end of each step, preceded by the last one before the first step."""
        edges = np.append(self.times[lo - 1] if lo else self.start - 1, self.times[lo:hi])
        ends: Ints = np.searchsorted(self.depth.quotes.time, edges, side="right") - 1
        return ends

    def rows(self, lo: int, hi: int) -> BookRows:
        """Return the changes of each step; the time is that of its last change."""
        changes, ground = self.depth.quotes.time, self.ground
        ends = self.ends(lo, hi)
        distinct, places = np.unique(ends, return_inverse=True)
        ladders = self.depth.ladders_at(distinct.tolist(), LEVELS)
        known = np.append(changes, self.start)
        times = np.where(ends[1:] > ends[:-1], known[ends[1:]], self.times[lo:hi]) + ground.shift
        numbers = (ends + 1 + self._before).tolist()
        earlier = (known[ends[:-1]] + ground.shift).tolist()
        return BookRows(
            ground.source.instruments[self.symbol], LEVELS, times.tolist(), [ladders[at] for at in places.tolist()],
            whole=False, numbers=numbers, earlier=earlier,
        )  # fmt: skip

    @cached_property
    def _before(self) -> int:
        """The number of the book before the first step."""
        return self.ground.numbers.book(self.symbol, self.start - 1)


class TouchedBookTrack(GatheredBookTrack):
    """Gathered changes with every price that was different at any time of a step."""

    def rows(self, lo: int, hi: int) -> BookRows:
        """Return the changes of each step."""
        ends = self.ends(lo, hi).tolist()
        ladders = self.depth.ladders(ends[0], ends[-1] + 1, LEVELS)
        touched = [_touched(ladders[first - ends[0] : last - ends[0] + 1]) for first, last in pairwise(ends)]
        return replace(super().rows(lo, hi), touched=touched)


def _touched(ladders: Sequence[Ladder]) -> tuple[frozenset[int], frozenset[int]]:
    """Return the prices of each side at which two consecutive books differ."""
    found: tuple[set[int], set[int]] = set(), set()
    for old, new in pairwise(ladders):
        for prices, before, after in zip(found, old, new, strict=True):
            if before != after:
                prices.update(price for price, _ in set(before) ^ set(after))
    return frozenset(found[0]), frozenset(found[1])


class GatheredTradesChannel(ExchangeChannel):
    """Channel `gathered_trades`: all fills of each step of market time in one message."""

    name: ClassVar[str] = "gathered_trades"
    lossless: ClassVar[bool] = True
    parts: ClassVar[tuple[str, ...]] = ("250ms",)

    def track(self, batch: Batch, symbol: int, part: str) -> GatheredTradesTrack:
        """Return one message for each step of a batch."""
        step, ground, block = STEPS[part] * MILLISECOND, self._ground, batch.ticks[symbol]
        start = max(batch.start // step * step, min(ground.numbers.begins, batch.start))
        if start < batch.start:
            # A step that began in the batch before belongs to this one as a whole.
            block = TickBlock.joined([*ground.source.ticks(symbol, start, batch.start), block])
        return GatheredTradesTrack(ground, symbol, block, grid_ends(batch.start, batch.end, step), start)

    def seq_at(self, time: int, begins: int, symbol: int, part: str) -> int:
        """Return the number of steps that have ended since the epoch began."""
        step = STEPS[part] * MILLISECOND
        return max(0, (time + 1) // step - begins // step)

    def snapshot(self, symbol: int, part: str, at: int, count: int) -> LastTrades:
        """Return the last `count` fills of the steps that have ended by `at`, as one row."""
        step, ground = STEPS[part] * MILLISECOND, self._ground
        end = (at + 1) // step * step
        for reach in REACHES:
            blocks = list(ground.source.ticks(symbol, end - reach, end))
            if sum(map(len, blocks)) >= count:
                break
        block = TickBlock.joined(blocks)[-count:]
        return LastTrades(ground, symbol, block, at, ground.numbers.trades(symbol, end - 1))


class LastTrades:
    """Last fills before a time, of which the very last has the number given."""

    def __init__(self, ground: ExchangeGround, symbol: int, block: TickBlock, at: int, number: int) -> None:
        self.times = np.array([at], np.int64)
        self._instrument = ground.source.instruments[symbol]
        self._block = replace(block, time=block.time + ground.shift)
        self._first = number - len(block) + 1

    def rows(self, lo: int, hi: int) -> GatheredTrades:
        """Return the fills as one row."""
        return GatheredTrades(self._instrument, [self._block][lo:hi], [self._first][lo:hi])


class GatheredTradesTrack:
    """Gathered fills of one symbol."""

    def __init__(self, ground: ExchangeGround, symbol: int, block: TickBlock, times: Ints, start: int) -> None:
        self.times = times
        self._ground = ground
        self._symbol = symbol
        self._block = block
        self._start = start

    def rows(self, lo: int, hi: int) -> GatheredTrades:
        """Return the fills of each step."""
        ground, block = self._ground, self._block
        ends = np.searchsorted(block.time, self.times[lo:hi], side="right")
        begin = int(np.searchsorted(block.time, self.times[lo - 1], side="right")) if lo else 0
        cuts = [begin, *ends.tolist()]
        shown = replace(block, time=block.time + ground.shift)
        before = ground.numbers.trades(self._symbol, self._start - 1)
        return GatheredTrades(
            ground.source.instruments[self._symbol],
            [shown[low:high] for low, high in pairwise(cuts)],
            [before + low + 1 for low in cuts[:-1]],
        )
