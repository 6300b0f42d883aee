"""A recording in a notebook: the frames of the market that was recorded, its book, and what it tells of itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pandas.testing
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from feed.clock import ManualClock
from feed.dataframes.analysis import gap_report
from feed.dataframes.files import read
from feed.dataframes.tape import RecordingData
from feed.dataframes.ticks import frame_digest, generate
from feed.engine.source import EngineSource
from feed.errors import RecordingError, UsageError
from feed.market.recorder import MarketRecorder
from feed.scenario.find import find_scenario
from feed.tape.layout import INFO_KEY
from feed.units import MINUTE, SECOND
from tests.support.market import make_market

LENGTH = 2 * MINUTE


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two minutes of a market of several symbols, with its book."""
    path = tmp_path_factory.mktemp("recording") / "majors.parquet"
    clock = ManualClock()
    source = EngineSource(find_scenario("majors")[0], 7)
    market = make_market(source, clock)
    recorder = MarketRecorder(market, path, ("trading", "status", "book"), clock)
    while (due := market.next_time()) is not None and due < source.start + LENGTH:
        market.publish_due(source.start + LENGTH - 1, 300)
    assert recorder.close().lost == 0
    return path


def test_ticks_are_those_of_the_market(path: Path) -> None:
    """The same rows, columns and types as without a recording, and so the same digest."""
    frame = read(path).ticks
    offline = generate("majors", seed=7, until="2m")
    pandas.testing.assert_frame_equal(frame, offline)
    assert frame_digest(frame) == frame_digest(offline)


def test_the_book_is_that_of_the_market(path: Path) -> None:
    """Behind every change, and at regular times, in the units of each symbol."""
    data = read(path)
    assert isinstance(data, RecordingData)
    source = EngineSource(find_scenario("majors")[0], 7)
    depth = source.books(0).during(source.start, source.start + LENGTH)
    symbol = source.instruments[0].symbol
    frame = data.book[data.book["symbol"] == symbol]
    ladders = depth.ladders(0, len(depth.quotes), 10)
    expected = [pair for ladder in ladders for side in ladder for pair in side]
    assert list(zip(frame["price_ticks"], frame["size_lots"], strict=True)) == expected
    assert frame["price"].iloc[0] == pytest.approx(frame["price_ticks"].iloc[0] * 0.01)
    each = data.book_frame(symbol, levels=3, every="10s")
    assert len(each) == 11 * 6
    assert each.index.is_monotonic_increasing
    best = each[(each["level"] == 1) & (each["side"] == "ask")]
    row = int(np.searchsorted(depth.quotes.time, source.start + 50 * SECOND)) - 1
    assert best["price_ticks"].iloc[4] == depth.quotes.ask[row]
    assert isinstance(each.index, pd.DatetimeIndex)
    assert str(each.index.tz) == "UTC"


def test_candles_and_facts(path: Path) -> None:
    """Bars of the ticks, where it comes from, and that nothing is missing."""
    data = read(path)
    assert isinstance(data, RecordingData)
    assert len(data.candles("1m")) == 2 * len(data.instruments)
    assert data.facts["seed"] == 1
    assert data.gaps.empty
    assert data.to_polars().height == len(data.to_pandas())


def test_what_is_not_there_is_named(path: Path, tmp_path: Path) -> None:
    """Another symbol, no book, a cut file."""
    data = read(path)
    assert isinstance(data, RecordingData)
    with pytest.raises(UsageError, match="did you mean BTC/USD"):
        data.book_frame("BTC/USDT")
    with pytest.raises(UsageError, match="1 or more"):
        data.book_frame(levels=0)
    cut = tmp_path / "cut.parquet"
    cut.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(RecordingError, match="damaged"):
        read(cut)


def test_a_frame_of_a_book_has_fixed_types(path: Path) -> None:
    """As the documentation tells."""
    data = read(path)
    assert isinstance(data, RecordingData)
    frame = data.book_frame(levels=1, every="1m")
    kinds = {name: str(kind) for name, kind in frame.dtypes.items()}
    assert kinds["timestamp"] == kinds["price_ticks"] == kinds["size_lots"] == kinds["level"] == "int64"
    assert kinds["symbol"] == kinds["side"] == "category"
    assert isinstance(frame.index, pd.DatetimeIndex)


def rewritten(path: Path, to: Path, table: pa.Table) -> Path:
    """Other rows as a recording like this one, without checksums."""
    bare = table.replace_schema_metadata(None)
    with pq.ParquetWriter(to, bare.schema) as file:
        file.write_table(bare)
        file.add_key_value_metadata({INFO_KEY: pq.read_metadata(path).metadata[INFO_KEY]})
    return to


def trades_of(table: pa.Table, symbol: str) -> list[int]:
    """Where the trades of a symbol are."""
    named = pc.equal(table["symbol"].cast(pa.string()), symbol)
    return np.flatnonzero(pc.and_(pc.equal(table["channel"].cast(pa.string()), "trading"), named)).tolist()


def test_numbers_of_what_is_missing_are_missing(path: Path, tmp_path: Path) -> None:
    """A replay counts on without them; a frame shows the hole."""
    table = pq.read_table(path)
    gone = set(trades_of(table, "BTC/USD")[10:15])
    kept = table.take(pa.array([row for row in range(len(table)) if row not in gone]))
    frame = read(rewritten(path, tmp_path / "gap.parquet", kept)).ticks
    assert frame.loc[frame["symbol"] == "BTC/USD", "seq"].tolist()[8:12] == [9, 10, 16, 17]
    assert gap_report(frame)["missing"].to_dict()["BTC/USD"] == 5


def test_an_event_between_does_not_take_the_numbers_away(path: Path, tmp_path: Path) -> None:
    """Who joins late begins at any number, and frames that are no data have none."""
    table = pq.read_table(path)
    late = table.take(pa.array(trades_of(table, "BTC/USD")[100:]))
    row = late.slice(0, 1).to_pylist()[0]
    told = {"channel": "event", "type": "status", "data": "{}", "clocks": "received"}
    event = dict.fromkeys(row) | {"received": row["time"], "time": row["time"]} | told
    joined = pa.concat_tables([pa.Table.from_pylist([event], schema=late.schema), late], promote_options="permissive")
    data = read(rewritten(path, tmp_path / "late.parquet", joined.unify_dictionaries()))
    assert data.ticks["seq"].iloc[0] == 101
    assert isinstance(data, RecordingData)
    assert data._source.numbering["trading:BTC/USD"] == 100


def test_what_was_cut_off_or_written_again_is_named(path: Path, tmp_path: Path) -> None:
    """Neither is a file without a word of help, nor an error of a library."""
    (tmp_path / "day.parquet.part").write_bytes(b"")
    with pytest.raises(RecordingError, match="which was cut off: feed recover"):
        read(tmp_path / "day.parquet")
    again = tmp_path / "again.parquet"
    pq.write_table(pq.read_table(path).replace_schema_metadata(None), again)
    with pytest.raises(RecordingError, match=r"empty cells.*another program"):
        read(again)
    with pytest.raises(UsageError, match="above 0"):
        read(path).book_frame(every=0)  # type: ignore[union-attr]
