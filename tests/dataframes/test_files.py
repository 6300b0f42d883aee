"""Files of ticks are the frames that they were written from, whatever their form."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pandas as pd
import pandas.testing
import polars
import pytest

from feed.dataframes.analysis import time_bars
from feed.dataframes.files import read
from feed.dataframes.tape import RecordingData
from feed.dataframes.ticks import frame_digest, generate
from feed.engine.source import EngineSource
from feed.errors import RecordingError
from feed.scenario.find import find_scenario
from feed.tape.export import generate as write
from feed.tape.layout import RecordingInfo
from feed.units import MINUTE


def written(path: Path, scenario: str = "flash-crash", seed: int = 7, minutes: int = 4) -> Path:
    """A file of a scenario, as the command writes it."""
    source = EngineSource(find_scenario(scenario)[0], seed)
    info = RecordingInfo(version="1", source="test", scenario=scenario, seed=seed)
    write(source, path, length=minutes * MINUTE, info=info)
    return path


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".csv.gz"])
def test_a_file_is_the_frame_of_its_scenario(tmp_path: Path, suffix: str) -> None:
    """Row by row and type by type, and so by its digest."""
    frame = read(written(tmp_path / f"ticks{suffix}")).ticks
    offline = generate("flash-crash", seed=7, until="4m")
    pandas.testing.assert_frame_equal(frame, offline)
    assert frame_digest(frame) == frame_digest(offline)
    assert frame.attrs["instruments"] == offline.attrs["instruments"]


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_several_symbols(tmp_path: Path, suffix: str) -> None:
    """Each has its own steps and counts its own rows."""
    frame = read(written(tmp_path / f"ticks{suffix}", "majors", minutes=1)).ticks
    pandas.testing.assert_frame_equal(frame, generate("majors", seed=7, until="1m"))


def test_parquet_tells_where_it_comes_from(tmp_path: Path) -> None:
    """Scenario and seed, and the exact times that milliseconds leave out."""
    data = read(written(tmp_path / "ticks.parquet"))
    assert isinstance(data, RecordingData)
    assert data.ticks.attrs["scenario"] == "flash-crash"
    assert data.ticks.attrs["seed"] == 7
    assert (data.table["time"].to_numpy() // 1_000_000 == data.ticks["timestamp"].to_numpy()).all()


def test_given_steps_win(tmp_path: Path) -> None:
    """A CSV of a market whose tick is five cents does not tell so."""
    path = written(tmp_path / "ticks.csv")
    coarse = read(path, steps={"BTC/USD": ("0.005", "0.00001")}).ticks
    assert coarse["price_ticks"].tolist() == (read(path).ticks["price_ticks"] * 2).tolist()
    with pytest.raises(RecordingError, match="steps of this symbol"):
        read(path, steps={"ETH/USD": ("0.01", "0.0001")})


def test_candles_and_other_libraries(tmp_path: Path) -> None:
    """Bars as of `feed.dataframes.analysis`; polars has the same rows; DuckDB reads the file as it is."""
    path = written(tmp_path / "ticks.parquet")
    data = read(path)
    pandas.testing.assert_frame_equal(data.candles("1m"), time_bars(data.ticks, "1m"))
    pandas.testing.assert_frame_equal(data.to_pandas(), data.ticks)
    frame = data.to_polars()
    assert frame.schema["time"] == polars.Datetime("ms", "UTC")
    assert frame["price_ticks"].to_list() == data.ticks["price_ticks"].tolist()
    assert frame["side"].cast(polars.String).to_list() == data.ticks["side"].tolist()
    with duckdb.connect() as database:
        query = f"SELECT count(*), sum(trade_id) FROM '{path}' WHERE channel = 'trading'"
        told = database.execute(query).fetchall()
    assert told == [(len(data.ticks), data.ticks["trade_id"].sum())]
    rows = polars.read_parquet(path).filter(polars.col("channel") == "trading")
    assert rows["price"].to_list() == data.ticks["price"].tolist()


def test_files_that_are_none_are_named(tmp_path: Path) -> None:
    """Not there, damaged, or of somebody else: one clear line, with the file."""
    torn = tmp_path / "torn.parquet"
    torn.write_bytes(written(tmp_path / "ticks.parquet").read_bytes()[:-100])
    other = tmp_path / "other.csv"
    pd.DataFrame({"a": [1], "b": [2]}).to_csv(other, index=False)
    for path, words in (
        (tmp_path / "none.parquet", "there is no such file"),
        (torn, "its end is missing or damaged"),
        (other, "format cannot be told.*the file has a, b"),
    ):
        with pytest.raises(RecordingError, match=words) as caught:
            read(path)
        assert str(path) in str(caught.value)
