"""Ticks as files: the right columns, the same ticks whatever the format, bounded memory, and never half a file."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from feed.data.ticks import BUY
from feed.engine.source import EngineSource
from feed.errors import FeedError, UsageError
from feed.scenario.find import find_scenario
from feed.tape.export import generate
from feed.tape.layout import FILE_SCHEMA, INFO_KEY, INSTRUMENTS_KEY, RecordingInfo
from feed.tape.tickcsv import COLUMNS
from feed.units import HOUR, MINUTE


def source(name: str = "calm") -> EngineSource:
    """A bundled scenario's market."""
    return EngineSource(find_scenario(name)[0])


def trades(table: pa.Table) -> pd.DataFrame:
    """The trades of a recording."""
    rows = table.filter(pc.equal(table["channel"].cast(pa.string()), "trading"))
    frame: pd.DataFrame = rows.to_pandas()
    return frame.assign(time=frame["time"].astype("int64"))


def test_parquet_has_the_ticks_of_the_market(tmp_path: Path) -> None:
    """One row a fill, exact where the type can be and right to the last decimal where not."""
    path = tmp_path / "ticks.parquet"
    info = RecordingInfo(version="1", source="test", scenario="calm")
    done = generate(source(), path, length=40 * MINUTE, info=info)
    table = pq.read_table(path)
    assert table.column_names == FILE_SCHEMA.names
    assert b'"scenario":"calm"' in table.schema.metadata[INFO_KEY]
    assert INSTRUMENTS_KEY in table.schema.metadata
    market = source()
    frame = trades(table)
    assert len(frame) == done.rows > 1000
    assert frame["time"].dtype == np.int64
    assert frame["price"].dtype == np.float64
    btc = frame[frame["symbol"] == "BTC/USD"]
    expected = next(market.batches(market.start)).ticks[0]
    begin = btc.head(len(expected))
    assert (begin["time"].to_numpy() == expected.time).all()
    assert (begin["trade_id"].to_numpy() == expected.trade_id).all()
    assert [f"{price:.2f}" for price in begin["price"]] == [
        f"{p // 100}.{p % 100:02d}" for p in expected.price.tolist()
    ]
    assert (begin["side"].to_numpy() == np.where(expected.side == BUY, "buy", "sell")).all()
    assert (np.diff(frame["time"]) >= 0).all(), "symbols are merged in order of time"


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz"])
def test_every_format_has_the_same_ticks(tmp_path: Path, suffix: str) -> None:
    """CSV and Parquet differ in form alone."""
    generate(source("flash-crash"), tmp_path / "a.parquet", length=10 * MINUTE)
    generate(source("flash-crash"), tmp_path / f"a{suffix}", length=10 * MINUTE)
    one = trades(pq.read_table(tmp_path / "a.parquet"))
    other = pd.read_csv(tmp_path / f"a{suffix}")
    assert other.columns.tolist() == list(COLUMNS)
    for name in COLUMNS:
        assert one[name].astype(str).tolist() == other[name].astype(str).tolist(), name


def test_a_file_that_is_there_stays(tmp_path: Path) -> None:
    """Nothing is replaced unasked, and a failed run leaves nothing behind."""
    path = tmp_path / "ticks.parquet"
    path.write_text("mine")
    with pytest.raises(UsageError, match="--force"):
        generate(source(), path, length=MINUTE)
    assert path.read_text() == "mine"
    generate(source(), path, length=MINUTE, force=True)
    assert pq.read_table(path).num_rows > 0
    with pytest.raises(FeedError):
        generate(source(), tmp_path / "ticks.xlsx", length=MINUTE)
    with pytest.raises(FeedError):
        generate(source(), tmp_path / "no" / "such" / "folder.parquet", length=MINUTE)
    assert [file.name for file in tmp_path.iterdir()] == ["ticks.parquet"]


PEAK = """
import resource, sys
from pathlib import Path
from feed.engine.source import EngineSource
from feed.tape.export import generate
from feed.scenario.find import find_scenario
generate(EngineSource(find_scenario("trending")[0]), Path(sys.argv[1]), length=int(sys.argv[2]))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def peak(path: Path, length: int) -> int:
    """The most memory that generating so much market time takes."""
    command = [sys.executable, "-c", PEAK, str(path), str(length)]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


@pytest.mark.skipif(not hasattr(resource, "RUSAGE_SELF"), reason="the system does not tell a process's peak of memory")
def test_memory_does_not_grow_with_length(tmp_path: Path) -> None:
    """Sixteen times as much market takes hardly more memory."""
    assert peak(tmp_path / "long.parquet", 16 * HOUR) < 1.25 * peak(tmp_path / "short.parquet", HOUR)
