"""Real trades from a file as a source: the market cannot tell it from an engine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from feed.data.book import Books
from feed.data.inference import synthetic_quotes
from feed.data.ticks import Batch, Instrument, Source, StatusChange, TickBlock
from feed.engine.books import SAMPLE_ROWS, books_around
from feed.errors import RecordingError, failure
from feed.importing.source_trades import Tally, read_trades
from feed.scenario.tickfile import TickFile
from feed.tape.cache import TickCache
from feed.units import HOUR

__all__ = ["BATCH_ROWS", "TickFileSource"]

BATCH_ROWS = 4096
"""Rows of a batch; more where the last of them shares its time with those that follow."""

MAX_BATCH = HOUR
"""No batch is longer, however few rows it has: tickers and candles come every second all the same."""

PHASE = "replay"

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


class TickFileSource(Source):
    """Replays a file of trades. The whole file is read and checked once, when the source is made.

    Args:
        spec: what the file's columns mean.
        path: the file; `spec.file` is resolved by who knows the scenario's folder.
        instrument: the symbol, and the steps that the file's prices and sizes are multiples of.

    Attributes:
        notices: what is shown and is not in the file, one sentence each.

    Raises:
        RecordingError: names the file, the column and the row of the first mistake.
    """

    def __init__(self, spec: TickFile, path: Path, instrument: Instrument) -> None:
        self._instrument = instrument
        tally = Tally()
        self._cache = TickCache(_made_again(spec))
        try:
            for block in read_trades(spec, path, instrument, tally):
                self._cache.append(block)
            self._cache.seal()
        except OSError as error:
            self._cache.discard()
            raise failure(path, "", f"its columns cannot be kept in the temporary folder: {error.strerror}") from None
        except RecordingError:
            self._cache.discard()
            raise
        self._time = self._cache.column("time")
        self.notices = tally.notices(spec)
        self._book = books_around(instrument.symbol, self._between, self._block(0, min(len(self), SAMPLE_ROWS)))

    def __len__(self) -> int:
        return len(self._cache)

    @property
    def instruments(self) -> tuple[Instrument, ...]:
        """The one symbol of the file."""
        return (self._instrument,)

    @property
    def start(self) -> int:
        """Time of the first trade, ns UTC."""
        return int(self._time[0])

    @property
    def end(self) -> int:
        """Just after the last trade, ns UTC."""
        return int(self._time[-1]) + 1

    def batches(self, at: int) -> Iterator[Batch]:
        """Batches from market time `at` on; trades of the same time are never apart."""
        begin = at
        first = int(np.searchsorted(self._time, at, side="left"))
        while begin < self.end:
            last = first + BATCH_ROWS
            if last < len(self):
                last = int(np.searchsorted(self._time, self._time[last - 1], side="right"))
            end = int(self._time[last]) if last < len(self) else self.end
            last = min(last, len(self))
            if (longest := begin // MAX_BATCH * MAX_BATCH + MAX_BATCH) < end:
                end, last = longest, first + int(np.searchsorted(self._time[first:last], longest))
            yield Batch(begin, end, (self._block(first, last),))
            first, begin = last, end

    def books(self, index: int) -> Books:
        """A book around the trades: a file of trades has none of its own."""
        return self._book

    def first_trade(self, index: int) -> int:
        """Where the file begins."""
        return self.start

    def last_trade(self, index: int, at: int) -> int | None:
        """Time of the last trade before market time `at`."""
        rows = int(np.searchsorted(self._time, at))
        return int(self._time[rows - 1]) if rows else None

    def _between(self, start: int, end: int) -> TickBlock:
        first, last = np.searchsorted(self._time, [start, end], side="left")
        return self._block(int(first), int(last))

    def statuses(self, at: int) -> tuple[StatusChange, ...]:
        """Online from the first trade on: a file of trades knows of nothing else."""
        return (StatusChange(self.start, self._instrument.symbol, "online", "", PHASE),)

    def _block(self, first: int, last: int) -> TickBlock:
        rows = self._cache.rows(first, last)
        if "bid" not in rows:
            rows["bid"], rows["ask"] = synthetic_quotes(rows["price"], rows["side"])
        rows.setdefault("bid_size", rows["size"])
        rows.setdefault("ask_size", rows["size"])
        return TickBlock(**rows)


def _made_again(spec: TickFile) -> frozenset[str]:
    """Columns that follow from the others: half of what a file without quotes would take on disk."""
    if spec.bid is None:
        return frozenset({"bid", "ask", "bid_size", "ask_size"})
    return frozenset(name for name in ("bid_size", "ask_size") if getattr(spec, name) is None)
