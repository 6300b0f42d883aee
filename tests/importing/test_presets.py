"""Layouts that are known: Tardis and Binance's public data; and the format by the beginning of a file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from feed.errors import RecordingError, UsageError
from tests.importing.files import MS, NS, imported, written

US = MS * 1000


def test_binance_trades(tmp_path: Path) -> None:
    """No header; a true flag is a seller who took; the name tells the symbol."""
    rows = f"1,100.10000000,0.50000000,50.05,{MS},True,True\n2,100.20000000,1.00000000,100.2,{MS + 1},False,True\n"
    made = imported("auto", written(tmp_path / "BTCUSDT-trades-2023-11-14.csv", rows))
    assert made.report.format == "binance-trades"
    assert made.column("side") == ["sell", "buy"]
    assert made.column("symbol") == ["BTC/USDT"] * 2
    assert made.column("time") == [NS, NS + 10**6]
    assert made.report.instruments == {"BTC/USDT": ("0.1", "0.1")}


def test_binance_trades_in_us(tmp_path: Path) -> None:
    """Since 2025."""
    row = f"1,100.1,0.5,50.05,{US + 7},True,True\n"
    assert imported("binance-trades", written(tmp_path / "t.csv", row), symbol="X").column("time") == [NS + 7000]


def test_binance_futures_have_names(tmp_path: Path) -> None:
    """A header of the same columns."""
    text = f"id,price,qty,quote_qty,time,is_buyer_maker\n1,100.1,0.5,50.05,{MS},true\n"
    made = imported("auto", written(tmp_path / "BTCUSDT-trades-2023-11-14.csv", text))
    assert (made.report.format, made.column("side")) == ("binance-trades", ["sell"])


def test_binance_aggregates(tmp_path: Path) -> None:
    """Eight columns."""
    rows = f"1,100.1,0.5,7,9,{MS},False,True\n3,100.1,0.5,10,10,{MS},True,True\n"
    made = imported("auto", written(tmp_path / "ETHBTC-aggTrades-2023-11-14.csv", rows))
    assert (made.report.format, made.column("side")) == ("binance-agg-trades", ["buy", "sell"])
    assert "row 2: 3 comes after 1" in made.note("gap in trade ids")


TARDIS = "exchange,symbol,timestamp,local_timestamp"


def test_tardis_trades(tmp_path: Path) -> None:
    """Two clocks in us."""
    text = f"{TARDIS},id,side,price,amount\nbinance,BTCUSDT,{US},{US + 250},1,buy,100.5,2\n"
    made = imported("auto", written(tmp_path / "t.csv", text))
    assert made.report.format == "tardis-trades"
    assert (made.column("time"), made.column("received")) == ([NS], [NS + 250_000])
    assert made.column("symbol") == ["BTC/USDT"]
    assert "0.250 ms after" in made.note("receive clock")


def test_tardis_quotes(tmp_path: Path) -> None:
    """A row without both sides is no quote."""
    rows = f"deribit,BTC-PERPETUAL,{US},{US + 5},3,100.5,100.0,2\nderibit,BTC-PERPETUAL,{US},{US + 5},,,100.0,2\n"
    made = imported("auto", written(tmp_path / "q.csv", f"{TARDIS},ask_amount,ask_price,bid_price,bid_amount\n{rows}"))
    (row,) = made.rows
    assert (row["channel"], row["bid"], row["bid_size"], row["ask"], row["ask_size"]) == (
        "quote",
        100.0,
        2.0,
        100.5,
        3.0,
    )


def test_tardis_book(tmp_path: Path) -> None:
    """A whole book in each row."""
    names = ",".join(
        f"{side}[{i}].{what}" for i in range(2) for side in ("asks", "bids") for what in ("price", "amount")
    )
    row = f"x,BTCUSDT,{US},{US},101,1,100,2,102,3,,"
    made = imported("auto", written(tmp_path / "b.csv", f"{TARDIS},{names}\n{row}\n"))
    assert json.loads(made.rows[0]["data"]) == {"bids": [["100", "2"]], "asks": [["101", "1"], ["102", "3"]]}
    assert (made.rows[0]["type"], made.rows[0]["interval"]) == ("snapshot", "2")


def test_tardis_book_updates(tmp_path: Path) -> None:
    """Rows of one message are one update; the first are a snapshot, best levels first."""
    rows = [
        (0, "true", "bid", 99, 1),
        (0, "true", "bid", 100, 1),
        (0, "true", "ask", 101, 1),
        (5, "false", "bid", 100, 0),
        (5, "false", "ask", 101, 2),
        (6, "false", "ask", 101, 0),
    ]
    lines = [f"x,BTCUSDT,{US + at},{US + at},{whole},{side},{price},{size}" for at, whole, side, price, size in rows]
    made = imported("auto", written(tmp_path / "b.csv", "\n".join([f"{TARDIS},is_snapshot,side,price,amount", *lines])))
    assert made.column("type") == ["snapshot", "update", "update"]
    assert json.loads(made.rows[0]["data"])["bids"] == [["100", "1"], ["99", "1"]]
    assert json.loads(made.rows[1]["data"]) == {"bids": [["100", "0"]], "asks": [["101", "2"]]}


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (f"x,A,{MS},{MS},1,2,1,1", "row 1, timestamp: .*by its digits it is in ms"),
        (f"x,A,soon,{US},1,2,1,1", "row 1, timestamp: 'soon' is no time in us"),
        (f"x,A,{US},{US},1,two,1,1", "row 1, ask_price: 'two' is not a number"),
        (f"x,A,{US},{US},1,2,1,1\nx,A,{US},{US - 1},1,2,1,1", "row 2, local_timestamp: is earlier"),
    ],
)
def test_mistakes_in_tardis_quotes(tmp_path: Path, row: str, said: str) -> None:
    """Row and column."""
    text = f"{TARDIS},ask_amount,ask_price,bid_price,bid_amount\n{row}\n"
    with pytest.raises(RecordingError, match=said):
        imported("tardis-quotes", written(tmp_path / "q.csv", text))


def test_wrong_unit_in_tardis_trades(tmp_path: Path) -> None:
    """ms where us belong."""
    text = f"{TARDIS},id,side,price,amount\nbinance,BTCUSDT,{MS},{MS},1,buy,100.5,2\n"
    with pytest.raises(RecordingError, match=r"row 1, time: 1700000000000 read as us is in 1970 \(--time-unit ms\)"):
        imported("tardis-trades", written(tmp_path / "t.csv", text))


def test_missing_column_of_tardis(tmp_path: Path) -> None:
    """The nearest one is told."""
    text = f"{TARDIS},ask_amount,ask_price,bid_prize,bid_amount\nx,A,{US},{US},1,2,1,1\n"
    with pytest.raises(RecordingError, match=r"bid_price: there is no such column .did you mean 'bid_prize'"):
        imported("tardis-quotes", written(tmp_path / "q.csv", text))


@pytest.mark.parametrize("text", ["a,b\n1,2\n", "1,2,3\n", "{}\n", "[1]\n"])
def test_format_that_cannot_be_told(tmp_path: Path, text: str) -> None:
    """Not guessed."""
    with pytest.raises(UsageError, match="cannot be told by its beginning"):
        imported("auto", written(tmp_path / "x.csv", text))


def test_files_of_two_formats(tmp_path: Path) -> None:
    """Told, with why."""
    first = written(tmp_path / "a.csv", f"time,price,size\n{MS},1,1\n")
    second = written(tmp_path / "b.csv", f"time,high,low,close,volume\n{MS},1,1,1,1\n")
    with pytest.raises(UsageError, match=r"b.csv is bars .* and a.csv is trades"):
        imported("auto", [first, second], symbol="X")
