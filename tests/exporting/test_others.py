"""Exports opened by the programs that they are for, each in an environment of its own."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from feed.exporting.run import export_file
from feed.tape.reader import open_recording
from tests.exporting.files import SYMBOL, TRADES, recorded

HFTBACKTEST = """
import json, sys
import numpy as np
from hftbacktest import BacktestAsset, HashMapMarketDepthBacktest
from hftbacktest.data.validation import validate_event_order
from hftbacktest.types import event_dtype
data = np.load(sys.argv[1])["data"]
assert data.dtype == event_dtype
validate_event_order(data)
asset = BacktestAsset().data([sys.argv[1]]).linear_asset(1.0).constant_order_latency(0, 0)
asset = asset.risk_adverse_queue_model().no_partial_fill_exchange().trading_value_fee_model(0, 0)
market = HashMapMarketDepthBacktest([asset.tick_size(0.01).lot_size(0.00001).last_trades_capacity(100)])
trades, quotes = [], []
while market.elapse(100_000_000) == 0:
    trades += [(float(each["px"]), float(each["qty"])) for each in market.last_trades(0)]
    market.clear_last_trades(0)
    depth = market.depth(0)
    quotes.append((float(depth.best_bid), float(depth.best_ask), float(depth.best_ask_qty)))
print(json.dumps({"trades": trades, "quotes": quotes}))
"""

NAUTILUS = """
import json, sys
from nautilus_trader.model.book import OrderBook
from nautilus_trader.model.enums import BookType
from nautilus_trader.persistence.catalog import ParquetDataCatalog
catalog = ParquetDataCatalog(sys.argv[1])
(instrument,) = catalog.instruments()
trades = [(str(each.price), str(each.size), each.aggressor_side.name, each.ts_event) for each in catalog.trade_ticks()]
quotes = [(str(each.bid_price), str(each.ask_size)) for each in catalog.quote_ticks()]
book = OrderBook(instrument.id, BookType.L2_MBP)
for delta in catalog.order_book_deltas():
    book.apply_delta(delta)
levels = [[(str(level.price), float(level.size())) for level in side] for side in (book.bids(), book.asks())]
print(json.dumps({"id": str(instrument.id), "trades": trades, "quotes": quotes, "levels": levels}))
"""


POLARS = """
import json, sys
import polars as pl
folder = sys.argv[1]
trades = pl.read_csv(f"{folder}/trades.csv.zst")
lines = pl.read_ndjson(f"{folder}/all.jsonl")
bars = pl.read_parquet(f"{folder}/bars.parquet")
rows = trades.select("price", "size", "side").rows()
print(json.dumps({"trades": rows, "lines": len(lines), "high": bars["high"].max()}))
"""

DUCKDB = """
import json, sys
import duckdb
folder = sys.argv[1]
trades = duckdb.sql(f"select price, size, side from read_csv('{folder}/trades.csv.zst') order by time").fetchall()
lines = duckdb.sql(f"select count(*) from read_json('{folder}/all.jsonl', format='newline_delimited')").fetchall()[0][0]
high = duckdb.sql(f"select max(high) from '{folder}/bars.parquet'").fetchall()[0][0]
print(json.dumps({"trades": trades, "lines": lines, "high": high}))
"""


def opened(library: str, script: str, path: Path) -> Any:
    """What the library says of the files; the test is skipped where it cannot be had."""
    uv = shutil.which("uv")
    if uv is None:
        pytest.skip("uv is not there")
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    with_library = [uv, "run", "--isolated", "--no-project", "--python", version, "--with", library, "python", "-c"]
    there = subprocess.run(
        [*with_library, f"import {library}"], capture_output=True, text=True, check=False, timeout=240
    )
    if there.returncode:
        pytest.skip(f"{library} cannot be had: {there.stderr.strip().splitlines()[-1][:200]}")
    done = subprocess.run([*with_library, script, str(path)], capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.strip().splitlines()[-1])


@pytest.mark.slow
def test_hftbacktest_plays_it(tmp_path: Path) -> None:
    """Its own check of the order, and a backtest over all of it: every trade, and the touch as it was."""
    path = recorded(tmp_path / "x.parquet")
    export_file("hftbacktest", path, tmp_path / "x.npz")
    told = opened("hftbacktest", HFTBACKTEST, tmp_path / "x.npz")
    assert told["trades"] == [[price, size] for _, price, size, _ in TRADES][: len(told["trades"])]
    assert len(told["trades"]) >= 2
    assert [61000.01, pytest.approx(61000.02), 3.25] in told["quotes"]
    assert [61000.01, pytest.approx(61000.02), 1.75] in told["quotes"]


@pytest.mark.slow
def test_nautilus_opens_it_as_a_catalogue(tmp_path: Path) -> None:
    """Every trade and quote to the last digit, and the book that its deltas make."""
    path = recorded(tmp_path / "x.parquet")
    export_file("nautilus", path, tmp_path / "catalog")
    told = opened("nautilus_trader", NAUTILUS, tmp_path / "catalog")
    assert told["id"] == f"{SYMBOL}.BINANCE"
    assert [float(price) for price, *_ in told["trades"]] == [price for _, price, _, _ in TRADES]
    assert [size for _, size, *_ in told["trades"]] == ["0.00017", "1.50000", "0.25000"]
    assert [side for *_, side, _ in told["trades"]] == ["SELLER", "BUYER", "BUYER"]
    assert told["quotes"] == [["61000.01", "3.25000"], ["61000.01", "1.75000"]]
    assert told["levels"] == [[["61000.01", 2.0], ["60998.10", 0.5]], [["61001.00", 4.0]]]


@pytest.mark.slow
@pytest.mark.parametrize(("library", "script"), [("polars", POLARS), ("duckdb", DUCKDB)])
def test_tables_open_in_other_programs(tmp_path: Path, library: str, script: str) -> None:
    """Packed CSV, JSON lines and bars in Parquet: the same trades, every message, and the highest price."""
    path, folder = recorded(tmp_path / "x.parquet"), tmp_path / "out"
    folder.mkdir()
    export_file("csv", path, folder / "trades.csv.zst")
    export_file("jsonl", path, folder / "all.jsonl")
    export_file("candles", path, folder / "bars.parquet")
    told = opened(library, script, folder)
    assert told["trades"] == [[price, size, side] for _, price, size, side in TRADES]
    with open_recording(path) as reader:
        assert told["lines"] == reader.rows
    assert told["high"] == max(price for _, price, *_ in TRADES)
