"""How fast `feed import` is, next to `pyarrow.csv` reading the same file in the same run.

Part of `python -m tests.benchmarks import`; alone, with any number of rows: `python -m tests.benchmarks.importing
--rows 10000000`.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import tempfile
import time
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc_csv

from feed.importing.options import Options
from feed.importing.running import import_files

__all__ = ["ROWS", "import_rate", "main", "write_trades"]

ROWS = 1_000_000
BEGIN_MS = 1_704_067_200_000
BLOCK = 1_000_000


def write_trades(path: Path, rows: int) -> Path:
    """So many trades in the columns of Binance's public data, with prices and sizes as they are there."""
    with path.open("wb") as file:
        for first in range(0, rows, BLOCK):
            number = np.arange(first, min(first + BLOCK, rows))
            price = (6_000_000 + number * 7919 % 10_007) / 100
            size = (1 + number * 31 % 99_991) / 1e5
            columns = [number, price, size, np.round(price * size, 8), BEGIN_MS + number * 3, number % 3 == 0]
            table = pa.table([*columns, np.ones(len(number), bool)], [f"c{i}" for i in range(7)])
            pc_csv.write_csv(table, file, pc_csv.WriteOptions(include_header=False))
    return path


def import_rate(contender: str, rows: int = ROWS) -> dict[str, float]:
    """Rows a second: of the import for the product, of pyarrow.csv's reading for the floor."""
    path = _trades(rows)
    begun = time.perf_counter()
    if contender == "product":
        import_files("binance-trades", [path], path.with_suffix(".parquet"), options=Options(symbol="A/B"), force=True)
    else:
        pc_csv.read_csv(path, pc_csv.ReadOptions(autogenerate_column_names=True))
    return {"rows/s": rows / (time.perf_counter() - begun)}


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="feed-import-")


@cache
def _trades(rows: int) -> Path:
    return write_trades(Path(_folder().name) / f"{rows}.csv", rows)


def main(arguments: list[str] | None = None) -> int:
    """Print the times of some rounds, and the middle of their ratios."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.importing", description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS, help=f"trades in the file ({ROWS})")
    parser.add_argument("--repeats", type=int, default=5, help="rounds (5)")
    options = parser.parse_args(arguments)
    _trades(options.rows)
    # Before pyarrow.csv has read the whole file into memory.
    first = import_rate("product", options.rows)["rows/s"]
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"import {first:,.0f} rows/s, at most {memory:.0f} MiB resident with everything that is loaded")
    ratios = []
    for _ in range(options.repeats):
        read, made = (import_rate(name, options.rows)["rows/s"] for name in ("floor", "product"))
        ratios.append(read / made)
        print(f"pyarrow.csv {read:,.0f} rows/s, import {made:,.0f} rows/s: {read / made:.2f} times as long")
    print(f"median {statistics.median(ratios):.2f} ({min(ratios):.2f} - {max(ratios):.2f})")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
