"""Files of real venues, where they are at hand: as many rows as they have, and what is wrong with them."""

from __future__ import annotations

import gzip
import json
import shutil
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from feed.tape.reader import open_recording
from feed.units import MINUTE
from tests.importing.files import Imported, imported
from tests.support.real_data import real_file


def real(tmp_path: Path, *names: str, format: str = "auto", **options: Any) -> Imported:
    """Import of copies, which have the folder of the test to themselves."""
    copies = [Path(shutil.copy(real_file(name), tmp_path)) for name in names]
    return imported(format, copies, **options)


def test_session_of_binance(tmp_path: Path) -> None:
    """Trades, quotes and updates of the book, none missing; a receive clock that is behind."""
    made = real(tmp_path, "binance_spot_btcusdt_20240809.ws.gz")
    assert made.report.format == "binance"
    rows = {name: stream.rows for name, stream in made.report.streams.items()}
    assert rows == {"book:BTC/USDT": 3044, "quote:BTC/USDT": 45_134, "trading:BTC/USDT": 10_147}
    assert made.report.gaps == []
    assert not [note for note in made.report.notes if note.startswith(("gap", "duplicate", "warning"))]
    assert "1.273 s behind" in made.note("the receive clock is")
    assert made.report.instruments["BTC/USDT"][0] == "0.01"
    with open_recording(made.path) as recording:
        recording.check()
    for row in made.rows:
        assert row["bid"] is None or row["bid"] < row["ask"]


def test_session_of_kraken(tmp_path: Path) -> None:
    """Three connections as one session; every checksum is right."""
    made = real(tmp_path, *(f"wscapture_KRAKEN.ws.{number}.0.gz" for number in (48, 49, 50)))
    channels = made.column("channel")
    assert {name: channels.count(name) for name in set(channels)} == {
        "trading": 10,
        "quote": 18,
        "book": 4279,
        "status": 3,
    }
    assert made.column("type", "book").count("snapshot") == 10
    assert not [note for note in made.report.notes if note.startswith(("checksum", "no-snapshot", "exchange time"))]
    received = made.column("received")
    assert received == sorted(received)


def test_kraken_without_one_update(tmp_path: Path) -> None:
    """A line that is taken out shows in the checksums behind it."""
    lines = gzip.decompress(real_file("wscapture_KRAKEN.ws.50.0.gz").read_bytes()).decode().splitlines()
    victim = next(i for i, line in enumerate(lines) if '"b":[["354.15000000","5.0' in line)
    path = tmp_path / "lossy.ws"
    path.write_text("\n".join(lines[:victim] + lines[victim + 1 :]))
    note = imported("kraken", path).note("checksum of XMR/USD")
    assert int(note.split(": ")[1].split(",")[0]) >= 1


def test_session_of_bitstamp(tmp_path: Path) -> None:
    """Trades and differences of books; the connection was stuck at first, which shows in the clocks."""
    made = real(tmp_path, "wscapture_BITSTAMP.ws.1.0.gz")
    channels = made.column("channel")
    assert {name: channels.count(name) for name in set(channels)} == {"trading": 10, "book": 717}
    assert made.note("drift")
    assert made.note("no-snapshot")
    assert "USDT/USD" in made.report.instruments


@pytest.mark.parametrize(
    ("name", "rows", "steps"),
    [
        ("kraken_btcusdt_20231113_trades.parquet", 4355, ("0.1", "0.00000001")),
        ("binance_spot_btcusdt_20220115_00-06_trades.parquet", 99_042, ("0.01", "0.00001")),
        ("binance_fut_ethusdt_20230202_trades.csv.gz", 1000, ("0.01", "0.001")),
    ],
)
def test_trades(tmp_path: Path, name: str, rows: int, steps: tuple[str, str]) -> None:
    """All of them, and the steps that the venue has."""
    made = real(tmp_path, name, symbol="X/Y")
    assert (made.report.format, made.report.rows, made.report.instruments["X/Y"]) == ("trades", rows, steps)


def test_trades_are_those_of_the_file(tmp_path: Path) -> None:
    """Float for float."""
    name = "kraken_btcusdt_20231113_trades.parquet"
    made = real(tmp_path, name, symbol="X/Y")
    table = pq.read_table(real_file(name))
    assert made.column("price") == table["price"].to_pylist()
    assert made.column("size") == table["quantity"].to_pylist()
    assert made.column("time") == [time * 10**6 for time in table["timestamp"].to_pylist()]


def test_bars_of_lean(tmp_path: Path) -> None:
    """Two days of minutes, some absent, and seconds."""
    days = [f"lean_coinbase_minute_btcusd_2018040{day}_trade.zip" for day in (4, 5)]
    made = real(tmp_path, *days)
    assert made.report.format == "lean"
    assert made.note("2447 bars became")
    assert "433, first at" in made.note("absent bar")
    seconds = real(tmp_path, "lean_coinbase_second_btcusd_20161007_trade.zip")
    assert seconds.note("4063 bars became")


def test_quotes_of_lean(tmp_path: Path) -> None:
    """Sizes that floating point has frayed are read as what they were."""
    made = real(tmp_path, *(f"lean_coinbase_minute_btcusd_2018040{day}_quote.zip" for day in (4, 5)))
    assert made.report.streams["quote:BTC/USD"].rows == 1437 + 1436
    assert made.report.instruments["BTC/USD"] == ("0.01", "0.00000001")


def test_bars_of_bitfinex(tmp_path: Path) -> None:
    """Minutes without a trade are absent; every bar is rebuilt."""
    name = "bitfinex_btcusd_201803_201804_1m.parquet"
    made = real(tmp_path, name, symbol="BTC/USD")
    assert made.note("87568 bars became")
    assert "272, first at" in made.note("absent bar")
    table = pq.read_table(made.path, columns=["time", "price", "size"]).to_pandas()
    grouped = table.groupby(table["time"].astype("int64") // MINUTE)
    rebuilt = grouped["price"].agg(["first", "max", "min", "last"])
    told = pq.read_table(real_file(name)).to_pandas()
    for column, key in (("first", "open"), ("max", "high"), ("min", "low"), ("last", "close")):
        assert (rebuilt[column].to_numpy() == told[key].to_numpy()).all()
    assert abs(grouped["size"].sum().to_numpy() - told["volume"].to_numpy()).max() < 1e-8


def test_bars_of_coinbase(tmp_path: Path) -> None:
    """No opens, closes that are quotes, minutes without volume, and a recorder that was off."""
    name = "coinbase_btcusd_20260706_20260720_1m.csv.gz"
    made = real(tmp_path, name, symbol="BTC/USD", clamp=True, lot_size=Decimal("0.00000001"))
    assert made.note("12206 bars became")
    assert "6815, first at" in made.note("bar without volume")
    assert "1139, first at" in made.note("absent bar")
    assert "366, first at" in made.note("close outside")
    assert json.dumps(made.report.notes)
