"""A recording with trades, quotes and a book whose every message is known."""

from __future__ import annotations

import json
from pathlib import Path

from feed.tape.layout import RecordingInfo
from feed.tape.parquet import RecordingFile
from feed.tape.rows import Row, batch_of
from feed.units import MILLISECOND, SECOND, parse_time

__all__ = ["BEGIN", "LATENCY", "SYMBOL", "TRADES", "recorded"]

BEGIN = parse_time("2024-08-09T23:59:58Z") + 123
"""A day ends within it."""

LATENCY = 7 * MILLISECOND

SYMBOL = "BTC/USDT"

TRADES = [(0.5, 61000.01, 0.00017, "sell"), (1.0, 61000.02, 1.5, "buy"), (2.5, 61000.1, 0.25, "buy")]
"""Seconds, prices, sizes and sides."""


def _row(seconds: float, channel: str, **others: object) -> Row:
    time = BEGIN + int(seconds * SECOND)
    return Row(time + LATENCY, time, channel, SYMBOL, **others)  # type: ignore[arg-type]


def _book(seconds: float, kind: str, bids: object, asks: object, seq: int) -> Row:
    return _row(seconds, "book", type=kind, seq=seq, data=json.dumps({"bids": bids, "asks": asks}))


def recorded(path: Path) -> Path:
    """The recording."""
    quote = {"bid": 61000.01, "bid_size": 2.0, "ask": 61000.02, "ask_size": 3.25}
    rows = [
        _book(0, "snapshot", [["61000.01", "2.00000"], ["60999.5", "1"]], [["61000.02", "3.25"], ["61001", "4"]], 1),
        _row(0.1, "quote", seq=1, **quote),
        *(
            _row(seconds, "trading", seq=n, price=price, size=size, side=side, trade_id=100 + n, volume=1.0)
            for n, (seconds, price, size, side) in enumerate(TRADES[:2], 1)
        ),
        _book(1.5, "update", [["60999.5", "0"]], [["61000.02", "1.75"]], 2),
        _row(1.6, "quote", seq=2, **{**quote, "ask_size": 1.75}),
        _row(2.5, "trading", seq=3, price=61000.1, size=0.25, side="buy", trade_id=103, volume=1.0),
        _book(3, "update", [["60998.1", "0.5"]], [["61000.02", "0"]], 3),
    ]
    file = RecordingFile(path)
    file.write(batch_of(rows))
    file.finish(RecordingInfo(version="1", source="binance: x.ws.gz", instruments={SYMBOL: ("0.01", "0.00001")}))
    return path
