"""Candles from the trades of a recording: CSV, JSON lines or Parquet, one row a bar and symbol."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import orjson
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pc_csv
import pyarrow.parquet as pq

from feed.data.ticks import Instrument
from feed.errors import UsageError
from feed.exporting.packing import PACKED, packed_stream
from feed.exporting.rows import ExportRows, clock_column, units_of
from feed.exporting.target import ExportOptions, ExportTarget, Written
from feed.tape.layout import words_of
from feed.tape.tickcsv import units_text
from feed.units import format_duration

__all__ = ["CANDLES"]

SUMS = {"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum", "quote": "sum", "trades": "sum"}
"""How the parts of a bar make the bar."""

PRICES = ("open", "high", "low", "close")


def _write(rows: ExportRows, out: Path, options: ExportOptions) -> Written:
    done = Written()
    bars = _bars(rows, options.bar)
    tables = [_table(part, rows.instruments[str(name)]) for name, part in bars.groupby("symbol", sort=False)]
    table = pa.concat_tables(tables).sort_by([("time", "ascending"), ("symbol", "ascending")])
    done.count(f"bars of {format_duration(options.bar)}", len(table))
    done.say("a bar begins at a whole multiple of its length, UTC; a span without a trade has no bar")
    if out.name.lower().endswith(".parquet"):
        numbers = (*PRICES, "volume", "vwap")
        kinds = [
            pa.field(each.name, pa.float64() if each.name in numbers else each.type, nullable=False)
            for each in table.schema
        ]
        stamps = pa.field("time", pa.timestamp("ns", "UTC"), nullable=False)
        pq.write_table(table.cast(pa.schema([stamps, *kinds[1:]])), out, compression="zstd")
        return done
    with packed_stream(out, out.name) as stream:
        if ".jsonl" in out.name.lower():
            for row in table.to_pylist():
                told = {name: float(row[name]) if name in (*PRICES, "volume", "vwap") else row[name] for name in row}
                stream.write(orjson.dumps(told, option=orjson.OPT_APPEND_NEWLINE))
        else:
            pc_csv.write_csv(
                table, pa.PythonFile(stream, "w"), pc_csv.WriteOptions(quoting_style="none", quoting_header="none")
            )
    return done


def _bars(rows: ExportRows, length: int) -> pd.DataFrame:
    """Return the bars of all symbols, in counts of their last decimals; each batch makes parts of bars."""
    parts = [part for table in rows.tables("trading") for part in _parts(rows, table, length)]
    if not parts:
        raise UsageError("there are no trades in it, of which candles could be made")
    return pd.concat(parts).groupby(["symbol", "time"], sort=False).agg(SUMS).reset_index()


def _parts(rows: ExportRows, table: pa.Table, length: int) -> Iterator[pd.DataFrame]:
    symbols, code = words_of(table["symbol"])
    time = clock_column(table, "time") // length * length
    for each in np.unique(code).tolist():
        if (instrument := rows.instruments.get(symbols[each])) is None:
            continue
        place = np.flatnonzero(code == each)
        price, size = (
            units_of(table[name].to_numpy()[place].astype(np.float64), name, instrument) for name in ("price", "size")
        )
        frame = pd.DataFrame({"time": time[place], "price": price, "volume": size, "quote": price * size.astype(float)})
        grouped = frame.groupby("time", sort=False)
        prices = {name: getattr(grouped["price"], SUMS[name])() for name in PRICES}
        part = pd.DataFrame({**prices, "volume": grouped["volume"].sum(), "quote": grouped["quote"].sum()})
        yield part.assign(trades=grouped.size(), symbol=instrument.symbol).reset_index()


def _table(bars: pd.DataFrame, instrument: Instrument) -> pa.Table:
    decimals = instrument.price_decimals
    vwap = bars["quote"].to_numpy(float) / bars["volume"].to_numpy(float) / 10.0**decimals
    return pa.table(
        {
            "time": pa.array(bars["time"].to_numpy(np.int64)),
            "symbol": pa.array([instrument.symbol] * len(bars)),
            **{name: units_text(bars[name].to_numpy(np.int64), decimals) for name in PRICES},
            "volume": units_text(bars["volume"].to_numpy(np.int64), instrument.size_decimals),
            "trades": pa.array(bars["trades"].to_numpy(np.int64)),
            "vwap": pa.array(vwap).cast(pa.string()),
        }
    )


CANDLES = ExportTarget(
    "candles",
    "bars of the trades; a minute where `--interval` is missing",
    _write,
    (*(f".csv{packed}" for packed in PACKED), *(f".jsonl{packed}" for packed in PACKED), ".parquet"),
    ("interval",),
)
