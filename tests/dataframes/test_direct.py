"""Ticks that are read straight from a recording's columns are those of its replay, and cost no book."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas.testing
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

import feed
from feed.cli.app import app
from feed.dataframes import tape
from feed.dataframes.tape import RecordingData
from feed.importing.options import Options
from feed.importing.running import import_files
from feed.tape.layout import RecordingInfo
from feed.tape.parquet import RecordingFile
from feed.tape.rows import Row, batch_of
from tests.support.real_data import real_file

TIME = 1_700_000_000_000_000_000


def compared(path: Path, **part: Any) -> bool:
    """Both ways give the same frame; returns whether it was read straight."""
    direct, replayed = feed.read(path, **part), feed.read(path, **part)
    assert isinstance(direct, RecordingData)
    assert isinstance(replayed, RecordingData)
    # Whoever has seen the replay reads its ticks.
    assert replayed.instruments
    pandas.testing.assert_frame_equal(direct.ticks, replayed.ticks)
    assert direct.ticks.attrs == replayed.ticks.attrs
    return "_source" not in vars(direct)


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten minutes of five symbols."""
    path = tmp_path_factory.mktemp("direct") / "x.parquet"
    done = CliRunner().invoke(app, ["generate", "majors", "--for", "10m", "--out", str(path)])
    assert done.exit_code == 0, done.output
    return path


@pytest.mark.parametrize(
    "part",
    [
        {},
        {"symbol": "ETH/USD"},
        {"start": "2m", "end": "3m"},
        {"columns": ["price"]},
        {"columns": ["timestamp", "seq", "bid", "ask_lots"], "symbol": ["BTC/USD", "ETH/USD"], "start": "5m"},
        {"columns": ["volume", "trade_id", "side", "symbol"]},
    ],
)
def test_our_recordings(ours: Path, part: dict[str, Any]) -> None:
    """All of it, and parts."""
    assert compared(ours, **part)


@pytest.mark.parametrize(
    ("format", "name", "straight"),
    [
        ("binance", "binance_spot_btcusdt_20240809.ws.gz", True),
        ("kraken", "wscapture_KRAKEN.ws.50.0.gz", False),
        ("auto", "binance_fut_ethusdt_20230202_trades.csv.gz", False),
    ],
)
def test_recordings_of_venues(tmp_path: Path, format: str, name: str, straight: bool) -> None:
    """Where something has to be inferred the replay does that, and the frames are equal."""
    path = tmp_path / "x.parquet"
    import_files(format, [real_file(name)], path, options=Options(usual_symbol="ETH/USDT"))
    assert compared(path) is straight


def recorded(path: Path, rows: list[Row]) -> Path:
    """A recording of these rows."""
    file = RecordingFile(path)
    file.write(batch_of(rows))
    file.finish(RecordingInfo(version="1", source="test", instruments={"A/B": ("0.5", "0.1"), "C/B": ("0.5", "0.1")}))
    return path


CELLS = st.fixed_dictionaries(
    {
        "step": st.integers(-1, 3),
        "symbol": st.sampled_from(["A/B", "A/B", "C/B"]),
        "seq": st.sampled_from([1, 1, 1, 1, 2, 0]),
        "price": st.integers(2, 6),
        "side": st.sampled_from(["buy", "sell", "buy", "sell", None]),
        "bid": st.sampled_from([0.5, 0.5, 0.5, 3.0, None]),
        "size": st.sampled_from([0.1, 0.3, 0.0]),
        "id": st.sampled_from([1, 2, 3, 3, None]),
    }
)


@settings(max_examples=30, deadline=None)
@given(cells=st.lists(CELLS, min_size=1, max_size=8), quoted=st.booleans())
def test_whatever_is_odd_is_the_replays(
    tmp_path_factory: pytest.TempPathFactory, cells: list[dict[str, Any]], quoted: bool
) -> None:
    """Times that fall, numbers that come again, sides, quotes and ids that are missing: the same frame either way."""
    time, seqs, rows = TIME, {"A/B": 0, "C/B": 0}, []
    if quoted:
        rows.append(Row(time, time, "quote", "A/B", seq=1, bid=1.0, bid_size=0.2, ask=2.0, ask_size=0.3))
    for cell in cells:
        time += cell["step"] * 10**6
        seqs[cell["symbol"]] += cell["seq"]
        ask = None if cell["bid"] is None else 3.5
        volume = 0.1 * (len(rows) + 1)
        rows.append(
            Row(time, time, "trading", cell["symbol"], "", "update", seqs[cell["symbol"]], cell["price"] * 0.5, 0.2,
                cell["side"], cell["bid"], cell["size"], ask, 0.4, round(volume, 1), cell["id"])
        )  # fmt: skip
    path = recorded(tmp_path_factory.mktemp("odd") / "x.parquet", rows)
    compared(path)
    compared(path, columns=["price", "seq"])


def test_only_ticks_cost_no_book(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A recording with a large book: its ticks are there without the book, which is there once it is asked for."""
    book = json.dumps({"bids": [["1.0", "0.1"]], "asks": [["2.0", "0.1"]]})
    rows = [Row(TIME, TIME, "book", "A/B", "", "snapshot", 1, data=book)]
    rows += [Row(TIME + n, TIME + n, "trading", "A/B", "", "update", n, 1.5, 0.2, "buy", 1.0, 0.1, 2.0, 0.1, 0.2 * n, n)
             for n in range(1, 9)]  # fmt: skip
    data = feed.read(recorded(tmp_path / "x.parquet", rows))
    assert isinstance(data, RecordingData)

    def refuse(*_: object) -> None:
        raise AssertionError("the replay reads everything")

    with monkeypatch.context() as patch:
        patch.setattr(tape, "open_recorded", refuse)
        assert len(data.ticks) == 8
        assert data.candles("1m")["trades"].sum() == 8
    assert len(data.book_frame()) == 0
    assert [each.symbol for each in data.instruments] == ["A/B"]
