"""An import takes the memory of some row groups, however long the file is."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc_csv

from feed.importing.options import Options
from feed.importing.running import ImportProgress, import_files
from tests.importing.files import MS

ROWS = 1_500_000
SHORT = 500_000
MB = 1024 * 1024


def trades(path: Path, rows: int) -> Path:
    """So many trades as Binance publishes them."""
    number = np.arange(rows)
    table = pa.table(
        {
            "id": number,
            "price": (6_000_000 + number * 7919 % 10_007) / 100,
            "qty": (1 + number * 31 % 9973) / 1e5,
            "quote_qty": np.ones(rows),
            "time": MS + number * 3,
            "is_buyer_maker": number % 3 == 0,
        }
    )
    pc_csv.write_csv(table, path)
    return path


def peak(folder: Path, rows: int) -> tuple[int, int]:
    """Most bytes that Arrow, and that Python and numpy, had at a time."""
    arrow = []
    path = trades(folder / f"BTCUSDT-trades-{rows}.csv", rows)
    before = pa.total_allocated_bytes()

    def look(_: ImportProgress) -> None:
        arrow.append(pa.total_allocated_bytes() - before)

    tracemalloc.start()
    try:
        report = import_files(
            "binance-trades", [path], folder / "out.parquet", options=Options(symbol="X"), force=True, on_progress=look
        )
        python = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert report.rows == rows
    return max(arrow), python


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    """Three times the trades, about the same memory; and little of it."""
    short, long = peak(tmp_path, SHORT), peak(tmp_path, ROWS)
    assert long[0] < 60 * MB
    assert long[1] < 60 * MB
    assert long[0] < short[0] + 15 * MB
    assert long[1] < short[1] + 15 * MB


def test_progress(tmp_path: Path) -> None:
    """It goes up to the size of the files, and tells the rows."""
    seen: list[ImportProgress] = []
    path = trades(tmp_path / "t.csv", SHORT)
    import_files(
        "binance-trades", [path], tmp_path / "out.parquet", options=Options(symbol="X"), on_progress=seen.append
    )
    assert [each.rows for each in seen] == sorted(each.rows for each in seen)
    assert seen[-1].rows == SHORT
    assert 0 < seen[0].done <= seen[-1].done <= seen[-1].total == path.stat().st_size
