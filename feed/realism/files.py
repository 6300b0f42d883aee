"""Reading of files of real trades or one-minute bars, as `feed import` reads them, to tables for facts.

Missing data is not made up here: without a column of sides or quotes there are none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from feed.data.columns import QUOTES
from feed.errors import UsageError, failure
from feed.importing.bars import BarFiles
from feed.importing.columns import Meter, Wanted, read_columns
from feed.importing.findings import Findings
from feed.importing.format import Reader
from feed.importing.formats import detect, open_files
from feed.importing.options import Options
from feed.importing.times import TimeColumn
from feed.importing.trades import TradeFiles
from feed.realism.table import FillTable, MinuteBars, Quotes
from feed.scenario.tickfile import Column, TickFile
from feed.tape.reader import open_recording
from feed.units import MINUTE

__all__ = ["read_file", "read_quotes", "without"]

FINE = Decimal("0.00000001")
"""Tick and lot size for files, so that prices and sizes are kept unchanged: no venue writes more decimals."""

CLOSES = ("close", "c")
"""Names of a price column that mean bars, if there are no sides."""


def read_quotes(path: Path, symbol: str) -> Quotes | None:
    """Return the best quotes that a recording has of a symbol beside its trades; None if it has none."""
    columns = ("time", "bid", "bid_size", "ask", "ask_size")
    found: list[list[Any]] = []
    with open_recording(path) as recording:
        for batch in recording.batches(("channel", "symbol", *columns)):
            wanted = pc.and_(pc.equal(batch.column("channel"), "quote"), pc.equal(batch.column("symbol"), symbol))
            rows = batch.filter(wanted)
            if len(rows):
                found.append([rows.column(name).to_numpy(zero_copy_only=False) for name in columns])
    if not found:
        return None
    time, bid, bid_size, ask, ask_size = (np.concatenate(parts) for parts in zip(*found, strict=True))
    order = np.argsort(time, kind="stable")
    return Quotes(time[order].astype(np.int64), bid[order], ask[order], bid_size[order], ask_size[order])


def read_file(path: Path, options: Options) -> FillTable | MinuteBars:
    """Read the trades of a file, of the first symbol if it has several, or its one-minute bars.

    Args:
        path: the file, of any format of `feed import`.
        options: the options given for the file.

    Raises:
        RecordingError: it cannot be read, or a column is neither given nor found.
        UsageError: an option does not apply to it.
    """
    format = _format_of(path, options)
    if format == "trades":
        options = replace(options, tick_size=FINE, lot_size=FINE, rounding=True, missing_size="skip")
    reader = open_files(format, [path], replace(options, usual_symbol="file"), Findings(), Meter(0))
    bars = _bars_of(path, reader)
    return _fills(path, reader) if bars is None else _read_bars(path, bars)


def _format_of(path: Path, options: Options) -> str:
    """Return the format of a file; if unknown, trades, whose reader names the missing column."""
    if options.columns:
        return "trades"
    try:
        return detect(path)[0]
    except UsageError:
        return "trades"


@dataclass(frozen=True, slots=True)
class _BarColumns:
    """Columns of times, closes and volumes, and their format."""

    columns: Mapping[str, Column]
    clock: TimeColumn
    delimiter: str | None
    header: bool | None


def _bars_of(path: Path, reader: Reader) -> _BarColumns | None:
    """Return the columns of a file of bars (closes without sides); None for a file of trades."""
    if isinstance(reader, BarFiles):
        mapping, close, volume = reader.mapping, "close", "volume"
        clock = TimeColumn(mapping.time_unit, mapping.dates.get(path))
    elif isinstance(reader, TradeFiles) and reader.infers_sides and _is_close(reader.mapping.columns["price"]):
        close, volume = "price", "size"
        clock = TimeColumn(reader.mapping.time_unit, reader.mapping.date)
    else:
        return None
    told = reader.mapping
    columns = {"time": told.columns["time"], "close": told.columns[close], "volume": told.columns[volume]}
    return _BarColumns(columns, clock, told.delimiter, told.header)


def _is_close(column: Column) -> bool:
    return str(column).casefold() in CLOSES


@dataclass(slots=True)
class _Gathered:
    """Trades of one symbol, column by column."""

    parts: dict[str, list[Any]] = field(default_factory=dict)

    def add(self, rows: pa.Table) -> None:
        for name in ("time", "price", "size", *QUOTES):
            self.parts.setdefault(name, []).append(rows[name].to_numpy())
        buys = pc.equal(rows["side"].cast(pa.string()), "buy")
        self.parts.setdefault("side", []).append(np.where(pc.fill_null(buys, False).to_numpy(), 1, -1))

    def column(self, name: str) -> Any:
        return np.concatenate(self.parts[name])

    def optional(self, name: str) -> Any:
        """Return a column that has a value in every row; None if any is missing."""
        values = self.column(name).astype(np.float64)
        return None if np.isnan(values).any() else values


def _fills(path: Path, reader: Reader) -> FillTable:
    symbol, gathered = None, _Gathered()
    for table in reader.tables():
        trades = table.filter(pc.equal(table["channel"].cast(pa.string()), "trading"))
        if len(trades):
            names = trades["symbol"].cast(pa.string())
            symbol = symbol or names[0].as_py()
            gathered.add(trades.filter(pc.equal(names, symbol)))
    if symbol is None:
        raise failure(path, "", "there are no trades in it")
    side = None if reader.infers_sides else gathered.column("side")
    quotes = [gathered.optional(name) for name in QUOTES]
    if quotes[0] is None or quotes[2] is None:
        quotes = [None] * len(QUOTES)
    price, size = (gathered.column(name).astype(np.float64) for name in ("price", "size"))
    return FillTable(gathered.column("time").astype(np.int64), price, size, side, *quotes)


def without(fills: FillTable, spec: TickFile | None) -> FillTable:
    """Return trades with the columns of their file alone: a replay makes up missing sides and quotes."""
    if spec is None:
        return fills
    if spec.side is None:
        fills = replace(fills, side=None)
    if spec.bid is None:
        fills = replace(fills, bid=None, ask=None)
    if spec.bid_size is None:
        fills = replace(fills, bid_size=None)
    return fills if spec.ask_size is not None else replace(fills, ask_size=None)


def _read_bars(path: Path, bars: _BarColumns) -> MinuteBars:
    """Return the one-minute bars of a file; missing minutes get no volume and the close before them."""
    times, closes, volumes, row = [], [], [], 1
    for chunk in read_columns(path, Wanted(bars.columns, bars.delimiter, bars.header), Meter(0)):
        times.append(bars.clock.read(path, "time", chunk["time"], row))
        closes.append(_floats(path, "price", chunk["close"]))
        volumes.append(np.nan_to_num(_floats(path, "size", chunk["volume"])))
        row += len(times[-1])
    if not times or not sum(map(len, times)):
        raise failure(path, "", "there are no bars in it")
    minute = np.concatenate(times) // MINUTE
    if (np.diff(minute) < 0).any():
        raise failure(path, "time", "the bars are not in order of time")
    close, volume = np.concatenate(closes), np.concatenate(volumes)
    known = np.isfinite(close)
    minute, close, volume = minute[known], close[known], volume[known]
    if not len(minute):
        raise failure(path, "price", "there is no close in it")
    every = np.arange(int(minute[0]), int(minute[-1]) + 1, dtype=np.int64)
    last = np.searchsorted(minute, every, side="right") - 1
    return MinuteBars(every, close[last], np.bincount(minute - minute[0], weights=volume).astype(np.float64))


def _floats(path: Path, key: str, column: pa.Array) -> np.ndarray[Any, np.dtype[np.float64]]:
    try:
        if pa.types.is_string(column.type):
            # A minute without a trade is often a row with empty fields.
            column = pc.if_else(pc.equal(column, ""), None, column)
        return np.asarray(column.cast(pa.float64()).to_numpy(zero_copy_only=False), np.float64)
    except pa.ArrowException as error:
        raise failure(path, key, str(error).splitlines()[0][:200]) from None
