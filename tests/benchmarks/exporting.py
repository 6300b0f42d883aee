"""`python -m tests.benchmarks.exporting`: what `feed export` costs, next to plain pandas and pyarrow.

Plain tools read the same recording and write the same columns, without exact decimals and without a look at anything.
The contenders of a round take turns, and only CPU seconds are compared.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pc_csv
import pyarrow.parquet as pq

from feed.exporting.run import export_file
from tests.benchmarks.files import cpu, recording_of, say_ratio

__all__ = ["main"]

TICKS = ("time", "symbol", "price", "size", "side", "trade_id")


def _trades(path: Path) -> pa.Table:
    table = pq.read_table(path)
    return table.filter(pc.equal(table["channel"].cast(pa.string()), "trading"))


def csv_plainly(path: Path, out: Path) -> None:
    """All columns of the trades by `pyarrow.csv`."""
    table = _trades(path)
    texts = [column.cast(pa.string()) if pa.types.is_dictionary(column.type) else column for column in table.columns]
    pc_csv.write_csv(pa.table(texts, table.column_names), out)


def csv_by_pandas(path: Path, out: Path) -> None:
    """All columns of the trades by `DataFrame.to_csv`."""
    _trades(path).to_pandas().to_csv(out, index=False)


def json_plainly(path: Path, out: Path) -> None:
    """An object a line by `DataFrame.to_json`."""
    _trades(path).select(TICKS).to_pandas().to_json(out, orient="records", lines=True, date_format="iso")


def candles_plainly(path: Path, out: Path) -> None:
    """Bars of a minute by pandas."""
    frame: pd.DataFrame = _trades(path).select(TICKS).to_pandas().set_index("time")
    bars = frame["price"].resample("1min").ohlc()
    bars["volume"] = frame["size"].resample("1min").sum()
    bars.to_csv(out)


PAIRS: dict[str, tuple[str, str, Callable[[Path, Path], None]]] = {
    "csv, to pyarrow.csv": ("csv", "x.csv", csv_plainly),
    "csv, to pandas": ("csv", "x.csv", csv_by_pandas),
    "jsonl, to pandas": ("jsonl", "x.jsonl", json_plainly),
    "candles, to pandas": ("candles", "x.csv", candles_plainly),
}
"""What is compared: the target of the export, the file, and plain tools."""


def main(arguments: list[str] | None = None) -> int:
    """Measure, and print the ratios; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.exporting", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="how often (3)")
    parser.add_argument("--count", type=int, default=200_000, help="ticks of the recording (200000)")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="feed-benchmark-") as folder:
        path = recording_of(Path(folder) / "read.parquet", options.count)
        for name, (target, file, plain) in PAIRS.items():
            out = Path(folder) / file
            costs = []
            for _ in range(options.rounds):
                out.unlink(missing_ok=True)
                ours = cpu(partial(export_file, target, path, out))
                out.unlink(missing_ok=True)
                costs.append([each / options.count * 1e6 for each in (ours, cpu(partial(plain, path, out)))])
            say_ratio(name, costs, "tick")
    return 0


if __name__ == "__main__":
    sys.exit(main())
