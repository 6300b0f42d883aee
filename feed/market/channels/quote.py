"""Channel `quote`: the recorded best bids and asks of a replay, each as it came."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np
import orjson
from numpy.typing import NDArray

from feed.data.book import Books, QuoteBlock
from feed.data.rows import RawRows
from feed.data.ticks import Batch, Instrument, Source
from feed.units import MILLISECOND

__all__ = ["QuoteChannel"]

Ints = NDArray[np.int64]


class QuoteChannel:
    """Channel of all recorded quotes of a source; a market without recorded quotes does not have it."""

    name: ClassVar[str] = "quote"
    parts: ClassVar[tuple[str, ...]] = ("",)
    lossless: ClassVar[bool] = False
    differences: ClassVar[bool] = False
    begins_with_snapshot: ClassVar[bool] = True
    on_demand: ClassVar[bool] = True
    chunk: ClassVar[int] = 256

    def __init__(self, source: Source, shift: int) -> None:
        self._source = source
        self._shift = shift

    def track(self, batch: Batch, symbol: int, part: str) -> QuoteTrack:
        """Return the quotes of a batch."""
        return self._track(symbol, batch.start, batch.end)

    def seq_at(self, time: int, begins: int, symbol: int, part: str) -> int:
        """Return the number of quotes from the epoch's beginning up to and including `time`."""
        quotes = self._source.quotes(symbol)
        return 0 if quotes is None else quotes.count(begins, time + 1)

    def snapshot(self, symbol: int, part: str, at: int, count: int) -> QuoteTrack | None:
        """Return the last quotes up to market time `at`; None before the first one."""
        quotes = self._source.quotes(symbol)
        if quotes is None:
            return None
        block = _last(quotes, self._source.start, at + 1, count)
        return QuoteTrack(self._source.instruments[symbol], self._shift, block) if len(block) else None

    def is_known(self, symbol: int, part: str, at: int, count: int) -> bool:
        """Return True: the quotes are always available at once."""
        return True

    def making(self, symbol: int, part: str, at: int, count: int) -> Iterator[None]:
        """Return an empty iterator: there is nothing to compute."""
        return iter(())

    def _track(self, symbol: int, start: int, end: int) -> QuoteTrack:
        quotes = self._source.quotes(symbol)
        block = QuoteBlock.empty() if quotes is None else quotes.during(start, end).quotes
        return QuoteTrack(self._source.instruments[symbol], self._shift, block)


def _last(quotes: Books, start: int, end: int, count: int) -> QuoteBlock:
    """Return the last quotes before a time, looking back further and further."""
    reach = 1_000 * MILLISECOND
    while True:
        begin = max(start, end - reach)
        block = quotes.during(begin, end).quotes
        if len(block) >= count or begin <= start:
            return block[max(0, len(block) - count) :]
        reach *= 16


class QuoteTrack:
    """Quotes of one symbol."""

    def __init__(self, instrument: Instrument, shift: int, block: QuoteBlock) -> None:
        self.times: Ints = block.time
        self._instrument = instrument
        self._shift = shift
        self._block = block

    def rows(self, lo: int, hi: int) -> RawRows:
        """Return the quotes as objects with the decimals of their instrument."""
        each, block = self._instrument, self._block[lo:hi]
        prices = (_decimals(column, each.tick_units, each.price_decimals) for column in (block.bid, block.ask))
        sizes = (_decimals(column, each.lot_units, each.size_decimals) for column in (block.bid_size, block.ask_size))
        stamps = ((block.time + self._shift) // MILLISECOND).tolist()
        symbol = orjson.dumps(each.symbol).decode()
        (bids, asks), (bid_sizes, ask_sizes) = prices, sizes
        return RawRows(
            each,
            [
                f'{{"symbol":{symbol},"bid":{bid},"bid_size":{bid_size},"ask":{ask},"ask_size":{ask_size},'
                f'"timestamp":{stamp}}}'.encode()
                for bid, bid_size, ask, ask_size, stamp in zip(bids, bid_sizes, asks, ask_sizes, stamps, strict=True)
            ],
        )


def _decimals(steps: Ints, units: int, decimals: int) -> list[str]:
    """Return counts of steps as decimals, written from integers."""
    if not decimals:
        return [str(value * units) for value in steps.tolist()]
    scale = 10**decimals
    return [f"{value * units // scale}.{value * units % scale:0{decimals}d}" for value in steps.tolist()]
