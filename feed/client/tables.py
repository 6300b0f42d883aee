"""Tables of a client's messages: ticks in the form that `feed.dataframes` describes, other channels as they come.

A client that makes no tables does not load pandas.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter, itemgetter
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from feed.client.messages import Tick
from feed.data.columns import DECIMALS
from feed.data.ticks import Instrument
from feed.dataframes.ticks import TickColumns, tick_frame
from feed.units import parse_step

__all__ = ["Row", "data_frame", "instruments_of", "row_of", "rows_of", "ticks_frame"]

Row = tuple[Any, ...]
"""Values of a tick's `data` that a frame needs."""

_KEYS = ("symbol", "side", *DECIMALS, "trade_id", "timestamp")

row_of = itemgetter(*_KEYS)
"""Function that returns the row of a tick's `data`."""

_row_of_tick = attrgetter(*_KEYS)

Ints = NDArray[np.int64]


def rows_of(ticks: Iterable[Tick]) -> tuple[list[Row], list[int], list[int]]:
    """Return rows, seqs and times of arrival of typed ticks."""
    kept = list(ticks)
    return [_row_of_tick(tick) for tick in kept], [tick.seq for tick in kept], [tick.received for tick in kept]


def instruments_of(symbols: Sequence[Mapping[str, Any]]) -> list[Instrument]:
    """Return the instruments in a `status` event."""
    # As text, 0.00001 is exact; as a float it is the one that prints so.
    return [
        Instrument(str(entry["symbol"]), parse_step(entry["tick_size"]), parse_step(entry["lot_size"]))
        for entry in symbols
    ]


def ticks_frame(
    rows: Sequence[Row], seqs: Sequence[int], received: Sequence[int], instruments: Sequence[Instrument]
) -> tuple[pd.DataFrame, Ints]:
    """Build the frame of these rows; return it with their times of arrival (monotonic ns)."""
    by_key: dict[str, Sequence[Any]] = dict(zip(_KEYS, zip(*rows, strict=True), strict=True)) if rows else {}
    codes = {instrument.symbol: code for code, instrument in enumerate(instruments)}
    code = np.array([codes[symbol] for symbol in by_key.get("symbol", ())], np.int64)
    steps = {name: _steps(name, by_key.get(name, ()), code, instruments) for name in DECIMALS}
    columns = TickColumns(
        timestamp=np.array(by_key.get("timestamp", ()), np.int64),
        seq=np.array(seqs, np.int64),
        code=code,
        buy=np.array(by_key.get("side", ()), str) == "buy",
        steps=steps,
        trade_id=np.array(by_key.get("trade_id", ()), np.int64),
    )
    present = np.unique(code)
    frame = tick_frame(columns, instruments)
    frame.attrs["instruments"] = {
        symbol: steps
        for symbol, steps in frame.attrs["instruments"].items()
        if any(instruments[index].symbol == symbol for index in present)
    }
    return frame, np.array(received, np.int64)


def data_frame(rows: Sequence[Mapping[str, Any]], seqs: Sequence[int]) -> pd.DataFrame:
    """Build a table of any channel: `timestamp` and `seq`, a categorical `symbol`, and the other keys as they come."""
    timestamp = np.array([row["timestamp"] for row in rows], np.int64)
    index = pd.DatetimeIndex(timestamp.view("datetime64[ms]"), tz="UTC", name="time")
    frame = pd.DataFrame.from_records(list(rows), index=index) if rows else pd.DataFrame(index=index)
    symbols = sorted({str(row["symbol"]) for row in rows})
    data = {
        "timestamp": timestamp,
        "seq": np.array(seqs, np.int64),
        "symbol": pd.Categorical([str(row["symbol"]) for row in rows], categories=pd.Index(symbols, dtype="str")),
    }
    rest = [name for name in frame.columns if name not in data]
    # A candle's own time is a column of seconds beside the index of its time of sending.
    return pd.concat([pd.DataFrame(data, index=index), frame[rest]], axis=1)


def _steps(name: str, values: Sequence[Any], code: Ints, instruments: Sequence[Instrument]) -> Ints:
    price = name in ("price", "bid", "ask")
    sizes = np.array([float(each.tick_size if price else each.lot_size) for each in instruments] or [1.0])
    steps: Ints = np.rint(np.array(values, np.float64) / sizes[code]).astype(np.int64)
    return steps
