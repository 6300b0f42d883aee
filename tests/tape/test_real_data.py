"""Recordings of real venues, each by its own mapping, where they are at hand."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from feed.data.ticks import Instrument
from feed.scenario.tickfile import TickFile
from feed.sources.files import open_tick_file
from tests.support.real_data import real_file

BTC = Instrument("BTC/USD", Decimal("0.01"), Decimal("0.00000001"))
BAR: dict[str, Any] = {"time": 0, "price": 4, "size": 5}

FILES: list[tuple[str, int, dict[str, Any]]] = [
    ("kraken_btcusdt_20231113_trades.parquet", 4355, {"time": "timestamp", "size": "quantity"}),
    ("binance_spot_btcusdt_20220115_00-06_trades.parquet", 99_042, {"time": "timestamp", "size": "quantity"}),
    (
        "binance_fut_ethusdt_20230202_trades.csv.gz",
        1000,
        {"time": "timestamp", "size": "amount", "side": "side", "trade_id": "id"},
    ),
    (
        "binance_fut_ethusdt_20230202_trades.csv.gz",
        1000,
        {"time": "date", "time_unit": "iso", "size": "amount", "side": "side"},
    ),
    ("lean_coinbase_minute_btcusd_20180404_trade.zip", 1007, {**BAR, "date": "2018-04-04"}),
    ("lean_coinbase_minute_btcusd_20180405_trade.zip", 1440, {**BAR, "date": "2018-04-05"}),
    ("lean_coinbase_second_btcusd_20161007_trade.zip", 4063, {**BAR, "date": "2016-10-07"}),
    (
        "bitfinex_btcusd_201803_201804_1m.parquet",
        87_568,
        {"time": "time_ms", "price": "close", "size": "volume", "rounding": True},
    ),
    (
        "coinbase_btcusd_20260706_20260720_1m.csv.gz",
        12_206,
        {
            "time": "minute_epoch",
            "time_unit": "min",
            "price": "close",
            "size": "volume",
            "rounding": True,
            "missing_size": "skip",
        },
    ),
]


@pytest.mark.parametrize(("name", "rows", "keys"), FILES)
def test_file(name: str, rows: int, keys: dict[str, Any]) -> None:
    """All rows, in order, each inside its quote."""
    replay = open_tick_file(TickFile(file=name, **keys), real_file(name), BTC)
    last, count = replay.start, 0
    for batch in replay.batches(replay.start):
        block = batch.ticks[0]
        if not len(block):
            # An hour without a trade.
            continue
        assert block.time[0] >= last
        assert ((block.bid < block.ask) & (block.bid <= block.price) & (block.price <= block.ask)).all()
        last, count = int(block.time[-1]), count + len(block)
    assert count == rows
