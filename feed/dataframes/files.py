"""`read`: files that `feed generate` wrote, as the same frames that a server or a scenario gives."""

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

from feed.data.columns import NUMBERS, PRICES
from feed.data.ticks import Instrument
from feed.dataframes.analysis import time_bars
from feed.dataframes.tape import RecordingData
from feed.dataframes.ticks import TickColumns, polars_frame, tick_frame
from feed.errors import Problem, RecordingError
from feed.tape.export import INSTRUMENTS_KEY
from feed.tape.reader import is_recording
from feed.units import MILLISECOND, parse_step

if TYPE_CHECKING:
    import polars as pl

__all__ = ["TickData", "read"]

Steps = Mapping[str, tuple[str, str]]
Ints = NDArray[np.int64]

NEEDED = ("time", "symbol", "side", *NUMBERS, "trade_id")


def read(path: str | Path, *, steps: Steps | None = None) -> TickData | RecordingData:
    """A recording, or a file of ticks, as `feed generate` writes it: Parquet, or CSV, which may be packed.

    Args:
        path: the file; its name says what it is.
        steps: `{symbol: (tick size, lot size)}`. Parquet has them; without them, the steps of a CSV are one in the
            last decimal that it writes.

    Raises:
        RecordingError: it is not there, cannot be read, or is no such file.
    """
    file = Path(path)
    # Of a file that is not there this tells whether one that was cut off is.
    if is_recording(file):
        return RecordingData(file)
    try:
        table = _parquet(file) if file.suffix.lower() in (".parquet", ".pq") else _csv(file)
    except FileNotFoundError:
        raise _failure(file, "", "there is no such file") from None
    except (OSError, pa.ArrowException) as error:
        raise _failure(file, "", f"cannot be read: {str(error).splitlines()[0][:200]}") from error
    missing = [name for name in NEEDED if name not in table.column_names]
    if missing:
        told = f"the file has {', '.join(table.column_names[:20])}"
        raise _failure(file, ", ".join(missing), "there is no such column", f"{told}; is it one of feed generate?")
    return TickData(table, _instruments(file, table, steps))


class TickData:
    """What a file has.

    Args:
        table: the file's columns as they are, times in ns.
        instruments: the symbols that are there, with their steps.
    """

    def __init__(self, table: pa.Table, instruments: Sequence[Instrument]) -> None:
        self.table = table
        self.instruments = tuple(instruments)

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
            steps={name: self._steps(name, code) for name in NUMBERS},
            trade_id=self._numbers("trade_id"),
        )
        frame = tick_frame(columns, self.instruments)
        frame.attrs |= self.facts
        return frame

    @property
    def facts(self) -> dict[str, Any]:
        """What the file tells of where it comes from: scenario and seed, if it does."""
        told = {key.decode(): value.decode() for key, value in (self.table.schema.metadata or {}).items()}
        facts: dict[str, Any] = {}
        if "feed.scenario" in told:
            facts["scenario"] = told["feed.scenario"]
        if "feed.seed" in told:
            facts["seed"] = int(told["feed.seed"])
        return facts

    def candles(self, interval: str = "1m") -> pd.DataFrame:
        """Bars of equal time, such as `1s`, `1m` or `1h`: `feed.analysis.time_bars` of the ticks."""
        return time_bars(self.ticks, interval)

    def to_pandas(self) -> pd.DataFrame:
        """The ticks."""
        return self.ticks

    def to_polars(self) -> pl.DataFrame:
        """The ticks for polars, with the index as the column `time`. Raises UsageError where polars is missing."""
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


def _parquet(file: Path) -> pa.Table:
    return pq.read_table(file)


def _csv(file: Path) -> pa.Table:
    # Numbers as text: what they are written with tells their decimals.
    text = dict.fromkeys(("symbol", "side", *NUMBERS), pa.string())
    return pc_csv.read_csv(file, convert_options=pc_csv.ConvertOptions(column_types=text))


def _instruments(file: Path, table: pa.Table, steps: Steps | None) -> list[Instrument]:
    """In the order in which the market had them, as far as the file tells."""
    present = pc.unique(table["symbol"].cast(pa.string())).to_pylist()
    told = dict(steps or _told(table) or _written(file, table, present))
    for symbol in present:
        if symbol not in told:
            raise _failure(file, symbol, "the steps of this symbol are not told", 'give steps={"BTC/USD": ("0.01", …)}')
    return [Instrument(name, parse_step(told[name][0]), parse_step(told[name][1])) for name in told if name in present]


def _told(table: pa.Table) -> dict[str, tuple[str, str]] | None:
    told = (table.schema.metadata or {}).get(INSTRUMENTS_KEY.encode())
    return None if told is None else {symbol: (tick, lot) for symbol, (tick, lot) in orjson.loads(told).items()}


def _written(file: Path, table: pa.Table, present: Sequence[str]) -> dict[str, tuple[str, str]]:
    """One in the last decimal of each symbol's first row."""
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
