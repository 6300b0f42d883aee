"""Parts of a recording: the same rows as of the whole, at the cost of the part, eager and lazy."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import duckdb
import pandas as pd
import pandas.testing
import polars as pl
import pytest
from typer.testing import CliRunner

import feed
from feed.cli.app import app
from feed.errors import UsageError
from feed.tape.layout import RecordingInfo
from feed.tape.parquet import RecordingFile
from feed.tape.reader import open_recording
from feed.tape.rows import Row, batch_of
from feed.tape.slices import Slice, rows_of_slice
from feed.units import SECOND, parse_time
from tests.tape.older import FOLDER

BEGIN = parse_time("2025-01-06T14:00:00Z")


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ninety minutes of five symbols."""
    made = tmp_path_factory.mktemp("slices") / "x.parquet"
    done = CliRunner().invoke(app, ["generate", "majors", "--for", "90m", "--activity", "0.2", "--out", str(made)])
    assert done.exit_code == 0, done.output
    return made


@pytest.fixture(scope="module")
def whole(path: Path) -> pd.DataFrame:
    """All of its ticks."""
    return feed.read(path).ticks


@pytest.mark.parametrize(
    ("start", "end"),
    [("30m", "31m"), ("2025-01-06T14:30:00Z", pd.Timestamp("2025-01-06T14:31:00Z")), (BEGIN + 1800 * SECOND, "31m")],
)
def test_a_slice_has_the_rows_of_the_whole(path: Path, whole: pd.DataFrame, start: object, end: object) -> None:
    """With their numbers and volumes, however the times are written."""
    part = feed.read(path, start=start, end=end, symbol="ETH/USD").ticks  # type: ignore[arg-type]
    inside = (whole.index >= "2025-01-06 14:30:00") & (whole.index < "2025-01-06 14:31:00")
    wanted = whole[inside & (whole["symbol"] == "ETH/USD")]
    assert len(part) > 20
    pandas.testing.assert_frame_equal(
        part.assign(symbol=part["symbol"].astype(str)), wanted.assign(symbol=wanted["symbol"].astype(str))
    )


def test_only_the_columns_that_are_asked_for(path: Path, whole: pd.DataFrame) -> None:
    """In the usual order."""
    part = feed.read(path, columns=["size", "price", "symbol"], end="10m").ticks
    assert part.columns.tolist() == ["symbol", "price", "size"]
    assert part["price"].tolist() == whole["price"].head(len(part)).tolist()


def test_a_lazy_frame_has_the_same_rows(path: Path, whole: pd.DataFrame) -> None:
    """Exact to the ns; and SQL finds them, too."""
    lazy = feed.scan(path, symbol="BTC/USD", start="30m", end="40m")
    assert isinstance(lazy, pl.LazyFrame)
    frame = lazy.collect()
    part = feed.read(path, symbol="BTC/USD", start="30m", end="40m")
    assert frame["price"].to_list() == part.ticks["price"].tolist()
    assert frame["time"].dt.epoch("ns").to_list() == part.table["time"].to_pylist()
    found = duckdb.sql(
        f"select count(*), sum(size) from '{path}' where channel = 'trading' and symbol = 'BTC/USD'"
        " and time >= '2025-01-06 14:30:00+00' and time < '2025-01-06 14:40:00+00'"
    )
    assert found is not None
    count, size = found.fetchall()[0]
    assert count == len(frame)
    assert size == pytest.approx(frame["size"].sum())
    assert feed.scan(path, "status").collect().columns[-1] == "data"


@pytest.mark.parametrize("name", ["recorded.parquet", "imported.parquet"])
def test_older_files_are_scanned_alike(name: str) -> None:
    """With the types of today."""
    frame = feed.scan(FOLDER / name).collect()
    assert frame.schema["time"] == frame.schema["received"] == pl.Datetime("ns", "UTC")
    assert frame["time"].null_count() == 0
    assert set(frame["clocks"].to_list()) <= {"both", "time", "received"}
    assert len(frame) == len(feed.read(FOLDER / name).ticks)


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"start": "teatime"}, "is no time"),
        ({"start": "10h"}, "nothing was recorded in that time.*14:00:00.000Z to"),
        ({"symbol": "BTC/USDT"}, "did you mean BTC/USD"),
        ({"columns": ["prize"]}, "did you mean price"),
    ],
)
def test_what_is_not_there_is_named(path: Path, told: dict[str, object], message: str) -> None:
    """With the nearest right value."""
    with pytest.raises(UsageError, match=message):
        feed.read(path, **told)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="did you mean trading"):
        feed.scan(path, "trades")


def test_a_slice_begins_with_the_book_in_force(tmp_path: Path) -> None:
    """Changes of before are in it, as one snapshot."""

    def row(second: int, kind: str, bids: object) -> Row:
        data = json.dumps({"bids": bids, "asks": [["101", "1"]]})
        return Row(None, BEGIN + second * SECOND, "book", "BTC/USD", "", kind, second + 1, data=data)

    rows = [
        row(0, "snapshot", [["100", "1"], ["99", "2"]]),
        row(1, "update", [["100", "0"]]),
        row(2, "update", [["98.0", "3"]]),
        row(3, "update", [["99", "5"]]),
    ]
    made = tmp_path / "book.parquet"
    file = RecordingFile(made)
    file.write(batch_of(rows))
    file.finish(RecordingInfo(version="1", source="test", instruments={"BTC/USD": ("1", "1")}))
    with open_recording(made) as reader:
        found = [each for batch in rows_of_slice(reader, Slice(BEGIN + 3 * SECOND)) for each in batch.to_pylist()]
    assert [each["type"] for each in found] == ["snapshot", "update"]
    assert json.loads(found[0]["data"]) == {"bids": [["99", "2"], ["98.0", "3"]], "asks": [["101", "1"]]}
    book = feed.read(made, start="2500ms").book  # type: ignore[union-attr]
    assert book[book["side"] == "bid"]["price"].tolist() == [99.0, 98.0]
    assert book[book["side"] == "bid"]["size"].tolist() == [5.0, 3.0]


def test_memory_is_that_of_the_part(tmp_path: Path) -> None:
    """Half an hour of four hours takes about what half an hour of one takes."""
    peaks = []
    for length in ("1h", "4h"):
        made = tmp_path / f"{length}.parquet"
        done = CliRunner().invoke(app, ["generate", "calm", "--for", length, "--out", str(made)])
        assert done.exit_code == 0, done.output
        code = (
            "import resource, feed\n"
            "def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
            f"feed.read({str(made)!r}, start='1s', end='2s', columns=['price']).ticks; base = peak()\n"
            f"feed.read({str(made)!r}, start='10m', end='40m', columns=['price']).ticks; print(peak() - base)"
        )
        told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        peaks.append(int(told))
    assert peaks[1] < 1.5 * peaks[0] + 8_000, peaks


def test_the_sql_of_the_documentation_gives_the_bars(path: Path) -> None:
    """As `candles` makes them of the same ticks."""
    page = (Path(feed.__file__).parent / "docs" / "python.md").read_text()
    query = page.split("```sql\n")[1].split("```")[0].replace("month.parquet", str(path)).rstrip().rstrip(";")
    found = duckdb.sql(query)
    assert found is not None
    bars = feed.read(path, symbol="BTC/USD").candles("1m")
    rows = found.fetchall()
    for place, name in ((1, "open"), (2, "high"), (3, "low"), (4, "close")):
        assert [row[place] for row in rows] == bars[name].tolist()
    assert [row[5] for row in rows] == pytest.approx(bars["volume"].tolist())
