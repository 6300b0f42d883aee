"""Both clocks of a recording as other programs read them: exact to the ns, never null; ours get their nulls back."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from feed.tape.layout import FILE_SCHEMA, SCHEMA, RecordingInfo
from feed.tape.parquet import RecordingFile
from feed.tape.reader import open_recording

AT = 1_736_172_000_123_456_789
"""A time whose last digits no float has."""

CLOCKS = [(AT, AT + 1), (AT + 2, None), (None, AT + 3), (None, None)]
"""Received and market time of rows, as their source gave them."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A recording with every case."""
    rows = [
        {"received": received, "time": time, "channel": "event", "symbol": "", "interval": "", "type": "update"}
        for received, time in CLOCKS
    ]
    made = tmp_path / "x.parquet"
    file = RecordingFile(made)
    file.write(pa.RecordBatch.from_pylist(rows, SCHEMA))
    file.finish(RecordingInfo(version="1", source="test"))
    return made


def test_pandas_reads_every_ns(path: Path) -> None:
    """As timestamps, also beside rows that have one clock only."""
    frame = pd.read_parquet(path)
    assert str(frame["time"].dtype) == str(frame["received"].dtype) == "datetime64[ns, UTC]"
    assert frame["time"].astype("int64").tolist() == [AT + 1, AT + 2, AT + 3, 0]
    assert frame["received"].astype("int64").tolist() == [AT, AT + 2, AT + 3, 0]
    assert frame["clocks"].tolist() == ["both", "received", "time", "none"]


def test_polars_and_duckdb_read_every_ns(path: Path) -> None:
    """The same values."""
    frame = pl.read_parquet(path)
    assert frame.schema["time"] == pl.Datetime("ns", "UTC")
    assert frame["time"].dt.epoch("ns").to_list() == [AT + 1, AT + 2, AT + 3, 0]
    found = duckdb.sql(f"select epoch_ns(time), clocks from '{path}' where received > '2025-01-01'")
    assert found is not None
    assert found.fetchall() == [(AT + 1, "both"), (AT + 2, "received"), (AT + 3, "time")]


def test_our_rows_have_their_nulls_again(path: Path) -> None:
    """A clock that was not given is none, whichever columns are read."""
    schema = pq.read_schema(path)
    assert schema.equals(FILE_SCHEMA)
    assert not schema.field("time").nullable
    assert not schema.field("received").nullable
    with open_recording(path) as recording:
        rows = pa.Table.from_batches(recording.batches())
        assert rows.schema.equals(SCHEMA)
        assert list(zip(rows["received"].to_pylist(), rows["time"].to_pylist(), strict=True)) == CLOCKS
        times = pa.Table.from_batches(recording.batches(["time"]))
        assert times.to_pydict() == {"time": [time for _, time in CLOCKS]}
