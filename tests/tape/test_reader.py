"""A finished recording: what is written comes back, and what is damaged is named."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from feed.errors import RecordingError
from feed.tape.layout import INFO_KEY, SCHEMA, RecordingInfo
from feed.tape.parquet import GROUP_ROWS, RecordingFile
from feed.tape.reader import open_recording

INFO = RecordingInfo(version="1", source="main", scenario="calm", seed=7, instruments={"BTC/USD": ("0.1", "0.001")})


def trades(count: int, first: int = 1, symbol: str = "BTC/USD") -> pa.RecordBatch:
    """Rows of one stream, each other than the one before."""
    rows = [
        {"time": n, "channel": "trading", "symbol": symbol, "interval": "", "type": "update", "seq": n, "price": n / 10}
        for n in range(first, first + count)
    ]
    return pa.RecordBatch.from_pylist(rows, SCHEMA)


def written(path: Path, *batches: pa.RecordBatch, info: RecordingInfo = INFO) -> Path:
    """A recording of these rows."""
    file = RecordingFile(path)
    for batch in batches:
        file.write(batch)
    file.finish(info)
    return path


def test_rows_and_facts_come_back(tmp_path: Path) -> None:
    """Every row in order, over row groups, and streams are counted."""
    path = written(tmp_path / "x.parquet", trades(GROUP_ROWS - 5), trades(10, GROUP_ROWS - 4), trades(3, 1, "ETH/USD"))
    with open_recording(path) as recording:
        assert recording.rows == GROUP_ROWS + 8
        assert recording.info.scenario == "calm"
        assert recording.info.streams["trading:BTC/USD"].last_seq == GROUP_ROWS + 5
        assert recording.info.streams["trading:ETH/USD"].rows == 3
        table = pa.Table.from_batches(recording.batches())
        assert table.schema.equals(SCHEMA)
        assert table["seq"].to_pylist() == [*range(1, GROUP_ROWS + 6), 1, 2, 3]
        late = pa.Table.from_batches(recording.batches(["seq"], first_row=GROUP_ROWS + 2))
        assert late.to_pydict() == {"seq": [GROUP_ROWS + 3, GROUP_ROWS + 4, GROUP_ROWS + 5, 1, 2, 3]}
    assert list(tmp_path.iterdir()) == [path]


def test_every_flipped_bit_is_found(tmp_path: Path) -> None:
    """Wherever it is, in pages, in their headers or in the footer: reading never gives rows."""
    path = written(tmp_path / "x.parquet", trades(20))
    whole = path.read_bytes()
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ (1 << at % 8)]) + whole[at + 1 :])
        with pytest.raises(RecordingError) as caught, open_recording(path) as recording:
            recording.check()
        assert "x.parquet" in str(caught.value)


def test_the_place_is_named(tmp_path: Path) -> None:
    """A damaged column is named with its row group and rows; other columns can still be read."""
    path = written(tmp_path / "x.parquet", trades(2 * GROUP_ROWS))
    place = pq.read_metadata(path).row_group(1).column(7).data_page_offset + 20
    damaged = bytearray(path.read_bytes())
    damaged[place] ^= 1
    path.write_bytes(damaged)
    with open_recording(path) as recording:
        with pytest.raises(RecordingError, match=r"row group 1 \(rows 131073 to 262144\), column price"):
            recording.check()
        assert sum(len(batch) for batch in recording.batches(["seq", "time"])) == 2 * GROUP_ROWS


def test_other_files_are_refused(tmp_path: Path) -> None:
    """A missing file, another Parquet, a torn one and another format each have a sentence."""
    with pytest.raises(RecordingError, match="no such file"):
        open_recording(tmp_path / "none.parquet")
    (tmp_path / "cut.parquet.part").touch()
    with pytest.raises(RecordingError, match="feed recover"):
        open_recording(tmp_path / "cut.parquet")
    other = tmp_path / "other.parquet"
    pq.write_table(pa.table({"a": [1]}), other)
    with pytest.raises(RecordingError, match="no recording of feed"):
        open_recording(other)
    newer = written(tmp_path / "newer.parquet", trades(1), info=INFO.model_copy(update={"format": 2}))
    with pytest.raises(RecordingError, match="format 2, written by feed 1"):
        open_recording(newer)


def test_a_file_without_our_checksums_is_read(tmp_path: Path) -> None:
    """Others may write a recording: page checksums guard it."""
    path = tmp_path / "other.parquet"
    schema = SCHEMA.with_metadata({INFO_KEY: INFO.model_dump_json()})
    pq.write_table(pa.Table.from_batches([trades(5)]).cast(schema), path)
    with open_recording(path) as recording:
        assert recording.rows == 5
        recording.check()
