"""CSV writer of ticks, one row a fill, compressed while it is written; decimals are those of the instruments."""

from __future__ import annotations

import contextlib
import gzip
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pc_csv
from numpy.typing import NDArray

from feed.data.columns import PRICES, SIZES
from feed.data.ticks import BUY, Batch, Instrument, TickBlock

__all__ = ["COLUMNS", "TickCsv", "units_text"]

COLUMNS = ("time", "symbol", "price", "size", "side", "bid", "bid_size", "ask", "ask_size", "trade_id", "volume")
"""The columns, in order: those of the trades of a recording."""

Ints = NDArray[np.int64]

_SCHEMA = pa.schema([(name, pa.int64() if name in ("time", "trade_id") else pa.string()) for name in COLUMNS])

_SIDES = pa.array(["sell", "buy"])


class TickCsv:
    """CSV file that takes batches of a source.

    Args:
        path: the file, which is replaced.
        packed: compress by gzip.

    Raises:
        OSError: every method, where the disk refuses.
    """

    def __init__(self, path: Path, *, packed: bool) -> None:
        self._stack = contextlib.ExitStack()
        raw = self._stack.enter_context(path.open("wb"))
        # Without a time in its header a compressed file has the same bytes on every run.
        out = self._stack.enter_context(gzip.GzipFile("", "wb", 6, raw, mtime=0)) if packed else raw
        options = pc_csv.WriteOptions(quoting_style="none", quoting_header="none")
        self._writer = self._stack.enter_context(
            pc_csv.CSVWriter(pa.PythonFile(out, "w"), _SCHEMA, write_options=options)
        )

    def write(self, instruments: Sequence[Instrument], batch: Batch) -> None:
        """Write the ticks of a batch, in order of time."""
        tables = [_table(each, block) for each, block in zip(instruments, batch.ticks, strict=True) if len(block)]
        if not tables:
            return
        table = pa.concat_tables(tables)
        if len(tables) > 1:
            # Stable: at the same time the earlier symbol goes first, as on the wire.
            table = table.take(pa.array(np.argsort(table["time"].to_numpy(), kind="stable")))
        self._writer.write_table(table)

    def close(self) -> None:
        """Close the file."""
        self._stack.close()


def _table(instrument: Instrument, block: TickBlock) -> pa.Table:
    rows = len(block)
    prices = {
        name: units_text(getattr(block, name) * instrument.tick_units, instrument.price_decimals) for name in PRICES
    }
    sizes = {name: units_text(getattr(block, name) * instrument.lot_units, instrument.size_decimals) for name in SIZES}
    columns = {
        "time": pa.array(block.time),
        "symbol": pa.array([instrument.symbol]).take(pa.array(np.zeros(rows, np.int8))),
        "side": _SIDES.take(pa.array((block.side == BUY).astype(np.int8))),
        "trade_id": pa.array(block.trade_id),
        **prices,
        **sizes,
    }
    return pa.table([columns[name] for name in COLUMNS], schema=_SCHEMA)


def units_text(units: Ints, decimals: int) -> pa.Array:
    """Format counts of the last decimal as exact decimals."""
    whole, rest = np.divmod(units, 10**decimals)
    if not decimals:
        return pa.array(whole).cast(pa.string())
    digits = pc.utf8_lpad(pa.array(rest).cast(pa.string()), decimals, "0")
    return pc.binary_join_element_wise(pa.array(whole).cast(pa.string()), digits, ".")
