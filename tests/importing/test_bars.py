"""Bars become ticks that rebuild them."""

from __future__ import annotations

import zipfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from feed.errors import RecordingError
from feed.importing.barticks import FileBars, needed, ticks_of, too_small
from feed.units import MINUTE
from tests.importing.files import MS, NS, imported, written

START = NS // MINUTE * MINUTE
HEAD = "time,open,high,low,close,volume"


@st.composite
def bars(draw: st.DrawFn) -> FileBars:
    """Bars whose volume can show them; some flat, some tiny, some with many trades."""
    rows = []
    for minute in range(draw(st.integers(1, 12))):
        low = draw(st.integers(1, 10**9))
        high = low + draw(st.integers(0, draw(st.sampled_from([0, 1, 3, 10**6]))))
        begin, end = draw(st.integers(low, high)), draw(st.integers(low, high))
        volume = draw(st.integers(1, draw(st.sampled_from([5, 50, 10**12]))))
        rows.append((START + minute * MINUTE, begin, high, low, end, volume, draw(st.integers(1, 40))))
    made = FileBars(*np.array(rows, np.int64).T)
    kept = made.volume >= needed(made)
    return FileBars(*np.array(rows, np.int64)[kept].T)


@given(bars())
def test_ticks_rebuild_their_bars(made: FileBars) -> None:
    """Open, high, low, close and volume, to the last unit, within the bar's own time."""
    assert too_small(made) is None
    ticks = ticks_of(made, MINUTE)
    assert (ticks.size > 0).all()
    assert (np.diff(ticks.time) >= 0).all()
    for number in range(len(made)):
        price, size = ticks.price[ticks.bar == number], ticks.size[ticks.bar == number]
        told = made.open[number], made.high[number], made.low[number], made.close[number], made.volume[number]
        assert (price[0], price.max(), price.min(), price[-1], size.sum()) == told
        assert len(price) == min(max(made.count[number], needed(made)[number]), made.volume[number])
    assert (ticks.time // MINUTE * MINUTE == made.time[ticks.bar]).all()


def test_ticks_are_the_same_every_time() -> None:
    """No dice."""
    made = FileBars(*np.array([[START, 5, 9, 1, 6, 100, 11]], np.int64).T)
    assert ticks_of(made, MINUTE).price.tolist() == ticks_of(made, MINUTE).price.tolist()
    assert ticks_of(made, MINUTE).price.tolist() == [5, 3, 2, 1, 3, 5, 7, 9, 8, 7, 6]


Row = tuple[int, int, int, int, int]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(bars(), st.integers(0, 4), st.integers(0, 8))
def test_bars_come_back_from_the_recording(tmp_path: Path, made: FileBars, places: int, size_places: int) -> None:
    """CSV, import, read, minute by minute."""
    if not len(made):
        return
    lines = [HEAD]
    for i in range(len(made)):
        prices = (made.open[i], made.high[i], made.low[i], made.close[i])
        cells = [f"{Decimal(int(price)).scaleb(-places):f}" for price in prices]
        lines.append(f"{made.time[i] // 10**6},{','.join(cells)},{Decimal(int(made.volume[i])).scaleb(-size_places):f}")
    path = written(tmp_path / "bars.csv", "\n".join(lines))
    recorded = imported(
        "bars",
        path,
        symbol="X",
        interval=MINUTE,
        lot_size=Decimal(1).scaleb(-size_places),
        tick_size=Decimal(1).scaleb(-places),
    )
    minutes: dict[int, list[dict[str, Any]]] = {}
    for row in recorded.rows:
        minutes.setdefault(row["time"] // MINUTE * MINUTE, []).append(row)
    assert list(minutes) == made.time.tolist()
    for i, rows in enumerate(minutes.values()):
        price = [round(Decimal(repr(row["price"])).scaleb(places)) for row in rows]
        size = sum(round(Decimal(repr(row["size"])).scaleb(size_places)) for row in rows)
        assert (price[0], max(price), min(price), price[-1], size) == (
            made.open[i], made.high[i], made.low[i], made.close[i], made.volume[i]
        )  # fmt: skip


def bar_file(tmp_path: Path, *rows: str) -> Path:
    """Bars of consecutive minutes, or `minute:cells`."""
    lines = []
    for number, row in enumerate(rows):
        minute, _, cells = row.rpartition(":")
        lines.append(f"{(START + int(minute or number) * MINUTE) // 10**6},{cells}")
    return written(tmp_path / "bars.csv", "\n".join([HEAD, *lines]))


def test_times_and_sides(tmp_path: Path) -> None:
    """Evenly spread; down first in a bar that rises."""
    made = imported("bars", bar_file(tmp_path, "10,12,9,11,4", "11,11,11,11,1"), symbol="X")
    assert made.column("price") == [10.0, 9.0, 12.0, 11.0, 11.0]
    assert [(time - START) // 10**9 for time in made.column("time")] == [0, 15, 30, 45, 60]
    assert made.column("side") == ["buy", "sell", "buy", "sell", "sell"]
    assert made.note("2 bars became 5 ticks")


def test_absent_minutes_and_empty_bars(tmp_path: Path) -> None:
    """Counted, with the first of each."""
    path = bar_file(tmp_path, "0:1,1,1,1,4", "1:1,1,1,1,4", "5:1,1,1,1,0", "6:,,,,", "7:1,1,1,1,4")
    made = imported("bars", path, symbol="X")
    assert "3, first at bars.csv row 3: 3 before" in made.note("absent bar")
    assert "2, first at bars.csv row 3" in made.note("bar without volume")
    assert len(made.rows) == 12


def test_interval_is_the_shortest_distance(tmp_path: Path) -> None:
    """Told, and refused later where it does not hold."""
    assert imported("bars", bar_file(tmp_path, "0:1,1,1,1,4", "2:1,1,1,1,4"), symbol="X").note("00:02:00 long")
    with pytest.raises(RecordingError, match=r"row 3, time: .* no multiple of the interval"):
        imported("bars", bar_file(tmp_path, "0:1,1,1,1,4", "2:1,1,1,1,4", "5:1,1,1,1,4"), symbol="X")


def test_bars_without_an_open(tmp_path: Path) -> None:
    """Each opens where the one before closed, held within its own range; told."""
    text = f"time,high,low,close,volume\n{MS},5,3,4,8\n{MS + 60000},9,6,7,8\n{MS + 120000},8,6,6,8\n"
    made = imported("bars", written(tmp_path / "bars.csv", text), symbol="X")
    assert made.column("price")[::4] == [4.0, 6.0, 7.0]
    assert made.note("there is no open")


def test_close_outside_is_held_where_asked(tmp_path: Path) -> None:
    """A close that is a quote and no trade."""
    made = imported("bars", bar_file(tmp_path, "10,12,9,12.5,4", "11,11,11,11,1"), symbol="X", clamp=True)
    assert made.column("price")[3] == 12.0
    assert "1, first at bars.csv row 1" in made.note("close outside")


def test_few_closes_outside_are_held_and_it_is_said(tmp_path: Path) -> None:
    """Of many bars; of more of them the columns are swapped, and the file is refused."""
    good, wrong = "10,12,9,11.5,4", "10,12,9,12.5,4"
    made = imported("bars", bar_file(tmp_path, *[good] * 59, wrong), symbol="X")
    assert "1, first at" in made.note("close outside of low and high")
    with pytest.raises(RecordingError, match=r"row 51, close: is not between low and high .*--clamp"):
        imported("bars", bar_file(tmp_path, *[good] * 50, *[wrong] * 10), symbol="X")


def test_as_many_ticks_as_trades(tmp_path: Path) -> None:
    """Where a column counts them."""
    text = f"{HEAD},n\n{MS},1,2,1,2,100,7\n{MS + 60000},2,2,2,2,3,7\n"
    made = imported("bars", written(tmp_path / "bars.csv", text), symbol="X", columns={"trades": "n"})
    assert len(made.rows) == 7 + 3


def test_later_prices_with_more_decimals(tmp_path: Path) -> None:
    """All prices of a bar are read in the same units."""
    made = imported("bars", bar_file(tmp_path, "10,12.5,9.25,11.125,4", "11,11,11,11,1"), symbol="X")
    assert made.column("price")[:4] == [10.0, 9.25, 12.5, 11.125]
    assert made.report.instruments["X"][0] == "0.001"


def test_bitfinex_has_the_close_second(tmp_path: Path) -> None:
    """Time, open, close, high, low, volume."""
    rows = f"{MS},10,11,12,9,4\n{MS + 60000},11,11,11,11,4\n"
    made = imported("bitfinex-candles", written(tmp_path / "candles.csv", rows), symbol="BTC/USD")
    assert made.column("price")[:4] == [10.0, 9.0, 12.0, 11.0]


def test_klines(tmp_path: Path) -> None:
    """Twelve columns, with a count of trades, and a symbol in the name."""
    rows = "".join(f"{MS + i * 60000},10,12,9,11,40.5,{MS + i * 60000 + 59999},44,6,2,22,0\n" for i in range(2))
    made = imported("auto", written(tmp_path / "BTCUSDT-1m-2023-11-14.csv", rows))
    assert (made.report.format, made.report.rows) == ("binance-klines", 12)
    assert made.note("told by the name")


def lean(tmp_path: Path, kind: str, rows: str, day: str = "20180404") -> Path:
    """A zip as LEAN has them."""
    path = tmp_path / f"{day}_{kind}.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{day}_btcusd_minute_{kind}.csv", rows)
    return path


def test_lean(tmp_path: Path) -> None:
    """Day, symbol and length of a bar are in the name; two days follow each other."""
    days = [lean(tmp_path, "trade", "0,10,12,9,11,4\n60000,11,11,11,11,4\n", day) for day in ("20180404", "20180405")]
    made = imported("auto", days)
    assert (made.report.format, made.report.rows) == ("lean", 16)
    assert made.column("time")[0] == 1_522_800_000_000_000_000
    assert made.column("volume")[-1] == 8.0
    assert "1438, first at" in made.note("absent bar")


def test_lean_quotes(tmp_path: Path) -> None:
    """The last quote of each bar, at its end; half a quote is left out."""
    rows = "0,1,1,1,7424.9,1.5,2,2,2,7424.91,33.35399601000002\n60000,1,1,1,7425,1,,,,,\n"
    made = imported("lean", lean(tmp_path, "quote", rows))
    assert [row["channel"] for row in made.rows] == ["quote"]
    assert made.rows[0] | {"time": 1_522_800_060_000_000_000, "bid": 7424.9, "ask_size": 33.35399601} == made.rows[0]
    assert made.note("quote without two sides")


@pytest.mark.parametrize("name", ["whatever.zip", "20181399_btcusd_minute_trade.zip"])
def test_lean_by_another_name(tmp_path: Path, name: str) -> None:
    """What the name should tell."""
    with zipfile.ZipFile(tmp_path / name, "w") as archive:
        archive.writestr("bars.csv", "0,1,1,1,1,1\n")
    with pytest.raises(RecordingError, match="its name does not tell day, symbol and length"):
        imported("lean", tmp_path / name)
