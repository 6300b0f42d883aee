"""`read` for recordings and any other file of market data, with the same frames as from a server or a scenario."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pc_csv
import pyarrow.parquet as pq
from numpy.typing import NDArray

from feed.data.columns import DECIMALS, PRICES
from feed.data.ticks import Instrument
from feed.dataframes.analysis import time_bars
from feed.dataframes.spans import Moment, moment_of, slice_of
from feed.dataframes.tape import RecordingData
from feed.dataframes.ticks import TickColumns, chosen_columns, polars_frame, tick_frame
from feed.errors import Problem, RecordingError
from feed.importing.heads import head_of
from feed.sources.files import open_file
from feed.tape.layout import INSTRUMENTS_KEY
from feed.tape.reader import is_recording, open_recording
from feed.tape.slices import Slice, symbols_of
from feed.units import MILLISECOND, parse_step

if TYPE_CHECKING:
    import polars as pl

__all__ = ["TickData", "read"]

Steps = Mapping[str, tuple[str, str]]
Ints = NDArray[np.int64]

NEEDED = ("time", "symbol", "side", *DECIMALS, "trade_id")


def read(
    path: str | Path,
    *,
    start: Moment | None = None,
    end: Moment | None = None,
    symbol: str | Sequence[str] | None = None,
    columns: Sequence[str] | None = None,
    steps: Steps | None = None,
) -> TickData | RecordingData:
    """Read a recording, a file of ticks as `feed generate` exports it, or a file of any format of `feed import`.

    What is read takes memory by what is asked for: of a recording only the row groups of that time are read.

    Args:
        path: the file; compressed or not.
        start, end: market time from `start` up to, not including, `end`: ISO 8601, a `datetime`, ns UTC as an int, or
            how far into the file, such as `10m`. A slice has the book as it was at its start.
        symbol: one or several; else all.
        columns: the columns of `ticks`; else all.
        steps: of a file of ticks: `{symbol: (tick size, lot size)}`. Parquet has them; without them, the steps of a CSV
            are one in the last decimal that it writes.

    Raises:
        RecordingError: the file does not exist, cannot be read, or its format is not recognised.
        UsageError: nothing was recorded in that time, there is no such symbol, or no such column.
    """
    file = Path(path)
    # For a missing file this reports whether an interrupted recording of that name exists.
    if is_recording(file):
        with open_recording(file) as reader:
            chosen = slice_of(reader, start, end, symbol)
        return RecordingData(file, chosen=chosen, columns=columns)
    if not _is_ticks(file):
        source = open_file(file)
        begin, until = (moment_of(name, value, source.start) for name, value in (("start", start), ("end", end)))
        return RecordingData(file, source, Slice(begin, until, symbols_of(symbol)), columns)
    try:
        table = _parquet(file) if file.suffix.lower() in (".parquet", ".pq") else _csv(file)
    except (OSError, pa.ArrowException) as error:
        raise _failure(file, "", f"cannot be read: {str(error).splitlines()[0][:200]}") from error
    instruments = _instruments(file, table, steps)
    return TickData(_sliced(table, start, end, symbols_of(symbol)), instruments, columns)


def _sliced(table: pa.Table, start: Moment | None, end: Moment | None, symbols: tuple[str, ...] | None) -> pa.Table:
    """Return the rows of a file of ticks in a span of time and of some symbols."""
    begins = table["time"][0].as_py() if len(table) else 0
    begin, until = moment_of("start", start, begins), moment_of("end", end, begins)
    if begin is not None:
        table = table.filter(pc.greater_equal(table["time"], begin))
    if until is not None:
        table = table.filter(pc.less(table["time"], until))
    if symbols is not None:
        table = table.filter(pc.is_in(table["symbol"].cast(pa.string()), pa.array(symbols)))
    return table


class TickData:
    """Content of a tick file.

    Args:
        table: the file's columns as they are, times in ns.
        instruments: the symbols in the file, with their steps.
        columns: the columns of `ticks`; else all.
    """

    def __init__(
        self, table: pa.Table, instruments: Sequence[Instrument], columns: Sequence[str] | None = None
    ) -> None:
        self.table = table
        self.instruments = tuple(instruments)
        self._columns = chosen_columns(columns)

    @cached_property
    def ticks(self) -> pd.DataFrame:
        """The ticks, as `feed.dataframes.ticks` describes them; `seq` counts the file's rows of each symbol from 1."""
        codes = {instrument.symbol: code for code, instrument in enumerate(self.instruments)}
        symbols = self.table["symbol"].cast(pa.string()).to_pylist()
        code = np.array([codes[symbol] for symbol in symbols], np.int64)
        columns = TickColumns(
            timestamp=self._numbers("time") // MILLISECOND,
            seq=_counted(code, len(self.instruments)),
            code=code,
            buy=np.array(self.table["side"].cast(pa.string()).to_pylist(), str) == "buy",
            steps={name: self._steps(name, code) for name in DECIMALS},
            trade_id=self._numbers("trade_id"),
        )
        frame = tick_frame(columns, self.instruments, self._columns)
        frame.attrs |= self.facts
        return frame

    @property
    def facts(self) -> dict[str, Any]:
        """The file's facts about its origin: scenario and seed, if it has them."""
        told = {key.decode(): value.decode() for key, value in (self.table.schema.metadata or {}).items()}
        facts: dict[str, Any] = {}
        if "feed.scenario" in told:
            facts["scenario"] = told["feed.scenario"]
        if "feed.seed" in told:
            facts["seed"] = int(told["feed.seed"])
        return facts

    def candles(self, interval: str = "1m") -> pd.DataFrame:
        """Build bars of equal time, such as `1s`, `1m` or `1h`: `feed.analysis.time_bars` of the ticks."""
        return time_bars(self.ticks, interval)

    def to_pandas(self) -> pd.DataFrame:
        """Return the ticks."""
        return self.ticks

    def to_polars(self) -> pl.DataFrame:
        """Return the ticks for polars, with the index as column `time`. Raises UsageError where polars is missing."""
        return polars_frame(self.ticks)

    def _numbers(self, name: str) -> Ints:
        result: Ints = self.table[name].to_numpy().astype(np.int64)
        return result

    def _steps(self, name: str, code: Ints) -> Ints:
        price = name in PRICES
        sizes = np.array([float(each.tick_size if price else each.lot_size) for each in self.instruments] or [1.0])
        values = self.table[name].cast(pa.float64()).to_numpy()
        steps: Ints = np.rint(values / sizes[code]).astype(np.int64)
        return steps


def _is_ticks(file: Path) -> bool:
    """Tell whether a file has all columns of ticks, from any writer."""
    head = head_of(file)
    return set(NEEDED) <= set(head.cells)


def _parquet(file: Path) -> pa.Table:
    return pq.read_table(file)


def _csv(file: Path) -> pa.Table:
    # Numbers as text: their digits give their decimals.
    text = dict.fromkeys(("symbol", "side", *DECIMALS), pa.string())
    return pc_csv.read_csv(file, convert_options=pc_csv.ConvertOptions(column_types=text))


def _instruments(file: Path, table: pa.Table, steps: Steps | None) -> list[Instrument]:
    """Return the instruments in the order of the market, as far as the file has it."""
    present = pc.unique(table["symbol"].cast(pa.string())).to_pylist()
    told = dict(steps or _told(table) or _written(file, table, present))
    for symbol in present:
        if symbol not in told:
            raise _failure(file, symbol, "the steps of this symbol are not told", 'give steps={"BTC/USD": ("0.01", …)}')
    return [Instrument(name, parse_step(told[name][0]), parse_step(told[name][1])) for name in told if name in present]


def _told(table: pa.Table) -> dict[str, tuple[str, str]] | None:
    told = (table.schema.metadata or {}).get(INSTRUMENTS_KEY)
    return None if told is None else {symbol: (tick, lot) for symbol, (tick, lot) in orjson.loads(told).items()}


def _written(file: Path, table: pa.Table, present: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Return steps of one in the last decimal of each symbol's first row."""
    for name in NEEDED:
        if table[name].null_count:
            hint = "a recording that another program wrote again has lost what feed knows it by"
            raise _failure(file, name, "this column has empty cells", hint)
    symbols = table["symbol"].cast(pa.string())
    told = {}
    for symbol in present:
        first = pc.index(symbols, symbol).as_py()
        price, size = (str(Decimal(1).scaleb(_exponent(table[name][first].as_py()))) for name in ("price", "size"))
        told[symbol] = (f"{Decimal(price):f}", f"{Decimal(size):f}")
    return told


def _exponent(value: object) -> int:
    exponent = Decimal(str(value)).as_tuple().exponent
    return min(0, exponent) if isinstance(exponent, int) else 0


def _counted(code: Ints, symbols: int) -> Ints:
    seq = np.zeros(len(code), np.int64)
    for symbol in range(symbols):
        rows = np.flatnonzero(code == symbol)
        seq[rows] = np.arange(1, len(rows) + 1)
    return seq


def _failure(file: Path, where: str, message: str, hint: str | None = None) -> RecordingError:
    return RecordingError(str(file), [Problem(where, message, hint)])
