"""Conversion of a recording's trades for replay: from checked columns of one symbol to exact integers on disk."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from feed.data.book import QuoteBlock
from feed.data.columns import QUOTES
from feed.data.inference import synthetic_quotes, tick_rule
from feed.data.ticks import BUY, SELL, Instrument, TickBlock
from feed.data.volume import DayVolume
from feed.errors import RecordingError
from feed.tape.cache import TickCache
from feed.tape.layout import words_of
from feed.tape.steps import EXACT_BELOW, StepReader
from feed.units import DAY, MILLISECOND

__all__ = ["Doubts", "PlayedTrades", "RecordedTrades"]

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

MOST_VOLUME = 2**62
VOLUME_ERROR = 2.0**-50


@dataclass(slots=True)
class Doubts:
    """Numbers of trades whose data is inferred or odd."""

    unsided: int = 0
    outside: int = 0
    widened: int = 0


class _Rows(Protocol):
    doubts: Doubts

    def mistake(self, row: int, column: str, message: str, hint: str | None = None) -> RecordingError: ...


@dataclass(frozen=True, slots=True)
class PlayedTrades:
    """Trades of one symbol, on disk, in the order in which they are played.

    Attributes:
        cache: the columns of `TickBlock`; the time is the one at which a trade is played.
        invented: whether a trade has no recorded quote, and so one that is made up.
        moved: the rows that are played in another millisecond than their exchange's.
        own: the time of each of them by the exchange, ns UTC.
        runs: the first row of each run of consecutive `seq`, and its `seq`; empty where not every trade has one.
    """

    cache: TickCache
    invented: Flags
    moved: Ints
    own: Ints
    runs: tuple[Ints, Ints]

    @property
    def seqs(self) -> Ints:
        """The recorded `seq` of each trade; none where not every trade has one."""
        rows, seqs = self.runs
        if not len(rows):
            return seqs
        lengths = np.diff(rows, append=len(self.cache))
        return np.arange(len(self.cache), dtype=np.int64) + np.repeat(seqs - rows, lengths)

    @classmethod
    def none(cls) -> PlayedTrades:
        """Return no trades."""
        cache = TickCache()
        cache.seal()
        none = np.zeros(0, np.int64)
        return cls(cache, np.zeros(0, bool), none, none, (none, none))


class RecordedTrades(StepReader):
    """Converter from the trades of one symbol to columns of integers.

    Args:
        rows: gives the location of a mistake, and counts doubts.
        instrument: the steps.
    """

    def __init__(self, rows: _Rows, instrument: Instrument) -> None:
        super().__init__(rows, instrument)
        self._doubts = rows.doubts
        self.cache = TickCache()
        self._price, self._side, self._id = 0, BUY, 0
        self._volume = DayVolume()
        self._invented: list[Flags] = []
        self._moved: list[Ints] = []
        self._own: list[Ints] = []
        self._runs: tuple[list[Ints], list[Ints]] | None = ([], [])
        self._seq = -1

    def add(self, batch: pa.RecordBatch, rows: Ints, due: Ints, before: QuoteBlock | None) -> None:
        """Add the next trades.

        A quote that is recorded for itself stays as it is. One that is only told with its trade is widened to hold it.

        Args:
            batch: the trades.
            rows: their positions in the file.
            due: the time at which each is played.
            before: the last recorded quote before each, for trades without one, of size 0 where there is none; None
                for a symbol without recorded quotes.
        """
        self._check(batch, rows)
        self._note_seqs(batch)
        own, first = _ints(batch, "time"), len(self.cache)
        moved = np.flatnonzero(own // MILLISECOND != due // MILLISECOND)
        self._moved.append(moved + first)
        self._own.append(own[moved])
        price, size = self.steps(batch, "price", rows), self.steps(batch, "size", rows)
        side = self._sides(batch, price)
        quote, invented = self._touch(batch, rows, before)
        outside = ~invented & ((price < quote.bid) | (price > quote.ask))
        if before is None and (outside.any() or (quote.bid >= quote.ask)[~invented].any()):
            self._doubts.widened += int(outside.sum())
            held = np.minimum(quote.bid, price), np.maximum(quote.ask, price)
            invented |= held[0] >= held[1]
            quote = replace(quote, bid=held[0], ask=held[1])
        else:
            self._doubts.outside += int(outside.sum())
        self._invented.append(invented)
        made = synthetic_quotes(price, side)
        bid, ask = np.where(invented, made[0], quote.bid), np.where(invented, made[1], quote.ask)
        sizes = [np.where(known >= 1, known, size) for known in (quote.bid_size, quote.ask_size)]
        volume, trade_id = self._volumes(batch, rows, due, size), self._ids(batch, len(due))
        self.cache.append(TickBlock(due, price, size, side, bid, sizes[0], ask, sizes[1], volume, trade_id))
        self._price, self._side = int(price[-1]), int(side[-1])

    def finish(self) -> PlayedTrades:
        """Return all trades, readable."""
        self.cache.seal()
        invented = np.concatenate([np.zeros(0, bool), *self._invented])
        moved, own = (np.concatenate([np.zeros(0, np.int64), *parts]) for parts in (self._moved, self._own))
        runs = [np.concatenate([np.zeros(0, np.int64), *parts]) for parts in self._runs or ([], [])]
        return PlayedTrades(self.cache, invented, moved, own, (runs[0], runs[1]))

    def _note_seqs(self, batch: pa.RecordBatch) -> None:
        """Note where the numbers of the trades do not go on by one."""
        if self._runs is None or batch.column("seq").null_count:
            self._runs = None
            return
        seq = _ints(batch, "seq")
        jumps = np.flatnonzero(np.diff(seq, prepend=self._seq) != 1)
        if not len(self.cache):
            jumps = np.union1d(jumps, [0])
        self._runs[0].append(jumps + len(self.cache))
        self._runs[1].append(seq[jumps])
        self._seq = int(seq[-1])

    def _check(self, batch: pa.RecordBatch, rows: Ints) -> None:
        for name in ("time", "price", "size"):
            column = batch.column(name)
            if column.null_count:
                row = rows[int(np.argmax(column.is_null().to_numpy(zero_copy_only=False)))]
                raise self._rows.mistake(row, name, "it is empty")

    def _sides(self, batch: pa.RecordBatch, price: Ints) -> Ints:
        words, code = words_of(batch.column("side"))
        told = np.array([{"buy": BUY, "sell": SELL}.get(word, 0) for word in words], np.int64).take(code)
        self._doubts.unsided += int((told == 0).sum())
        return np.where(told == 0, tick_rule(price, self._price, self._side), told) if (told == 0).any() else told

    def _touch(self, batch: pa.RecordBatch, rows: Ints, before: QuoteBlock | None) -> tuple[QuoteBlock, Flags]:
        """Return the recorded quote of each trade, and whether there is none."""
        own = QuoteBlock(_ints(batch, "time"), *(self.steps(batch, name, rows, missing=0) for name in QUOTES))
        missing = (own.bid <= 0) | (own.ask <= 0)
        if before is not None and missing.any():
            own = replace(own, **{
                name: np.where(missing, getattr(before, name), getattr(own, name)) for name in QUOTES
            })  # fmt: skip
        return own, (own.bid <= 0) | (own.ask <= 0)

    def _volumes(self, batch: pa.RecordBatch, rows: Ints, time: Ints, size: Ints) -> Ints:
        """Return the recorded volumes; where none was recorded, the sum since the UTC day began."""
        if batch.column("volume").null_count:
            return self._volume.add(time, size)
        before = self._volume.before(int(time[0]))
        volume = self.steps(batch, "volume", rows, most=MOST_VOLUME)
        if (volume > EXACT_BELOW).any():
            volume = _exact_volume(volume, size, np.diff(time // DAY, prepend=int(time[0]) // DAY) != 0, before)
        self._volume.note(int(time[-1]), int(volume[-1]))
        return volume

    def _ids(self, batch: pa.RecordBatch, count: int) -> Ints:
        column = batch.column("trade_id")
        ids = _ints(batch, "trade_id") if not column.null_count else self._id + 1 + np.arange(count, dtype=np.int64)
        self._id = int(ids[-1])
        return ids


def _exact_volume(volume: Ints, size: Ints, begins: Flags, before: int) -> Ints:
    """Return volumes too large for exact floating point: each trade adds its size, unless some are missing."""
    exact = volume.copy()
    for row in np.flatnonzero(volume > EXACT_BELOW).tolist():
        earlier = 0 if begins[row] else int(exact[row - 1]) if row else before
        added = earlier + int(size[row])
        if abs(added - int(volume[row])) <= int(volume[row]) * VOLUME_ERROR:
            exact[row] = added
    return exact


def _ints(batch: pa.RecordBatch, name: str) -> Ints:
    numbers: Ints = batch.column(name).to_numpy(zero_copy_only=False).astype(np.int64)
    return numbers
