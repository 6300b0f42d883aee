"""Bars from CSV and Parquet as rows of trades that rebuild them, and LEAN's bars of quotes as quotes.

A bar without volume is left out; a minute without a bar is counted. Without a column of opens, a bar opens at the
close of the bar before, held within its own low and high.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from feed.errors import failure
from feed.importing.bargrid import Grid
from feed.importing.barticks import MIN_TICKS, FileBars, needed, ticks_of, too_small
from feed.importing.columns import Chunk, Meter, Wanted, read_columns
from feed.importing.conversion import Ints, zero_where_missing
from feed.importing.findings import Findings
from feed.importing.format import Reader
from feed.importing.numbers import StepColumn
from feed.importing.ordering import FileRows, check_order, oldest_first, sorted_pieces
from feed.importing.rows import Symbol, Trades
from feed.importing.sizes import PLAIN, SizeMeaning
from feed.importing.times import TimeColumn
from feed.scenario.tickfile import Column, TimeUnit

__all__ = ["BarFiles", "BarMapping"]

PRICES = ("open", "high", "low", "close")

ENOUGH_BARS = 50
"""The number of bars from which on a share of them tells something."""

FEW_BARS_SHARE = 0.05
"""Largest share of bars whose open or close lies outside of low and high, and is held within them unasked."""

BLOCK_TICKS = 131_072
"""Ticks per block; the last bar of a block may exceed it."""

MOST_TICKS = 10_000
"""The largest number of ticks of a bar, even if the file counts more trades."""


@dataclass(frozen=True, slots=True)
class BarMapping:
    """Meaning of a file's columns.

    Attributes:
        columns: time, high, low, close and volume; optionally open and trades (the number of trades).
        dates: the day from whose midnight the times of a file count, if its name gives one.
        interval: length of a bar, ns; None to take the shortest distance of the first bars.
        clamp: move an open or a close outside of low and high to the nearer of them, instead of refusing it.
    """

    columns: Mapping[str, Column]
    symbol: str = ""
    interval: int | None = None
    time_unit: TimeUnit | None = None
    dates: Mapping[Path, datetime.date] = field(default_factory=dict)
    tick_size: Decimal | None = None
    lot_size: Decimal | None = None
    rounding: bool = False
    delimiter: str | None = None
    header: bool | None = None
    sort: bool = False
    meaning: SizeMeaning = PLAIN
    clamp: bool = False

    @property
    def wanted(self) -> Wanted:
        """The columns to read from a file."""
        return Wanted(self.columns, self.delimiter, self.header)


@dataclass(slots=True)
class BarFiles(Reader):
    """Reader of files of bars that follow each other, as tables of rows."""

    paths: Sequence[Path]
    mapping: BarMapping
    findings: Findings
    meter: Meter
    _prices: StepColumn = field(init=False)
    _sizes: StepColumn = field(init=False)
    _clocks: dict[Path, TimeColumn] = field(init=False)
    _symbol: Symbol = field(init=False)
    _grid: Grid = field(init=False)
    _last: int = -(2**62)
    _close: tuple[int, int] | None = None
    _bars: int = 0

    def __post_init__(self) -> None:
        mapping = self.mapping
        self._prices = StepColumn(mapping.tick_size, rounding=mapping.rounding)
        self._sizes = StepColumn(mapping.lot_size, rounding=mapping.rounding)
        self._clocks = {path: TimeColumn(mapping.time_unit, mapping.dates.get(path)) for path in self.paths}
        self._symbol = Symbol(mapping.symbol)
        self._grid = Grid(mapping.symbol, mapping.interval, self.findings)

    def instruments(self) -> dict[str, tuple[Decimal, Decimal]]:
        """Return tick and lot size of the symbol."""
        return {self.mapping.symbol: (self._prices.step, self._sizes.step)}

    @property
    def infers_sides(self) -> bool:
        """Tell whether the sides are inferred: always, since bars have none."""
        return True

    def tables(self) -> Iterator[pa.Table]:
        """Yield the rows, in order.

        Raises:
            RecordingError: names file, row and column of the first mistake.
        """
        pieces = self._pieces()
        if self.mapping.sort:
            pieces = sorted_pieces(pieces, self._clocks.__getitem__, self.findings)
        else:
            pieces = oldest_first(pieces, self._clocks.__getitem__, self.findings)
        for piece in pieces:
            if len(piece.chunk["time"]):
                yield from self._tables(piece)
        self._say()

    def _pieces(self) -> Iterator[FileRows]:
        for path in self.paths:
            row = 1
            for chunk in read_columns(path, self.mapping.wanted, self.meter, self.findings.say):
                yield FileRows(path, row, chunk)
                row += len(chunk["time"])
            if row == 1:
                raise failure(path, "", "the file has no rows")

    def _tables(self, piece: FileRows) -> Iterator[pa.Table]:
        path, row = piece.path, piece.row
        clock = TimeColumn("ns") if self.mapping.sort else self._clocks[path]
        time = clock.read(path, "time", piece.chunk["time"], row)
        self._last = check_order(path, row, time, self._last)
        self._grid.check(path, row, time)
        told = self.mapping.meaning.read(piece.chunk["volume"], piece.chunk["close"])
        volume = self._sizes.read(path, "volume", zero_where_missing(told), row, least=0)
        kept = np.flatnonzero(volume > 0)
        if len(kept) < len(volume):
            first = row + int(np.argmax(volume == 0))
            where = f"{path.name} row {first}"
            self.findings.count("bar without volume", "", where, "is left out", len(volume) - len(kept))
        if len(kept):
            bars = self._read(piece, time, volume, kept)
            self._check(bars, piece, kept)
            for part in _parts(bars):
                yield self._rows(part)

    def _read(self, piece: FileRows, time: Ints, volume: Ints, kept: Ints) -> FileBars:
        chunk = _filled(piece.chunk, volume > 0, int(kept[0]))
        prices = {key: values[kept] for key, values in self._read_prices(piece, chunk).items()}
        for key in ("open", "close"):
            if key in prices:
                prices[key] = self._held(piece, key, prices, kept)
        if "open" not in prices:
            prices["open"] = self._opens(prices)
        count = np.full(len(kept), MIN_TICKS, np.int64)
        if "trades" in chunk:
            told = StepColumn(Decimal(1)).read(piece.path, "trades", chunk["trades"], piece.row)
            count = np.clip(told[kept], 1, MOST_TICKS)
        return FileBars(time=time[kept], volume=volume[kept], count=count, **prices)

    def _read_prices(self, piece: FileRows, chunk: Chunk) -> dict[str, Ints]:
        """Read all prices in the same unit: if one has more decimals than those before it, all are read again."""
        while True:
            places = self._prices.places
            read = {key: self._prices.read(piece.path, key, chunk[key], piece.row) for key in PRICES if key in chunk}
            if places == self._prices.places:
                return read

    def _held(self, piece: FileRows, key: str, prices: dict[str, Ints], kept: Ints) -> Ints:
        """Return the opens or closes, each between low and high."""
        values, low, high = prices[key], prices["low"], prices["high"]
        wrong = np.flatnonzero((values < low) | (values > high))
        if not len(wrong):
            return values
        row = piece.row + int(kept[wrong[0]])
        # Few of many are prices of another moment; many would be columns that were swapped.
        few = len(values) >= ENOUGH_BARS and len(wrong) <= FEW_BARS_SHARE * len(values)
        if not self.mapping.clamp and not few:
            hint = "are columns swapped? Bitfinex has open, close, high, low; --clamp holds it within them"
            raise failure(piece.path, f"row {row}, {key}", "is not between low and high", hint)
        where = f"{piece.path.name} row {row}"
        self.findings.count(f"{key} outside of low and high", "", where, "is held within them", len(wrong))
        return np.asarray(np.minimum(np.maximum(values, low), high), np.int64)

    def _opens(self, prices: dict[str, Ints]) -> Ints:
        close, places = prices["close"], self._prices.places
        last = int(close[0]) if self._close is None else self._close[0] * 10 ** (places - self._close[1])
        before = np.concatenate(([last], close[:-1]))
        return np.asarray(np.minimum(np.maximum(before, prices["low"]), prices["high"]), np.int64)

    def _rows(self, bars: FileBars) -> pa.Table:
        ticks = ticks_of(bars, self._grid.interval)
        self._close = int(bars.close[-1]), self._prices.places
        self._bars += len(bars)
        return self._symbol.table(Trades(ticks.time, ticks.price, ticks.size, self._prices.places, self._sizes.places))

    def _check(self, bars: FileBars, piece: FileRows, kept: Ints) -> None:
        if len(crossed := np.flatnonzero(bars.low > bars.high)):
            where = f"row {piece.row + int(kept[crossed[0]])}, low"
            raise failure(piece.path, where, "is above the high", "are columns swapped?")
        if (first := too_small(bars)) is not None:
            where = f"row {piece.row + int(kept[first])}, volume"
            lots = f"{int(bars.volume[first])} lots of {self._sizes.step:f}"
            message = f"{lots} cannot show the bar: it takes {int(needed(bars)[first])} trades"
            raise failure(piece.path, where, message, "set a smaller --lot-size")

    def _say(self) -> None:
        say = self.findings.say
        for clock in self._clocks.values():
            if clock.told:
                say(clock.told)
        say(f"{self._bars} bars became {self._symbol.seq} ticks that rebuild them exactly")
        say("times within a bar are evenly spread, sides are inferred by the tick rule, trades are counted from 1")
        if "open" not in self.mapping.columns:
            say("there is no open: a bar opens at the close of the bar before, held within its low and high")


def _parts(bars: FileBars) -> Iterator[FileBars]:
    """Yield the bars in blocks that become a bounded number of ticks."""
    block = np.cumsum(bars.count) // BLOCK_TICKS
    edges = [0, *(np.flatnonzero(np.diff(block)) + 1).tolist(), len(bars)]
    for first, last in pairwise(edges):
        yield FileBars(*(getattr(bars, column.name)[first:last] for column in fields(FileBars)))


def _filled(chunk: Chunk, kept: Any, first: int) -> Chunk:
    """Return the chunk with the values of row `first` in rows that are not kept, since those may have no prices."""
    mask = pa.array(kept)
    return {key: column if kept.all() else pc.if_else(mask, column, column[first]) for key, column in chunk.items()}
