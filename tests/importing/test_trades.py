"""Trades from CSV and Parquet by a mapping of their columns."""

from __future__ import annotations

import gzip
import zipfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from feed.errors import RecordingError
from feed.tape.reader import open_recording
from feed.units import DAY
from tests.importing.files import MS, NS, imported, written

CSV = f"""id,time,side,price,amount
7,{MS},buy,100.10,0.5
8,{MS + 1},sell,100.05,1.25
10,{MS + 1},buy,100.15,0.25
"""


@pytest.fixture
def trades(tmp_path: Path) -> Path:
    """A file of three trades."""
    return written(tmp_path / "trades.csv", CSV)


def test_rows(trades: Path) -> None:
    """Every column of the layout that a trade has."""
    made = imported("trades", trades, symbol="BTC/USD")
    assert made.rows[1] == {
        "received": None, "time": NS + 1_000_000, "channel": "trading", "symbol": "BTC/USD", "interval": "",
        "type": "update", "seq": 2, "price": 100.05, "size": 1.25, "side": "sell", "bid": None, "bid_size": None,
        "ask": None, "ask_size": None, "volume": 1.75, "trade_id": 8, "data": None,
    }  # fmt: skip


def test_report(trades: Path) -> None:
    """What was inferred and what is missing is told, and kept in the recording."""
    made = imported("trades", trades, symbol="BTC/USD")
    assert made.report.rows == 3
    assert made.report.streams["trading:BTC/USD"].last_seq == 3
    assert made.report.instruments == {"BTC/USD": ("0.01", "0.01")}
    assert "trades.csv row 3: 10 comes after 8" in made.note("gap in trade ids")
    assert "'amount' is taken as size" in made.note("amount")
    assert "13 digits" in made.note("is read in ms")
    assert made.note("tick and lot sizes are one in the last decimal")
    with open_recording(made.path) as recording:
        recording.check()
        assert recording.info.instruments == made.report.instruments
        assert recording.info.source == "trades: trades.csv"
        assert [(gap.after, gap.before) for gap in recording.info.gaps] == [(2, 3)]
        assert recording.info.notes == made.report.notes
    assert b"feed.instruments" in pq.read_schema(made.path).metadata


def test_packed_files_and_several(tmp_path: Path) -> None:
    """gz, zip and plain follow each other; ids go on."""
    head, *rows = CSV.splitlines()
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(f"{head}\n{rows[0]}\n".encode()))
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.writestr("b.csv", f"{head}\n{rows[1]}\n")
    written(tmp_path / "c.csv", f"{head}\n{rows[2]}\n")
    made = imported("trades", [tmp_path / name for name in ("a.csv.gz", "b.zip", "c.csv")], symbol="X")
    assert made.column("trade_id") == [7, 8, 10]
    assert made.column("volume") == [0.5, 1.75, 2.0]
    assert "c.csv row 1" in made.note("gap in trade ids")


@pytest.mark.parametrize(("unit", "factor"), [("s", 10**9), ("ms", 10**6), ("us", 10**3), ("ns", 1)])
def test_units_by_digits(tmp_path: Path, unit: str, factor: int) -> None:
    """And told, so that nothing is guessed silently."""
    path = written(tmp_path / "t.csv", f"time,price,size\n{NS // factor},1,1\n")
    made = imported("trades", path, symbol="X")
    assert made.column("time") == [NS]
    assert made.note(f"is read in {unit}")


@pytest.mark.parametrize("sort", [False, True])
def test_files_of_different_units(tmp_path: Path, sort: bool) -> None:
    """Binance went from ms to us at a new year: each file has its own unit, and both are told."""
    first = written(tmp_path / "a.csv", f"time,price,size\n{MS},1,1\n")
    second = written(tmp_path / "b.csv", f"time,price,size\n{MS * 1000 + 7},1.5,1\n")
    made = imported("trades", [first, second], symbol="X", sort=sort)
    assert made.column("time") == [NS, NS + 7000]
    assert made.note("in ms")
    assert made.note("in us")


def test_mark_of_the_byte_order_and_ends_of_windows(tmp_path: Path) -> None:
    """As Excel writes them."""
    path = written(tmp_path / "t.csv", f"\ufefftime,price,size\r\n{MS},1.5,1\r\n")
    assert imported("trades", path, symbol="X").column("price") == [1.5]


def test_iso_times(tmp_path: Path) -> None:
    """As pandas writes them."""
    path = written(tmp_path / "t.csv", "time,price,size\n2023-11-14 22:13:20.138000+00:00,1,1\n")
    assert imported("trades", path, symbol="X").column("time") == [NS + 138_000_000]


def test_seconds_with_decimals(tmp_path: Path) -> None:
    """Exactly."""
    path = written(tmp_path / "t.csv", f"time,price,size\n{MS // 1000}.123456789,1,1\n")
    assert imported("trades", path, symbol="X").column("time") == [NS + 123_456_789]


def test_sides_and_ids_that_are_missing(tmp_path: Path) -> None:
    """The tick rule and counting, both told."""
    rows = "".join(f"{MS + i},{price},1\n" for i, price in enumerate((5, 6, 6, 4)))
    made = imported("trades", written(tmp_path / "t.csv", f"time,price,size\n{rows}"), symbol="X")
    assert made.column("side") == ["buy", "buy", "buy", "sell"]
    assert made.column("trade_id") == [1, 2, 3, 4]
    assert made.note("tick rule")
    assert made.note("counted from 1")


def test_makers_side(tmp_path: Path) -> None:
    """The name of the column tells whose side it is; so does the option."""
    text = f"time,price,size,is_buyer_maker\n{MS},1,1,True\n{MS},1,1,False\n"
    assert imported("trades", written(tmp_path / "t.csv", text), symbol="X").column("side") == ["sell", "buy"]
    text = f"time,price,size,s\n{MS},1,1,B\n{MS},1,1,A\n"
    made = imported(
        "trades", written(tmp_path / "t.csv", text), symbol="X", columns={"side": "s"}, side_means="maker", buy="B"
    )
    assert made.column("side") == ["sell", "buy"]


def test_volume_begins_anew_each_day(tmp_path: Path) -> None:
    """At midnight, UTC."""
    midnight = NS // DAY * DAY // 10**6
    rows = "".join(f"{midnight + offset},1,2\n" for offset in (-2, -1, 0, 1, 86_400_000))
    made = imported("trades", written(tmp_path / "t.csv", f"time,price,size\n{rows}"), symbol="X")
    assert made.column("volume") == [2.0, 4.0, 2.0, 4.0, 2.0]


def test_symbols_of_one_file(tmp_path: Path) -> None:
    """Each has numbers of its own; the order is the file's."""
    rows = f"{MS},A-B,1.5,1\n{MS},C-D,2,2\n{MS + 1},A-B,1.25,4\n"
    made = imported("trades", written(tmp_path / "t.csv", f"time,symbol,price,size\n{rows}"))
    assert made.column("symbol") == ["A/B", "C/D", "A/B"]
    assert made.column("seq") == [1, 1, 2]
    assert made.column("volume") == [1.0, 2.0, 5.0]
    assert made.report.streams["trading:A/B"].rows == 2


def test_quotes_of_a_file(tmp_path: Path) -> None:
    """Those that cannot stand behind their trade are left out, and counted."""
    rows = f"{MS},10,1,9,11\n{MS},10,1,10.5,11\n{MS},10,1,10,10\n"
    made = imported("trades", written(tmp_path / "t.csv", f"time,price,size,bid,ask\n{rows}"), symbol="X")
    assert made.column("bid") == [9.0, None, None]
    assert made.column("bid_size") == [None, None, None]
    assert "2, first at" in made.note("quote that does not hold its trade")


def test_rows_without_a_quote_have_none(tmp_path: Path) -> None:
    """Empty cells among quotes: those trades have no quote, and the others keep theirs."""
    rows = [
        "time,price,size,bid,bid_size,ask,ask_size",
        *(f"{MS + n},100,1,{'99.5,2,100.5,3' if n % 2 else ',,,'}" for n in range(4)),
    ]
    made = imported("trades", written(tmp_path / "t.csv", "\n".join(rows)), symbol="X")
    assert made.column("bid") == [None, 99.5, None, 99.5]
    assert made.column("ask_size") == [None, 3.0, None, 3.0]


def test_receive_clock_behind(tmp_path: Path) -> None:
    """Two clocks: nobody assumes which is ahead."""
    rows = "".join(f"{MS + i},{MS + i - 1500},1,1\n" for i in range(10))
    made = imported("trades", written(tmp_path / "t.csv", f"time,received,price,size\n{rows}"), symbol="X")
    assert made.column("received")[0] == NS - 1_500_000_000
    assert "1.500 s behind" in made.note("receive clock")


def test_sorting_is_asked_for(tmp_path: Path) -> None:
    """Otherwise a time that falls is an error; rows of the same time keep their order."""
    path = written(tmp_path / "t.csv", f"time,price,size\n{MS + 5},1,1\n{MS},2,1\n{MS + 5},3,1\n")
    with pytest.raises(RecordingError, match=r"row 2, time: is earlier than row 1 \(--sort"):
        imported("trades", path, symbol="X")
    made = imported("trades", path, symbol="X", sort=True)
    assert made.column("price") == [2.0, 1.0, 3.0]
    assert "1, first at row 2" in made.note("time that falls")


def test_steps(tmp_path: Path) -> None:
    """Told ones are checked; rounding is asked for."""
    path = written(tmp_path / "t.csv", f"time,price,size\n{MS},10.25,0.1\n{MS},10.5,0.33\n")
    with pytest.raises(
        RecordingError, match=r"row 1, price: 10.25 is not a multiple of the --tick-size 0.5 \(set --tick-size"
    ):
        imported("trades", path, symbol="X", tick_size=Decimal("0.5"))
    made = imported("trades", path, symbol="X", tick_size=Decimal("0.5"), lot_size=Decimal("0.1"), rounding=True)
    assert made.column("price") == [10.0, 10.5]
    assert made.column("size") == [0.1, 0.3]
    assert made.report.instruments == {"X": ("0.5", "0.1")}
    assert not [note for note in made.report.notes if "last decimal" in note]


def test_empty_sizes_are_left_out_where_asked(tmp_path: Path) -> None:
    """Else they are an error."""
    path = written(tmp_path / "t.csv", f"time,price,size\n{MS},1,\n{MS},2,0\n{MS},3,1\n")
    with pytest.raises(RecordingError, match="row 1, size: there is no value"):
        imported("trades", path, symbol="X")
    made = imported("trades", path, symbol="X", missing_size="skip")
    assert made.column("price") == [3.0]
    assert "2, first at" in made.note("without a size")


def test_ids_that_do_not_count_one_by_one(tmp_path: Path) -> None:
    """Ids of a venue that counts over all its symbols: no list of a thousand gaps."""
    rows = "".join(f"{MS + i},1,1,{i * 3}\n" for i in range(100))
    made = imported("trades", written(tmp_path / "t.csv", f"time,price,size,id\n{rows}"), symbol="X")
    assert made.note("do not count one by one")
    assert made.report.gaps == []


def test_repeated_ids(tmp_path: Path) -> None:
    """Counted and kept."""
    rows = "".join(f"{MS},1,1,{i}\n" for i in (1, 2, 2, 3, 1))
    made = imported("trades", written(tmp_path / "t.csv", f"time,price,size,id\n{rows}"), symbol="X")
    assert "2, first at t.csv row 3" in made.note("repeated or late trade id")


def test_parquet(tmp_path: Path) -> None:
    """Typed columns: timestamps, single floats, decimals."""
    table = pa.table(
        {
            "ts": pa.array([NS // 1000], pa.timestamp("us")),
            "price": pa.array([0.1], pa.float32()),
            "qty": pa.array([Decimal("1.50")], pa.decimal128(10, 2)),
        }
    )
    pq.write_table(table, tmp_path / "t.parquet")
    made = imported("trades", tmp_path / "t.parquet", symbol="X")
    assert (made.column("time"), made.column("price"), made.column("size")) == ([NS], [0.1], [1.5])
    assert made.report.instruments == {"X": ("0.1", "0.1")}


Rows = st.lists(
    st.tuples(st.integers(0, 10**7), st.integers(1, 10**7), st.integers(1, 10**9), st.booleans()),
    min_size=1,
    max_size=60,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=Rows, places=st.integers(0, 5), size_places=st.integers(0, 8))
def test_what_is_written_comes_back(tmp_path: Path, rows: list[Any], places: int, size_places: int) -> None:
    """CSV, import, read: every number is the one that was in the text."""
    times = sorted(MS + row[0] for row in rows)
    prices = [Decimal(row[1]).scaleb(-places) for row in rows]
    sizes = [Decimal(row[2]).scaleb(-size_places) for row in rows]
    lines = [
        f"{time},{price:f},{size:f},{'buy' if row[3] else 'sell'},{i}"
        for i, (time, price, size, row) in enumerate(zip(times, prices, sizes, rows, strict=True))
    ]
    made = imported("trades", written(tmp_path / "t.csv", "\n".join(["time,price,size,side,id", *lines])), symbol="X")
    assert made.column("time") == [time * 10**6 for time in times]
    assert made.column("price") == [float(price) for price in prices]
    assert made.column("size") == [float(size) for size in sizes]
    assert made.column("side") == ["buy" if row[3] else "sell" for row in rows]
    assert made.column("volume")[-1] == float(
        sum(s for s, t in zip(sizes, times, strict=True) if t // 86_400_000 == times[-1] // 86_400_000)
    )
    tick, lot = (Decimal(step) for step in made.report.instruments["X"])
    assert all(price % tick == 0 for price in prices)
    assert all(size % lot == 0 for size in sizes)
