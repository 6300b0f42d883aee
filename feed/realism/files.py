"""Files of real trades or one-minute bars as the tables of facts: their columns by name, or found by their usual names.

What a file does not tell is not made up here: without a column of sides or quotes there are none.
"""

from __future__ import annotations

import csv
import gzip
import io
import zipfile
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from feed.data.ticks import Instrument
from feed.errors import failure
from feed.importing.cells import read_times
from feed.importing.chunks import read_chunks
from feed.importing.source_file import TickFileSource
from feed.realism.scoreboard import fills_of
from feed.realism.table import Bars, Fills, Quotes
from feed.scenario.tickfile import Column, TickFile
from feed.tape.reader import open_recording
from feed.units import MINUTE

__all__ = ["Columns", "read_bars", "read_fills", "read_quotes", "told_by", "without"]

Columns = dict[str, Any]
"""Keys of `[source]`, as far as they are told."""

FINE = Decimal("0.00000001")
"""Files keep prices and sizes as they are written: no venue writes more decimals."""

USUAL: dict[str, tuple[str, ...]] = {
    "time": ("timestamp", "time", "time_ms", "ts", "minute_epoch", "open_time", "date", "datetime"),
    "price": ("price", "p", "close", "c"),
    "size": ("size", "quantity", "amount", "qty", "volume", "v"),
    "side": ("side", "taker_side"),
}
MAGNITUDES = ((1e17, "ns"), (1e14, "us"), (1e11, "ms"), (1e8, "s"), (1e7, "min"))
"""A time since 1990 that is larger than that counts in this unit."""


def read_quotes(path: Path, symbol: str) -> Quotes | None:
    """The best quotes that a recording has of a symbol beside its trades; None where it has none."""
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


def told_by(path: Path, told: Columns) -> tuple[TickFile, bool]:
    """What the file's columns mean, and whether it has bars: they have a close and no price.

    Raises:
        RecordingError: there is no such file, or a column is not told and not found.
    """
    names, first = _head(path)
    folded = {name.casefold(): name for name in names}
    found: Columns = dict(told)
    for key, usual in USUAL.items():
        if key not in found and (name := next((folded[each] for each in usual if each in folded), None)):
            found[key] = name
    missing = [key for key in ("time", "price", "size") if key not in found]
    if missing:
        has = ", ".join(names[:12])
        raise failure(path, ", ".join(missing), f"which column is it? the file has {has}", f"--{missing[0]} COLUMN")
    if "time_unit" not in found:
        found["time_unit"] = _unit(first, names, found["time"])
    bars = str(found["price"]).casefold() in ("close", "c") and "side" not in found
    return TickFile(file=path.name, missing_size="skip", rounding=True, **found), bars


def read_fills(spec: TickFile, path: Path) -> Fills:
    """The trades of a file."""
    source = TickFileSource(spec, path, Instrument("file", FINE, FINE))
    batches = [fills_of(batch.ticks[0], source.instruments[0]) for batch in source.batches(source.start)]
    keys = ("time", "price", "size", "side", "bid", "bid_size", "ask", "ask_size")
    whole: list[Any] = [np.concatenate([getattr(part, key) for part in batches]) for key in keys]
    return without(Fills(*whole), spec)


def without(fills: Fills, spec: TickFile | None) -> Fills:
    """Trades with what their file tells and nothing else: a replay makes up sides and quotes where there are none."""
    if spec is None:
        return fills
    if spec.side is None:
        fills = replace(fills, side=None)
    if spec.bid is None:
        fills = replace(fills, bid=None, ask=None)
    if spec.bid_size is None:
        fills = replace(fills, bid_size=None)
    return fills if spec.ask_size is not None else replace(fills, ask_size=None)


def read_bars(spec: TickFile, path: Path) -> Bars:
    """The one-minute bars of a file, with the minutes that it leaves out: no volume, and the close before them.

    Raises:
        RecordingError: a time, close or volume cannot be read, or the file has no bars.
    """
    times, closes, volumes, row = [], [], [], 1
    wanted = spec.model_copy(update={"side": None, "bid": None, "ask": None, "trade_id": None})
    for chunk in read_chunks(wanted, path):
        times.append(read_times(spec, path, chunk["time"], row))
        closes.append(_floats(path, "price", chunk["price"]))
        volumes.append(np.nan_to_num(_floats(path, "size", chunk["size"])))
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
    return Bars(every, close[last], np.where(minute[last] == every, volume[last], 0.0))


def _floats(path: Path, key: str, column: pa.Array) -> np.ndarray[Any, np.dtype[np.float64]]:
    try:
        if pa.types.is_string(column.type):
            # A minute without a trade is often a row with nothing in it.
            column = pc.if_else(pc.equal(column, ""), None, column)
        return np.asarray(column.cast(pa.float64()).to_numpy(zero_copy_only=False), np.float64)
    except pa.ArrowException as error:
        raise failure(path, key, str(error).splitlines()[0][:200]) from None


def _head(path: Path) -> tuple[list[str], list[str]]:
    """The names of the columns, and the first row as text."""
    try:
        if path.suffix.lower() in (".parquet", ".pq"):
            file = pq.ParquetFile(path)
            batch = next(file.iter_batches(batch_size=1), None)
            row = [] if batch is None else [str(column[0].as_py()) for column in batch.columns]
            return list(file.schema_arrow.names), row
        rows = csv.reader(io.StringIO(_first_lines(path)))
        return next(rows, []), next(rows, [])
    except FileNotFoundError:
        raise failure(path, "", "there is no such file") from None
    except (OSError, pa.ArrowException, EOFError, zipfile.BadZipFile, UnicodeDecodeError) as error:
        raise failure(path, "", f"cannot be read: {str(error).splitlines()[0][:200]}") from None


def _first_lines(path: Path) -> str:
    suffix = path.suffix.lower()
    if suffix == ".zip":
        with zipfile.ZipFile(path) as archive, archive.open(archive.namelist()[0]) as member:
            return (member.readline() + member.readline()).decode()
    with gzip.open(path) if suffix == ".gz" else path.open("rb") as file:
        return (file.readline() + file.readline()).decode()


def _unit(first: list[str], names: list[str], column: Column) -> str:
    """The unit of the first time, by its size; what is no number is ISO 8601."""
    place = column if isinstance(column, int) else names.index(column) if column in names else len(first)
    try:
        value = float(first[place])
    except ValueError:
        return "iso"
    except IndexError:
        return "ms"
    return next((unit for least, unit in MAGNITUDES if value > least), "ms")
