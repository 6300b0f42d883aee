"""More of what others write: snapshots of books, logs of orders, tables without names, other packings and units."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import feed
from feed.errors import RecordingError, UsageError
from feed.importing.heads import Head
from feed.importing.ladderlayout import layout_of
from feed.importing.naming import symbol_in, venue_in
from tests.importing.files import MS, NS, imported, written

LEVELS = 1000
TIMES = [MS + 100 * n for n in range(4)]
BIDS = [[[1000 - 0.5 * level, 1.25 + level + n] for level in range(LEVELS)] for n in range(len(TIMES))]
ASKS = [[[1000.5 + 0.5 * level, 2.0 + level] for level in range(LEVELS)] for n in range(len(TIMES))]


def part(books: list[list[list[float]]], place: int) -> list[list[float]]:
    """The prices, or the sizes."""
    return [[level[place] for level in book] for book in books]


def as_text(books: list[list[list[float]]]) -> list[list[dict[str, str]]]:
    """Levels as objects of texts."""
    return [[{"price": str(price), "amount": str(size)} for price, size in book] for book in books]


TABLES: dict[str, Any] = {
    "levels": {"bids": BIDS, "asks": ASKS},
    "lists": {
        "bid_prices": part(BIDS, 0),
        "bid_sizes": part(BIDS, 1),
        "ask_prices": part(ASKS, 0),
        "ask_sizes": part(ASKS, 1),
    },
    "objects": {"bids": as_text(BIDS), "asks": as_text(ASKS)},
    "json": {"bids": list(map(json.dumps, BIDS)), "asks": list(map(json.dumps, ASKS))},
}


@pytest.mark.parametrize("layout", TABLES)
@pytest.mark.parametrize("suffix", [".parquet", ".feather"])
def test_lists_of_a_thousand_levels(tmp_path: Path, layout: str, suffix: str) -> None:
    """Whichever way they are written: every level of every snapshot."""
    path = tmp_path / f"BTC-USD_book{suffix}"
    table = pa.table({"timestamp": TIMES, **TABLES[layout]})
    pq.write_table(table, path) if suffix == ".parquet" else feather.write_feather(table, path)
    made = imported("auto", path)
    assert made.report.format == "books"
    assert made.column("time") == [time * 10**6 for time in TIMES]
    assert made.column("type") == ["snapshot"] * len(TIMES)
    books = [json.loads(text) for text in made.column("data")]
    assert [book["bids"] for book in books] == BIDS
    assert [book["asks"] for book in books] == ASKS
    assert made.report.instruments == {"BTC/USD": ("0.1", "0.01")}
    data = feed.read(made.path).book_frame(levels=LEVELS)  # type: ignore[union-attr]
    assert len(data) == (len(TIMES) - 1) * 2 * LEVELS, "the first one is the state before"


@pytest.mark.parametrize(
    "names",
    [
        ("bid_price_{0}", "bid_size_{0}", "ask_price_{0}", "ask_size_{0}"),
        ("bids[{0}].price", "bids[{0}].amount", "asks[{0}].price", "asks[{0}].amount"),
        ("BidPrice{1}", "BidVolume{1}", "AskPrice{1}", "AskVolume{1}"),
        ("bp{1}", "bv{1}", "ap{1}", "av{1}"),
        ("b{1}_px", "b{1}_sz", "a{1}_px", "a{1}_sz"),
        ("level_{0}_bid_price", "level_{0}_bid_qty", "level_{0}_ask_price", "level_{0}_ask_qty"),
        ("price_bid_{1}", "size_bid_{1}", "price_ask_{1}", "size_ask_{1}"),
    ],
)
def test_numbered_columns(tmp_path: Path, names: tuple[str, ...]) -> None:
    """However they are called; an empty cell is no level."""
    cells = [name.format(level, level + 1) for level in range(12) for name in names]
    row = [str(value) for level in range(11) for value in (100 - level, 1 + level, 101 + level, 0.5)] + [""] * 4
    text = f"local_timestamp,time,{','.join(cells)}\n{MS * 1000 + 250},{MS},{','.join(row)}\n"
    made = imported("auto", written(tmp_path / "x_ETHUSDT.csv", text))
    (only,) = made.rows
    book = json.loads(only["data"])
    assert book["bids"] == [[100.0 - level, 1.0 + level] for level in range(11)]
    assert book["asks"] == [[101.0 + level, 0.5] for level in range(11)]
    assert (only["interval"], only["symbol"], only["received"] - only["time"]) == ("12", "ETH/USDT", 250_000)


@pytest.mark.parametrize(
    "names",
    [
        "best_bid_price,best_bid_qty,best_ask_price,best_ask_qty",
        "bid,bid_size,ask,ask_size",
        "bid_px,bid_sz,ask_px,ask_sz",
    ],
)
def test_one_level_is_a_quote(tmp_path: Path, names: str) -> None:
    """As Binance's bookTicker."""
    text = f"update_id,{names},transaction_time\n1,100.1,2,100.2,3,{MS}\n2,,,100.2,3,{MS + 1}\n"
    made = imported("auto", written(tmp_path / "BTCUSDT-bookTicker-2023-11-14.csv", text))
    (row,) = made.rows
    assert [row[name] for name in ("channel", "bid", "bid_size", "ask", "ask_size")] == [
        "quote",
        100.1,
        2.0,
        100.2,
        3.0,
    ]
    assert "row 2" in made.note("quote without both sides")


def test_mistakes_of_snapshots_are_placed(tmp_path: Path) -> None:
    """By row and column."""
    good = '"[[1, 2]]","[[3, 4]]"'
    for cell, message in (('"[[1, "', "row 2, bid price 0: .* is no list"), ("[5]", "is no list of levels")):
        path = written(tmp_path / "BTCUSD.csv", f"time,bids,asks\n{MS},{good}\n{MS},{cell},[]\n")
        with pytest.raises(RecordingError, match=message):
            imported("auto", path)
    text = f"time,bid_px_1,bid_sz_1,ask_px_1,ask_sz_1,bid_px_2,bid_sz_2,ask_px_2,ask_sz_2\n{MS},1,1,2,x,1,1,2,1\n"
    with pytest.raises(RecordingError, match="row 1, ask size 0: 'x' is not a number"):
        imported("auto", written(tmp_path / "BTCUSD.csv", text))
    with pytest.raises(RecordingError, match="no columns of bids and asks"):
        imported("books", written(tmp_path / "BTCUSD.csv", f"time,price,size\n{MS},1,1\n"))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text("abidskprcez_0123.[] ", max_size=14), min_size=1, max_size=12))
def test_names_of_columns_never_surprise(names: list[str]) -> None:
    """Any names are a layout or none."""
    layout = layout_of(Head("", ("time", *names)))
    assert layout is None or all(layout.prices)


ORDERS = (
    "id,timestamp,exchange.timestamp,price,volume,action,direction\n"
    f"1,{MS},{MS},236.50,10900000000,created,bid\n2,{MS + 1},{MS},236.6,100000000,created,ask\n"
    f"3,{MS + 2},{MS},236.5,50000000,created,bid\n1,{MS + 3},{MS},236.50,900000000,changed,bid\n"
    f"2,{MS + 4},{MS},236.6,100000000,deleted,ask\n9,{MS + 5},{MS},200,1,deleted,bid\n"
)


def test_a_table_of_orders_is_a_book(tmp_path: Path) -> None:
    """Orders of one level add up, in coins, packed by xz."""
    path = tmp_path / "bitstamp_btcusd.csv.xz"
    path.write_bytes(lzma.compress(ORDERS.encode()))
    made = imported("auto", path)
    assert made.report.format == "orders"
    changes = [json.loads(text) for text in made.column("data")]
    assert changes[0] == {"bids": [], "asks": []}
    assert [change["bids"] or change["asks"] for change in changes[1:]] == [
        [["236.5", "109"]], [["236.6", "1"]], [["236.5", "109.5"]], [["236.5", "9.5"]], [["236.6", "0"]],
    ]  # fmt: skip
    assert made.note("units of 0.00000001")
    assert made.note("1 events are of orders from before the log")
    assert made.note("the venue is bitstamp")


def test_lines_of_orders_have_trades(tmp_path: Path) -> None:
    """As a recorder of Bitstamp's first socket wrote them."""
    lines = (
        f'{MS} order_created {{"price": "231.00", "amount": "3.5", "datetime": "1", "id": 7, "order_type": 0}}\n'
        f'{MS + 1} trade {{"price": 231.0, "amount": 0.5, "id": 8}}\n'
        f'{MS + 2} order_changed {{"price": "231.00", "amount": "3.0", "datetime": "1", "id": 7, "order_type": 0}}\n'
        f'{MS + 3} order_deleted {{"price": "231.00", "amount": "0.0", "datetime": "1", "id": 7, "order_type": 0}}\n'
    )
    made = imported("auto", written(tmp_path / "2015-05-01.log", lines), symbol="BTC/USD")
    assert made.column("channel") == ["book", "book", "trading", "book", "book"]
    assert made.column("trade_id", "trading") == [8]
    assert json.loads(made.column("data", "book")[-1]) == {"bids": [["231", "0"]], "asks": []}
    with pytest.raises(RecordingError, match=r"line 2: .*'order_type' is missing"):
        bad = lines.splitlines()[0] + f'\n{MS} order_created {{"price": "1", "amount": "1", "id": 1}}\n'
        imported("auto", written(tmp_path / "BTCUSD.log", bad))


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("{time},100,101,99,100.5,1.5", "open, high, low, close"),
        ("{time},100,100.5,101,99,1.5", "open, close, high, low"),
        ("{time},99,101,100,100.5,1.5,7", "low, high, open, close"),
    ],
)
def test_bars_without_names(tmp_path: Path, row: str, told: str) -> None:
    """The order of the prices follows from them."""
    text = "".join(row.format(time=MS // 1000 + 60 * n) + "\n" for n in range(5))
    made = imported("auto", written(tmp_path / "XBTUSD_1.csv", text))
    assert made.report.format == "headless-bars"
    assert told in made.note("the format is")
    bars = feed.read(made.path).candles("1m")
    assert set(bars["symbol"]) == {"XBT/USD"}
    trades = made.rows
    assert (trades[0]["price"], max(row["price"] for row in trades), min(row["price"] for row in trades)) == (
        100,
        101,
        99,
    )


def zstd(data: bytes) -> bytes:
    """Packed as the zstd command does it."""
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as file:
        file.write(data)
    packed: bytes = sink.getvalue().to_pybytes()
    return packed


@pytest.mark.parametrize("pack", [lzma.compress, bz2.compress, gzip.compress, zstd])
@pytest.mark.parametrize("name", ["BTCUSD.csv", "BTCUSD.csv.packed"])
def test_every_packing_is_found_by_its_content(tmp_path: Path, pack: Any, name: str) -> None:
    """Whatever the name; and trades without names are a time, a price and a size."""
    path = tmp_path / name
    path.write_bytes(pack("".join(f"{MS // 1000 + n},{100.25 + n},0.5\n" for n in range(200)).encode()))
    made = imported("auto", path)
    assert made.report.format == "headless-trades"
    assert made.column("price") == [100.25 + n for n in range(200)]


@pytest.mark.parametrize("mark", [";", "\t", "|"])
def test_the_character_between_cells_is_found(tmp_path: Path, mark: str) -> None:
    """And a title before the table is skipped."""
    rows = [["unix", "symbol", "price", "qty"], [str(MS), "BTC/USD", "100.5", "2"]]
    text = "https://www.example.com\n" + "".join(mark.join(row) + "\n" for row in rows)
    assert imported("auto", written(tmp_path / "t.csv", text)).column("price") == [100.5]


@pytest.mark.parametrize(
    ("options", "size", "note"),
    [
        ({"contract_size": "0.01"}, 0.03, "contracts of 0.01 of the base currency"),
        ({"size_in": "quote"}, 0.03, "in the quote currency: divided by the price"),
        ({"contract_size": "100", "size_in": "quote"}, 3.0, "contracts of 100 each, in the quote currency"),
    ],
)
def test_sizes_in_contracts_and_in_quote_currency(tmp_path: Path, options: Any, size: float, note: str) -> None:
    """By option, and said."""
    from decimal import Decimal

    if "contract_size" in options:
        options = {**options, "contract_size": Decimal(options["contract_size"])}
    path = written(tmp_path / "okx_BTC-USDT_trades.csv", f"trade_id,side,size,price,created_time\n1,buy,3,100,{MS}\n")
    made = imported("auto", path, **options)
    assert made.column("size") == [size]
    assert made.note(note)
    assert made.note("the venue is okx")
    bars = written(tmp_path / "BTCUSDT.csv", f"time,open,high,low,close,volume\n{MS},100,100,100,100,30\n")
    made = imported("auto", bars, interval=60 * 10**9, **options)
    assert sum(made.column("size")) == pytest.approx(10 * size)


@pytest.mark.parametrize(
    ("name", "symbol", "venue"),
    [
        ("BTCUSDT-trades-2024-01-01.zip", "BTC/USDT", None),
        ("binance_btc_usdt_1m.csv", "BTC/USDT", "binance"),
        ("XBTUSD.csv", "XBT/USD", None),
        ("Kraken_ETH-EUR.csv.gz", "ETH/EUR", "kraken"),
        ("okx-swap-DOGE-USDT-trades.parquet", "DOGE/USDT", "okx"),
        ("bybit_1000PEPEUSDT.csv", "1000PEPE/USDT", "bybit"),
        ("trades.csv", None, None),
        ("bitstampUSD.csv.gz", "BTC/USD", "bitstamp"),
    ],
)
def test_names_tell_symbols_and_venues(name: str, symbol: str | None, venue: str | None) -> None:
    """Of files, and of their folders."""
    assert symbol_in(Path("data") / name) == symbol
    assert venue_in(Path("data") / name) == venue
    if symbol:
        assert symbol_in(Path("/x") / name.split(".")[0] / "part-0.parquet") == symbol


@pytest.mark.parametrize(
    ("line", "venue"),
    [
        ({"topic": "orderbook.50.BTCUSDT", "type": "snapshot", "ts": MS, "data": {}}, "bybit"),
        ({"arg": {"channel": "trades", "instId": "BTC-USDT"}, "data": []}, "okx"),
        ({"jsonrpc": "2.0", "method": "subscription", "params": {}}, "deribit"),
        ({"table": "trade", "action": "insert", "data": []}, "bitmex"),
        ({"ch": "market.btcusdt.trade.detail", "ts": MS, "tick": {}}, "huobi"),
    ],
)
def test_sessions_that_are_not_read_are_named(tmp_path: Path, line: Any, venue: str) -> None:
    """As what they are."""
    path = written(tmp_path / "capture.jsonl", f"{NS} {json.dumps(line)}\n" * 3)
    with pytest.raises(UsageError, match=f"a session of {venue}, which is known and not read; those of binance"):
        imported("auto", path)


def test_feather_has_trades_as_parquet_has(tmp_path: Path) -> None:
    """With categories and timestamps."""
    path = tmp_path / "BTCUSD.feather"
    sides = pa.array(["buy", "sell"]).dictionary_encode()
    time = pa.array(np.array([NS, NS + 5]), pa.timestamp("ns", "UTC"))
    feather.write_feather(pa.table({"time": time, "price": [1.5, 1.6], "amount": [2.0, 3.0], "side": sides}), path)
    made = imported("auto", path)
    assert made.column("time") == [NS, NS + 5]
    assert made.column("side") == ["buy", "sell"]
