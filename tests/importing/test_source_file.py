"""Files of real trades: every format and mapping, every way that a file can be wrong, and the source's contract."""

from __future__ import annotations

import datetime
import gzip
import itertools
import zipfile
from dataclasses import fields
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from feed.data.ticks import BUY, SELL, Instrument, TickBlock
from feed.errors import RecordingError
from feed.scenario.tickfile import TickFile
from feed.sources.files import open_tick_file
from feed.tape import columns
from feed.tape.replay import RecordingSource
from feed.units import DAY, MILLISECOND, SECOND, parse_time

BTC = Instrument("BTC/USD", Decimal("0.01"), Decimal("0.00000001"))
T0 = 1_699_833_607_601
"""A time in milliseconds, 2023-11-13."""

CSV = "time,price,size,side,id\n"


def source(path: Path, instrument: Instrument = BTC, **keys: Any) -> RecordingSource:
    """The file as a source."""
    return open_tick_file(TickFile(file=path.name, **keys), path, instrument)


def from_text(folder: Path, text: str, name: str = "trades.csv", **keys: Any) -> RecordingSource:
    """A CSV as a source."""
    path = folder / name
    path.write_text(text)
    return source(path, **keys)


def whole(replay: RecordingSource, at: int | None = None) -> TickBlock:
    """All ticks from a time on, as one block."""
    return TickBlock.joined([batch.ticks[0] for batch in replay.batches(replay.start if at is None else at)])


def mistake(folder: Path, text: str, **keys: Any) -> str:
    """What is said about a CSV."""
    with pytest.raises(RecordingError) as caught:
        from_text(folder, text, **keys)
    return str(caught.value)


def test_columns_by_name(tmp_path: Path) -> None:
    """Steps, sides and ids as the file has them; the volume adds up."""
    text = f"{CSV}{T0},37054.1,0.5,sell,7\n{T0},37054.11,0.25,buy,9\n{T0 + 5},37054.1,1,S,10\n"
    replay = from_text(tmp_path, text, side="side", trade_id="id")
    block = whole(replay)
    assert block.time.tolist() == [T0 * MILLISECOND, T0 * MILLISECOND, (T0 + 5) * MILLISECOND]
    assert block.price.tolist() == [3_705_410, 3_705_411, 3_705_410]
    assert block.size.tolist() == [50_000_000, 25_000_000, 100_000_000]
    assert block.side.tolist() == [SELL, BUY, SELL]
    assert block.trade_id.tolist() == [7, 9, 10]
    assert block.volume.tolist() == [50_000_000, 75_000_000, 175_000_000]
    assert any("3 trades have no quote" in notice for notice in replay.notices)
    assert not any("gap" in notice for notice in replay.notices)


def test_positions_without_a_header(tmp_path: Path) -> None:
    """As LEAN has it: milliseconds since midnight of a day, in a zip."""
    path = tmp_path / "20180404_trade.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("20180404.csv", "0,7424.91,7424.91,7422,7422,7.14\n60000,7420,7422,7405,7405,13.35\n")
    replay = source(path, time=0, price=4, size=5, date=datetime.date(2018, 4, 4))
    assert replay.start == parse_time("2018-04-04")
    assert whole(replay).price.tolist() == [742_200, 740_500]
    assert whole(replay).trade_id.tolist() == [1, 2]


@pytest.mark.parametrize(
    ("unit", "text"),
    [
        ("ns", "1699833607601000000"),
        ("us", "1699833607601000"),
        ("ms", "1699833607601"),
        ("ms", "1699833607601.000"),
        ("s", "1699833607.601"),
        ("iso", "2023-11-13T00:00:07.601Z"),
        ("iso", "2023-11-13 00:00:07.601000+00:00"),
        ("iso", "2023-11-13T00:00:07.601"),
    ],
)
def test_units_of_time(tmp_path: Path, unit: str, text: str) -> None:
    """Each to the same nanosecond."""
    replay = from_text(tmp_path, f"time,price,size\n{text},1,1\n", time_unit=unit)
    assert replay.start == T0 * MILLISECOND


@pytest.mark.parametrize(
    ("means", "words", "sides"),
    [
        ("taker", ["buy", "SELL", "b", "s"], [BUY, SELL, BUY, SELL]),
        ("taker", ["1", "-1", "bid", "ask"], [BUY, SELL, BUY, SELL]),
        ("maker", ["buy", "sell"], [SELL, BUY]),
        ("buyer-is-maker", ["true", "False"], [SELL, BUY]),
    ],
)
def test_sides(tmp_path: Path, means: str, words: list[str], sides: list[int]) -> None:
    """The taker's side, however the venue says it."""
    rows = "".join(f"{T0},1,1,{word}\n" for word in words)
    replay = from_text(tmp_path, "time,price,size,side\n" + rows, side="side", side_means=means)
    assert whole(replay).side.tolist() == sides


def test_tick_rule(tmp_path: Path) -> None:
    """Up is a buy, down a sell, unchanged as before; and it is said."""
    prices = [5, 5, 6, 6, 4, 4, 7]
    replay = from_text(tmp_path, "time,price,size\n" + "".join(f"{T0},{price},1\n" for price in prices))
    assert whole(replay).side.tolist() == [BUY, BUY, BUY, BUY, SELL, SELL, BUY]
    assert any("tick rule" in notice for notice in replay.notices)


def test_own_quotes(tmp_path: Path) -> None:
    """They are taken, and widened where a trade lies outside."""
    text = f"time,price,size,b,a\n{T0},10,1,9.5,10\n{T0},11,1,9.5,10\n"
    replay = from_text(tmp_path, text, bid="b", ask="a")
    block = whole(replay)
    assert block.bid.tolist() == [950, 950]
    assert block.ask.tolist() == [1000, 1100]
    assert any("1 trades lie outside" in notice for notice in replay.notices)


def test_volume_begins_anew_at_midnight(tmp_path: Path) -> None:
    """UTC days of market time."""
    day = T0 - T0 % 86_400_000
    times = [day + 86_399_999, day + 86_400_000, day + 86_400_001]
    block = whole(from_text(tmp_path, "time,price,size\n" + "".join(f"{t},1,1\n" for t in times)))
    assert (block.volume // 10**8).tolist() == [1, 1, 2]


def test_bars_without_a_trade_are_left_out(tmp_path: Path) -> None:
    """Where the mapping says so, and the rows keep their numbers."""
    text = f"time,price,size\n{T0},1,1\n{T0},1,\n{T0},1,0\n{T0},1,2\n"
    replay = from_text(tmp_path, text, missing_size="skip")
    assert whole(replay).trade_id.tolist() == [1, 4]
    assert "row 2, size: there is no value" in mistake(tmp_path, text)


def test_rounding_is_asked_for(tmp_path: Path) -> None:
    """Off the grid is an error, or rounded on demand; a trade stays a trade."""
    text = f"time,price,size\n{T0},1.234,0.000000001\n"
    assert "row 1, price: 1.234 is not a multiple of the tick_size 0.01" in mistake(tmp_path, text)
    block = whole(from_text(tmp_path, text, rounding=True))
    assert (block.price.tolist(), block.size.tolist()) == ([123], [1])


@pytest.mark.parametrize(
    ("text", "keys", "parts"),
    [
        ("", {}, ["the file is empty"]),
        ("time,price,size\n", {}, ["no rows"]),
        (f"time,pirce,size\n{T0},1,1\n", {}, ["price: there is no column 'price'", "did you mean 'pirce'"]),
        (f"{T0},1\n", {"time": 0, "price": 1, "size": 2}, ["size: there is no column 2", "the file has 2"]),
        (f"time,price,size\n{T0},1,1\n{T0 - 1},1,1\n", {}, ["row 2, time: is earlier than row 1", "sort"]),
        (f"time,price,size\n{T0},1,1\n{T0},abc,1\n", {}, ["row 2, price: 'abc' is not a number"]),
        (f"time,price,size\n{T0},nan,1\n", {}, ["row 1, price: nan is not a number"]),
        (f"time,price,size\n{T0},inf,1\n", {}, ["row 1, price: inf is not a number"]),
        (f"time,price,size\n{T0},-5,1\n", {}, ["row 1, price: -5 is negative"]),
        (f"time,price,size\n{T0},0,1\n", {}, ["row 1, price: 0 must be more than 0"]),
        (f"time,price,size\n{T0},1e300,1\n", {}, ["row 1, price", "too large"]),
        (f"time,price,size\n{T0},1,-1\n", {}, ["row 1, size: -1 is negative"]),
        (f"time,price,size\n{T0},1,0\n", {}, ["size: every row has size 0"]),
        (f"time,price,size\n{T0},,1\n", {}, ["row 1, price: there is no value"]),
        (f"time,price,size\n{T0},1,1\n", {"time_unit": "s"}, ["read as s is in a far year", 'time_unit = "ms"']),
        (f"time,price,size\n{T0},1,1\n", {"time_unit": "ns"}, ["read as ns is in 1970", 'time_unit = "ms"']),
        ("time,price,size\n1000,1,1\n", {}, ["in 1970", "date"]),
        ("time,price,size\nnoon,1,1\n", {}, ["row 1, time: 'noon' is not a time in ms"]),
        ("time,price,size\nnoon,1,1\n", {"time_unit": "iso"}, ["row 1, time: 'noon' is not an ISO 8601 time"]),
        (f"time,price,size\n{T0},1,1\n", {"date": "2023-11-13"}, ["is no time of a day", "leave date out"]),
        (f"time,price,size,s\n{T0},1,1,up\n", {"side": "s"}, ["row 1, side: 'up' is not a side"]),
        (f"time,price,size,i\n{T0},1,1,5\n{T0},1,1,5\n", {"trade_id": "i"}, ["row 2, trade_id: is not greater"]),
        (f"time,price,size,b,a\n{T0},1,1,2,1\n", {"bid": "b", "ask": "a"}, ["row 1, bid: is not below the ask"]),
        (f"time,price,size\n{T0},1\n", {}, ["row 1: has 2 cells where the first line has 3"]),
    ],
)
def test_mistakes_are_named(tmp_path: Path, text: str, keys: dict[str, Any], parts: list[str]) -> None:
    """File, row, column, what is wrong and what would be right."""
    message = mistake(tmp_path, text, **keys)
    for part in [str(tmp_path / "trades.csv"), *parts]:
        assert part in message


def test_the_row_is_right_far_into_the_file(tmp_path: Path) -> None:
    """Also beyond the first chunk."""
    table = pa.table(
        {"time": [T0] * 200_000, "price": [1.0] * 150_000 + [1.001] + [1.0] * 49_999, "size": [1.0] * 200_000}
    )
    pq.write_table(table, tmp_path / "t.parquet")
    with pytest.raises(RecordingError, match="row 150001, price"):
        source(tmp_path / "t.parquet")


def test_damaged_files(tmp_path: Path) -> None:
    """Not there, a folder, cut off, or no such thing at all: one clear error."""
    packed = gzip.compress(("time,price,size\n" + f"{T0},1,1\n" * 50_000).encode())
    (tmp_path / "cut.csv.gz").write_bytes(packed[: len(packed) // 2])
    (tmp_path / "not.csv.gz").write_bytes(b"\x1f\x8btime,price,size\n")
    (tmp_path / "not.zip").write_bytes(b"PK\x03\x04 nothing")
    pq.write_table(pa.table({"time": [T0], "price": [1.0], "size": [1.0]}), tmp_path / "t.parquet")
    (tmp_path / "cut.parquet").write_bytes((tmp_path / "t.parquet").read_bytes()[:-20])
    with zipfile.ZipFile(tmp_path / "two.zip", "w") as archive:
        archive.writestr("a", "")
        archive.writestr("b", "")
    (tmp_path / "folder").mkdir()
    expected = {
        "cut.csv.gz": "damaged or cut off",
        "not.csv.gz": "damaged or cut off",
        "not.zip": "damaged or cut off",
        "cut.parquet": "cannot be read",
        "two.zip": "holds 2 files",
        "folder": "this is a folder",
        "nothing.csv": "there is no such file",
    }
    for name, words in expected.items():
        with pytest.raises(RecordingError, match=words):
            source(tmp_path / name)


def test_parquet_timestamps_need_no_unit(tmp_path: Path) -> None:
    """Their type says it."""
    time = pa.array([T0 * 1000], pa.timestamp("us", "UTC"))
    pq.write_table(pa.table({"time": time, "price": [1.0], "size": [1.0]}), tmp_path / "t.parquet")
    assert source(tmp_path / "t.parquet", time_unit="s").start == T0 * MILLISECOND


def bursts(folder: Path, count: int = 20_000) -> RecordingSource:
    """Trades in bursts of 7 at the same time, over more than one batch."""
    rows = np.arange(count)
    table = pa.table({"time": T0 + rows // 7, "price": 100.0 + rows % 13, "size": np.ones(count)})
    pq.write_table(table, folder / "bursts.parquet")
    return source(folder / "bursts.parquet")


def test_batches_follow_each_other(tmp_path: Path) -> None:
    """No time is in two batches, none is left out, and a burst is never split."""
    replay = bursts(tmp_path)
    batches = list(replay.batches(replay.start))
    assert len(batches) > 1
    assert (batches[0].start, batches[-1].end) == (replay.start, replay.end)
    assert all(a.end == b.start for a, b in itertools.pairwise(batches))
    assert all(b.start <= b.ticks[0].time[0] and b.ticks[0].time[-1] < b.end for b in batches)
    assert whole(replay).trade_id.tolist() == list(range(1, 20_001))


@pytest.mark.parametrize("offset", [-5 * SECOND, 0, MILLISECOND + 1, 2 * SECOND])
def test_seeking_gives_the_rest(tmp_path: Path, offset: int) -> None:
    """The same rows, whatever way the market got there."""
    replay = bursts(tmp_path)
    at = replay.start + offset
    assert next(iter(replay.batches(at))).start == at
    block, rest = whole(replay), whole(replay, at)
    kept = block.time >= at
    for column in fields(TickBlock):
        assert getattr(rest, column.name).tolist() == getattr(block, column.name)[kept].tolist()


def test_after_the_end_there_is_nothing(tmp_path: Path) -> None:
    """And at any time the symbol is online."""
    replay = bursts(tmp_path)
    assert list(replay.batches(replay.end)) == []
    assert [change.status for change in replay.statuses(replay.start)] == ["online"]


trades = st.lists(
    st.tuples(
        st.integers(0, DAY // MILLISECOND), st.integers(2, 10**9), st.integers(1, 10**12), st.sampled_from([BUY, SELL])
    ),
    min_size=1,
    max_size=40,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=trades, kind=st.sampled_from(["csv", "csv.gz", "parquet"]))
def test_round_trip(tmp_path: Path, rows: list[tuple[int, int, int, int]], kind: str) -> None:
    """Columns that were written come back, exactly, from every format."""
    rows = sorted(rows, key=lambda row: row[0])
    time = [T0 + row[0] for row in rows]
    texts = {
        "price": [f"{Decimal(row[1]) / 100:f}" for row in rows],
        "size": [f"{Decimal(row[2]) / 10**8:f}" for row in rows],
        "side": ["buy" if row[3] == BUY else "sell" for row in rows],
    }
    path = tmp_path / f"t.{kind}"
    if kind == "parquet":
        numbers = {name: [float(text) for text in texts[name]] for name in ("price", "size")}
        pq.write_table(pa.table({"time": time, **numbers, "side": texts["side"]}), path)
    else:
        lines = [",".join(row) for row in zip(map(str, time), *texts.values(), strict=True)]
        text = "\n".join(["time,price,size,side", *lines, ""]).encode()
        path.write_bytes(gzip.compress(text) if kind == "csv.gz" else text)
    block = whole(source(path, side="side"))
    assert (block.time // MILLISECOND).tolist() == time
    assert block.price.tolist() == [row[1] for row in rows]
    assert block.size.tolist() == [row[2] for row in rows]
    assert block.side.tolist() == [row[3] for row in rows]
    assert ((block.bid < block.ask) & (block.bid <= block.price) & (block.price <= block.ask)).all()


def test_batches_are_of_bounded_size(tmp_path: Path) -> None:
    """A batch has its rows and at most the rest of a burst."""
    replay = bursts(tmp_path)
    assert max(len(batch.ticks[0]) for batch in replay.batches(replay.start)) < columns.BATCH_ROWS + 7
