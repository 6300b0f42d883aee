"""Small sources for tests that are not about the engine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

import numpy as np

from feed.data.ticks import Batch, Instrument, Source, StatusChange, TickBlock, batches_between
from feed.engine.books import MadeBooks
from feed.engine.quotes import Mood
from feed.units import DAY, MILLISECOND, MINUTE, SECOND

START = 1_736_121_600 * SECOND
"""2025-01-06T00:00:00Z, a Monday."""

BTC = Instrument("BTC/USD", Decimal("0.01"), Decimal("0.00001"))
ETH = Instrument("ETH/USD", Decimal("0.05"), Decimal("0.001"))


@lru_cache(maxsize=64)
def _books(source: MetronomeSource, index: int) -> MadeBooks:
    def ticks(start: int, end: int) -> TickBlock:
        start, end = max(start, source.start), end if source.end is None else min(end, source.end)
        blocks = batches_between(source, start, end) if start < end else ()
        return TickBlock.joined([batch.ticks[index] for batch in blocks])

    mood = Mood(lambda times: np.full(len(times), 50.0))
    return MadeBooks(1, source.instruments[index].symbol, ticks, MINUTE, mood, 6.5e6)


@dataclass(frozen=True)
class MetronomeSource(Source):
    """A tick of each symbol every `every` ns, each tick a function of its number alone.

    `count` ticks, or endlessly many. At tick `halt_at` the status changes.
    """

    instruments: tuple[Instrument, ...] = (BTC,)
    every: int = 100 * MILLISECOND
    count: int | None = None
    batch: int = 1000
    halt_at: int | None = None
    start: int = START

    @property
    def end(self) -> int | None:
        """When the last tick has been."""
        return None if self.count is None else self.start + self.count * self.every

    def batches(self, at: int) -> Iterator[Batch]:
        """Batches of `batch` ticks."""
        first = max(0, -(-(at - self.start) // self.every))
        begin = at
        while self.count is None or first < self.count:
            last = first - first % self.batch + self.batch
            last = last if self.count is None else min(last, self.count)
            end = self.start + last * self.every
            yield Batch(
                begin, end, tuple(self._block(first, last) for _ in self.instruments), self._changes(begin, end)
            )
            first, begin = last, end

    def books(self, index: int) -> MadeBooks:
        """A book around the ticks."""
        return _books(self, index)

    def statuses(self, at: int) -> tuple[StatusChange, ...]:
        """Online until the halt."""
        halted = self.halt_at is not None and at >= self.start + self.halt_at * self.every
        return tuple(
            StatusChange(at, instrument.symbol, "halted" if halted else "online", "", "steady")
            for instrument in self.instruments
        )

    def _changes(self, begin: int, end: int) -> tuple[StatusChange, ...]:
        if self.halt_at is None:
            return ()
        time = self.start + self.halt_at * self.every
        if not begin <= time < end:
            return ()
        return tuple(StatusChange(time, i.symbol, "halted", "drill", "halt") for i in self.instruments)

    def _block(self, first: int, last: int) -> TickBlock:
        number = np.arange(first, last, dtype=np.int64)
        price = 6_500_000 + number * 7 % 1000
        bid = price - number % 2
        per_day = DAY // self.every
        return TickBlock(
            time=self.start + number * self.every,
            price=price,
            size=1000 + number % 97,
            side=np.where(number % 2 == 0, -1, 1).astype(np.int64),
            bid=bid,
            bid_size=number % 50 + 1,
            ask=bid + 1,
            ask_size=number % 31 + 1,
            volume=(number % per_day + 1) * 1000,
            trade_id=number + 1,
        )
