"""Rows of a recording made from columns: the columns that each channel fills, and running counts for each symbol."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from feed.data.columns import QUOTES
from feed.data.inference import tick_rule
from feed.data.ticks import BUY
from feed.data.volume import DayVolume
from feed.importing.conversion import Ints
from feed.tape.layout import SCHEMA

__all__ = ["Symbol", "Trades", "constant", "row_table"]

_SIDES = pa.array(["sell", "buy"])


def constant(name: str, value: str, rows: int) -> pa.Array:
    """Return a column of names with the same name in every row."""
    kind = SCHEMA.field(name).type
    codes = np.zeros(rows, kind.index_type.to_pandas_dtype())
    return pa.DictionaryArray.from_arrays(pa.array(codes), pa.array([value]))


def row_table(rows: int, columns: Mapping[str, Any]) -> pa.Table:
    """Return a table of `SCHEMA`; columns that are not given are null, and `interval` is empty."""
    made = []
    for each in SCHEMA:
        column = columns.get(each.name)
        if column is None:
            column = constant("interval", "", rows) if each.name == "interval" else pa.nulls(rows, each.type)
        made.append(column if isinstance(column, pa.Array) else pa.array(column, each.type))
    return pa.Table.from_arrays(made, schema=SCHEMA)


@dataclass(frozen=True, slots=True)
class Trades:
    """Trades of one symbol as columns of one length.

    Prices and sizes count units of the last decimal; `price_places` and `size_places` give the number of decimals. A
    column that the file lacks is None. `quote` is bid, bid size, ask and ask size, as numbers.
    """

    time: Ints
    price: Ints
    size: Ints
    price_places: int
    size_places: int
    side: Ints | None = None
    trade_id: Ints | None = None
    received: Ints | None = None
    quote: tuple[Any, Any, Any, Any] | None = None

    def __len__(self) -> int:
        return len(self.time)


@dataclass(slots=True)
class Symbol:
    """State carried from one block of a symbol's trades to the next: numbers, the tick rule, the volume of the day."""

    name: str
    seq: int = 0
    last_price: int = 0
    price_places: int = 0
    last_side: int = BUY
    volume: DayVolume = field(default_factory=DayVolume)
    size_places: int = 0
    last_id: int | None = None
    notes: list[str] = field(default_factory=list)

    def table(self, trades: Trades) -> pa.Table:
        """Return the rows of the next trades."""
        rows = len(trades)
        seq = np.arange(self.seq + 1, self.seq + rows + 1)
        quote = dict(zip(QUOTES, trades.quote or (), strict=False))
        sides = self._sides(trades)
        codes = pa.array((sides == BUY).astype(np.int8))
        columns: dict[str, Any] = {
            "received": trades.received,
            "time": trades.time,
            "channel": constant("channel", "trading", rows),
            "symbol": constant("symbol", self.name, rows),
            "type": constant("type", "update", rows),
            "seq": seq,
            "price": trades.price / 10.0**trades.price_places,
            "size": trades.size / 10.0**trades.size_places,
            "side": pa.DictionaryArray.from_arrays(codes, _SIDES),
            "volume": self._volumes(trades) / 10.0**trades.size_places,
            "trade_id": seq if trades.trade_id is None else trades.trade_id,
            **quote,
        }
        self.seq += rows
        return row_table(rows, columns)

    def _sides(self, trades: Trades) -> Ints:
        last = self.last_price * 10 ** max(0, trades.price_places - self.price_places)
        sides = tick_rule(trades.price, last, self.last_side) if trades.side is None else trades.side
        self.last_price, self.price_places = int(trades.price[-1]), trades.price_places
        self.last_side = int(sides[-1])
        return sides

    def _volumes(self, trades: Trades) -> Ints:
        """Return the units of size traded since UTC midnight, each trade included."""
        self.volume.total *= 10 ** max(0, trades.size_places - self.size_places)
        self.size_places = trades.size_places
        return self.volume.add(trades.time, trades.size)
