"""Trades to record, and what a recording has of them."""

from __future__ import annotations

from decimal import Decimal

import numpy as np

from feed.data.ticks import Instrument, TickBlock
from feed.tape.layout import RecordingInfo
from feed.tape.rows import Row, Ticks

INSTRUMENT = Instrument("BTC/USD", Decimal("0.01"), Decimal("0.001"))
OTHER = Instrument("ETH/USD", Decimal("0.05"), Decimal("1"))
INFO = RecordingInfo(version="1", source="market main", scenario="calm", seed=7, epoch="e-1")


def block_of(count: int, first: int = 1) -> TickBlock:
    """Trades, each other than the one before."""
    number = np.arange(first, first + count, dtype=np.int64)
    side = np.where(number % 2 == 0, 1, -1)
    return TickBlock(number * 1000, 6_500_000 + number, number, side, 6_500_000 + number, number, 6_500_001 + number,
                     number, number * 3, number)  # fmt: skip


def ticks(count: int, first: int = 1, instrument: Instrument = INSTRUMENT) -> Ticks:
    """A run of trades with the seq from `first` on."""
    return Ticks(instrument, block_of(count, first), 0, count, first, 1_000_000 + first)


def message(seq: int, symbol: str = "BTC/USD", text: str = '{"status":"online"}') -> Row:
    """A row of a channel without columns."""
    return Row(1_000_000 + seq, seq * 1000, "status", symbol, seq=seq, data=text)
