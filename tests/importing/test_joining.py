"""Files of one market as one recording: every row once, on one clock, and trades with the quote before them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from feed.cli.app import app
from feed.errors import RecordingError, UsageError
from feed.exporting.run import export_file
from feed.importing.joining import join_files
from feed.tape.layout import SCHEMA, RecordingInfo
from feed.tape.parquet import RecordingFile
from feed.tape.reader import open_recording
from feed.units import MICROSECOND
from tests.exporting.files import SYMBOL, recorded


def rows_of(path: Path) -> list[dict[str, Any]]:
    """All rows of a recording."""
    with open_recording(path) as reader:
        return pa.Table.from_batches(reader.batches()).to_pylist()  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Trades, quotes and book of one market, each in files of their own, and the recording that they come from."""
    folder = tmp_path_factory.mktemp("join")
    export_file("tardis", recorded(folder / "x.parquet"), folder / "tardis")
    return [folder / "x.parquet", *sorted((folder / "tardis").iterdir())]


def test_what_was_taken_apart_is_one_again(files: list[Path], tmp_path: Path) -> None:
    """Row by row, in the order of the receive clock."""
    whole, *parts = files
    done = CliRunner().invoke(app, ["join", *map(str, parts), "--out", str(tmp_path / "j.parquet")])
    assert done.exit_code == 0, done.output
    assert "merged by the recorders' clock" in done.output
    joined, known = rows_of(tmp_path / "j.parquet"), rows_of(whole)
    assert [row["channel"] for row in joined] == [row["channel"] for row in known]
    for name in ("price", "size", "side", "trade_id"):
        assert [row[name] for row in joined] == [row[name] for row in known]
    assert [row["time"] for row in joined] == [row["time"] // MICROSECOND * MICROSECOND for row in known]
    for channel in ("trading", "quote", "book"):
        assert [row["seq"] for row in joined if row["channel"] == channel][-1] == 3 - (channel == "quote")
    trades = [row for row in joined if row["channel"] == "trading"]
    assert [(row["bid"], row["ask"], row["ask_size"]) for row in trades] == [
        (61000.01, 61000.02, 3.25), (61000.01, 61000.02, 3.25), (None, None, None),
    ], "the last one lies outside the quote before it"  # fmt: skip


def test_the_clock_can_be_chosen_and_names_given(tmp_path: Path) -> None:
    """Files without a receive clock are merged by the exchange's."""
    trades, quotes = tmp_path / "BTCUSDT-trades-2023-11-14.csv", tmp_path / "ticker.csv"
    trades.write_text("1,100.5,1,100.5,1700000000500,True,True\n2,100.6,1,100.6,1700000001500,True,True\n")
    quotes.write_text("time,price,size,side\n1700000000000,100.4,1,buy\n1700000001000,100.5,2,sell\n")
    report = join_files([trades, quotes], tmp_path / "j.parquet", symbol="BTC/USDT")
    assert report.rows == 4
    assert any("by the exchange's clock" in note for note in report.notes)
    assert any("numbered anew" in note and "trading:BTC/USDT" in note for note in report.notes)
    rows = rows_of(tmp_path / "j.parquet")
    assert [row["price"] for row in rows] == [100.4, 100.5, 100.5, 100.6]
    assert [row["seq"] for row in rows] == [1, 2, 3, 4]


def test_mistakes_are_named(files: list[Path], tmp_path: Path) -> None:
    """Other markets, one file, a file that is not there."""
    other = tmp_path / "ETHUSDT-trades-2023-11-14.csv"
    other.write_text("1,100.5,1,100.5,1700000000500,True,True\n")
    with pytest.raises(UsageError, match=r"is of ETH/USDT, and x\.parquet of BTC/USDT; --symbol"):
        join_files([files[0], other], tmp_path / "j.parquet")
    with pytest.raises(UsageError, match="two files or more"):
        join_files(files[:1], tmp_path / "j.parquet")
    with pytest.raises(RecordingError, match="no such file"):
        join_files([files[0], tmp_path / "none.csv"], tmp_path / "j.parquet")
    assert [each.name for each in tmp_path.iterdir()] == [other.name]


@settings(max_examples=15, deadline=None)
@given(st.lists(st.lists(st.integers(0, 20), min_size=1, max_size=12), min_size=2, max_size=4))
def test_any_files_become_one_in_order(tmp_path_factory: pytest.TempPathFactory, parts: list[list[int]]) -> None:
    """No row is lost, the order within a file stays, and equal times go in the order of the files."""
    folder = tmp_path_factory.mktemp("parts")
    paths = []
    for place, times in enumerate(parts):
        rows = [
            {"received": 10**18 + time, "time": 10**18, "channel": "quote", "symbol": SYMBOL, "interval": "",
             "type": "update", "seq": n, "bid": 1.0 + place, "ask": 100.0 + n, "bid_size": 1.0, "ask_size": 1.0}
            for n, time in enumerate(sorted(times), 1)
        ]  # fmt: skip
        path = folder / f"{place}.parquet"
        file = RecordingFile(path)
        file.write(pa.RecordBatch.from_pylist(rows, SCHEMA))
        file.finish(RecordingInfo(version="1", source="test", instruments={SYMBOL: ("1", "1")}))
        paths.append(path)
    join_files(paths, folder / "j.parquet", clock="received")
    made = [(row["received"] - 10**18, row["bid"] - 1, row["ask"] - 100) for row in rows_of(folder / "j.parquet")]
    wanted = [(time, place, n) for place, times in enumerate(parts) for n, time in enumerate(sorted(times), 1)]
    assert made == sorted(wanted)
