"""Each target: every row, exact, under the names and units of the program that it is for."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pytest
from typer.testing import CliRunner

import feed
from feed.cli.app import app
from feed.exporting.hftbacktest import EVENT
from feed.exporting.targets import TARGETS
from feed.importing.running import import_files
from feed.tape.reader import open_recording
from feed.units import MICROSECOND, MINUTE, SECOND
from tests.exporting.files import BEGIN, LATENCY, SYMBOL, TRADES, recorded

TIMES = [BEGIN + int(seconds * SECOND) for seconds, *_ in TRADES]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The recording."""
    return recorded(tmp_path_factory.mktemp("export") / "x.parquet")


def export(*words: object, code: int = 0) -> str:
    """What the command says."""
    done = CliRunner().invoke(app, ["export", *map(str, words)])
    assert done.exit_code == code, done.output
    return done.output


@pytest.mark.parametrize("packed", ["", ".gz", ".zst"])
def test_csv_has_every_digit(path: Path, tmp_path: Path, packed: str) -> None:
    """And polars, pandas and DuckDB read it, packed or not."""
    out = tmp_path / f"t.csv{packed}"
    assert "3 trading" in export("csv", path, "--out", out)
    frame = pl.read_csv(out)
    assert frame["time"].to_list() == TIMES
    assert frame["received"].to_list() == [time + LATENCY for time in TIMES]
    assert frame["price"].to_list() == [price for _, price, _, _ in TRADES]
    assert frame["side"].to_list() == [side for *_, side in TRADES]
    told = pl.read_csv(out, infer_schema=False)
    assert told["size"].to_list() == ["0.00017", "1.50000", "0.25000"]
    found = duckdb.sql(f"select sum(size), count(bid) from read_csv('{out}')")
    assert found is not None
    assert found.fetchall()[0] == (pytest.approx(1.75017), 0)


def test_csv_of_a_book_has_its_objects(path: Path, tmp_path: Path) -> None:
    """As JSON."""
    export("csv", path, "--channel", "book", "--out", tmp_path / "b.csv")
    frame = pd.read_csv(tmp_path / "b.csv")
    assert json.loads(frame["data"][1]) == {"bids": [["60999.5", "0"]], "asks": [["61000.02", "1.75"]]}
    assert frame["type"].tolist() == ["snapshot", "update", "update"]


def test_json_lines_have_every_message_in_order(path: Path, tmp_path: Path) -> None:
    """Each an object without what it has not."""
    export("jsonl", path, "--out", tmp_path / "x.jsonl.gz")
    rows = [json.loads(line) for line in gzip.decompress((tmp_path / "x.jsonl.gz").read_bytes()).splitlines()]
    assert [row["channel"][0] for row in rows] == list("bqttbqtb")
    assert rows[2]["time"] == TIMES[0]
    assert "bid" not in rows[2]
    assert rows[0]["data"]["bids"][0] == ["61000.01", "2.00000"]


@pytest.mark.parametrize("suffix", [".csv", ".csv.zst", ".parquet", ".jsonl"])
def test_candles_are_those_of_the_frames(path: Path, tmp_path: Path, suffix: str) -> None:
    """Bar by bar, in each of its kinds of file."""
    out = tmp_path / f"c{suffix}"
    assert "3 bars of 00:00:01" in export("candles", path, "--interval", "1s", "--out", out)
    bars = feed.read(path).candles("1s")
    read: Any = {".parquet": pl.read_parquet, ".jsonl": pl.read_ndjson}.get(suffix, pl.read_csv)
    frame = read(out)
    for name in ("open", "high", "low", "close", "volume", "trades"):
        assert frame[name].to_list() == bars[name].tolist(), name
    assert frame["vwap"].to_list() == pytest.approx(bars["vwap"].tolist())
    times = frame["time"].dt.epoch("ns") if suffix == ".parquet" else frame["time"]
    assert times.to_list() == pd.DatetimeIndex(bars.index).as_unit("ns").asi8.tolist()


def test_candles_of_a_long_market(tmp_path: Path) -> None:
    """Bars go on over the edges of batches, and symbols are apart."""
    made = tmp_path / "m.parquet"
    assert CliRunner().invoke(app, ["generate", "majors", "--for", "20m", "--out", str(made)]).exit_code == 0
    export("candles", made, "--interval", "5m", "--out", tmp_path / "c.parquet")
    frame = pl.read_parquet(tmp_path / "c.parquet")
    bars = feed.read(made).candles("5m")
    assert frame["symbol"].to_list() == bars["symbol"].tolist()
    for name in ("open", "high", "low", "close", "volume", "trades"):
        assert frame[name].to_list() == bars[name].tolist(), name


def test_tardis_has_its_files_and_units(path: Path, tmp_path: Path) -> None:
    """One a kind and day, and our own import reads them back."""
    out = tmp_path / "tardis"
    export("tardis", path, "--levels", 2, "--out", out)
    names = sorted(each.name for each in out.iterdir())
    kinds = ("book_snapshot_2", "incremental_book_L2", "trades")
    days = [f"binance_{kind}_2024-08-{day}_BTCUSDT.csv.gz" for kind in kinds for day in ("09", "10")]
    assert names == sorted([*days, "binance_quotes_2024-08-09_BTCUSDT.csv.gz"])
    trades = pd.concat(pd.read_csv(out / f"binance_trades_2024-08-{day}_BTCUSDT.csv.gz") for day in ("09", "10"))
    columns = "exchange,symbol,timestamp,local_timestamp,id,side,price,amount"
    assert ",".join(trades.columns) == columns
    assert trades["timestamp"].tolist() == [time // MICROSECOND for time in TIMES]
    assert trades["amount"].tolist() == [size for _, _, size, _ in TRADES]
    first = pd.read_csv(out / "binance_book_snapshot_2_2024-08-09_BTCUSDT.csv.gz")
    assert first.iloc[0]["asks[1].price"] == 61001
    assert first.iloc[-1]["asks[0].amount"] == 1.75
    changes = pd.read_csv(out / "binance_incremental_book_L2_2024-08-09_BTCUSDT.csv.gz")
    assert changes["is_snapshot"].tolist() == [True] * 4 + [False] * 2
    for kind, format in (("trades", "tardis-trades"), ("incremental_book_L2", "tardis-book-updates")):
        files = [out / f"binance_{kind}_2024-08-{day}_BTCUSDT.csv.gz" for day in ("09", "10")]
        report = import_files("auto", files, tmp_path / f"{kind}.parquet")
        assert report.format == format
        assert report.begin == (TIMES[0] if kind == "trades" else BEGIN) // MICROSECOND * MICROSECOND


def test_hftbacktest_has_both_orders(path: Path, tmp_path: Path) -> None:
    """The events of both clocks, in its type."""
    export("hftbacktest", path, "--out", tmp_path / "x.npz")
    data = np.load(tmp_path / "x.npz")["data"]
    assert data.dtype == EVENT
    trades = data[(data["ev"] & 0xFF) == 2]
    assert trades["px"].tolist() == [price for _, price, _, _ in TRADES]
    assert (trades["ev"] >> 28 & 1).tolist() == [1, 0, 0], "sold"
    assert (trades["local_ts"] - trades["exch_ts"]).tolist() == [LATENCY] * 3
    clears = data[(data["ev"] & 0xFF) == 3]
    assert clears["px"].tolist() == [60999.5, 61001]


def test_a_slice_alone_is_written(path: Path, tmp_path: Path) -> None:
    """By time and by symbol."""
    export("csv", path, "--start", "900ms", "--end", "2s", "--symbol", SYMBOL, "--out", tmp_path / "s.csv")
    assert pl.read_csv(tmp_path / "s.csv")["time"].to_list() == TIMES[1:2]


def test_files_of_others_are_exported_too(tmp_path: Path) -> None:
    """By way of an import, whose notes are shown."""
    raw = tmp_path / "BTCUSDT-trades-2024-08-09.csv"
    raw.write_text("1,61000.01,0.5,30500.005,1723161601437,True,True\n2,61000.02,1,61000.02,1723161601537,False,True\n")
    said = export("candles", raw, "--interval", "1m", "--out", tmp_path / "c.csv")
    assert "the symbol is BTC/USDT" in said
    frame = pl.read_csv(tmp_path / "c.csv")
    assert frame["volume"].to_list() == [1.5]
    assert frame["time"][0] % MINUTE == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["hftbacktes", "--out", "x.npz"], "did you mean 'hftbacktest'?"),
        (["csv", "--out", "x.parquet"], "end it with .csv, .csv.gz, .csv.zst"),
        (["csv", "--channel", "trades", "--out", "x.csv"], "did you mean trading?"),
        (["csv", "--channel", "ticker", "--out", "x.csv"], "there is"),
        (["csv", "--levels", "5", "--out", "x.csv"], "--levels is of no use for csv"),
        (["csv", "--symbol", "BTC/USD", "--out", "x.csv"], "did you mean BTC/USDT?"),
        (["csv", "--start", "5h", "--out", "x.csv"], "nothing was recorded in that time"),
        (["tardis", "--out", "no/such/folder"], "there is no folder"),
    ],
)
def test_mistakes_are_named(path: Path, tmp_path: Path, words: list[str], message: str) -> None:
    """With the nearest right value, and nothing is left behind."""
    target, *rest = words
    rest[-1] = str(tmp_path / rest[-1])
    assert message in export(target, path, *rest, code=2)
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_stays(path: Path, tmp_path: Path) -> None:
    """Unless it is asked for."""
    for name, out in (("csv", tmp_path / "x.csv"), ("tardis", tmp_path / "t")):
        export(name, path, "--out", out)
        assert "--force" in export(name, path, "--out", out, code=2)
        export(name, path, "--out", out, "--force")
    with open_recording(path) as reader:
        assert reader.rows == 8
    assert set(TARGETS) == {"csv", "jsonl", "candles", "tardis", "hftbacktest", "nautilus"}
