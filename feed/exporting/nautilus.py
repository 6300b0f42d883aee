"""A catalogue for NautilusTrader: instruments, trades, quotes, changes of books and bars as it stores them.

Written without that library: files of Parquet under `data/KIND/ID/`, named by their first and last time, prices and
sizes as integers of 128 bits with 16 decimals, as version 1.2 reads them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from feed.data.ticks import Instrument
from feed.exporting.rows import BookMessage, ExportRows, clock_column, units_of
from feed.exporting.target import ExportOptions, ExportTarget, Written
from feed.tape.layout import words_of
from feed.units import SECOND

__all__ = ["NAUTILUS"]

PRICE_DECIMALS = 16
"""Decimals of its stored numbers."""

MOST_ROWS = 65_536

ADD, UPDATE, DELETE, CLEAR = 1, 2, 3, 4
NONE, BUY, SELL = 0, 1, 2
SNAPSHOT, LAST = 32, 128

NUMBER = pa.binary(PRICE_DECIMALS)

SCHEMAS = {
    "trade_tick": {
        "price": NUMBER, "size": NUMBER, "aggressor_side": pa.uint8(), "trade_id": pa.string(),
    },
    "quote_tick": {"bid_price": NUMBER, "ask_price": NUMBER, "bid_size": NUMBER, "ask_size": NUMBER},
    "order_book_delta": {
        "action": pa.uint8(), "side": pa.uint8(), "price": NUMBER, "size": NUMBER, "order_id": pa.uint64(),
        "flags": pa.uint8(), "sequence": pa.uint64(),
    },
}  # fmt: skip
"""Columns of each kind, before the two times."""

Ints = NDArray[np.int64]


@dataclass(slots=True)
class _File:
    """File of one kind and symbol; its name follows from its first and last time."""

    folder: Path
    kind: str
    instrument: Instrument
    venue: str
    first: int = 0
    last: int = 0
    rows: int = 0
    _writer: Any = None

    def write(self, columns: Mapping[str, Any], event: Ints, init: Ints) -> None:
        """Write rows; `init` is made to grow, as the library demands of it."""
        if not len(event):
            return
        init = np.maximum.accumulate(np.maximum(init, self.last))
        self.first = self.first if self.rows else int(init[0])
        self.last, self.rows = int(init[-1]), self.rows + len(event)
        if self._writer is None:
            self._place.mkdir(parents=True, exist_ok=True)
            self._writer = pq.ParquetWriter(self._part, self._schema, compression="zstd")
        times = {"ts_event": event.astype(np.uint64), "ts_init": init.astype(np.uint64)}
        made = {**columns, **times}
        arrays = [made[each.name] if isinstance(made[each.name], pa.Array) else pa.array(made[each.name], each.type)
                  for each in self._schema]  # fmt: skip
        self._writer.write_table(pa.Table.from_arrays(arrays, schema=self._schema))

    def close(self) -> None:
        """Complete the file."""
        if self._writer is not None:
            self._writer.close()
            self._part.rename(self._place / f"{_name(self.first)}_{_name(self.last)}.parquet")

    @property
    def _place(self) -> Path:
        return self.folder / "data" / self.kind / _id(self.instrument, self.venue).replace("/", "")

    @property
    def _part(self) -> Path:
        return self._place / "unfinished"

    @property
    def _schema(self) -> pa.Schema:
        fields = [pa.field(name, kind, nullable=False) for name, kind in SCHEMAS[self.kind].items()]
        times = [pa.field(name, pa.uint64(), nullable=False) for name in ("ts_event", "ts_init")]
        told = {
            "instrument_id": _id(self.instrument, self.venue),
            "price_precision": str(self.instrument.price_decimals),
            "size_precision": str(self.instrument.size_decimals),
        }
        return pa.schema([*fields, *times], metadata=told)


@dataclass(slots=True)
class _Deltas:
    """Gathered changes of a book."""

    action: list[int] = field(default_factory=list)
    side: list[int] = field(default_factory=list)
    price: list[float] = field(default_factory=list)
    size: list[float] = field(default_factory=list)
    flags: list[int] = field(default_factory=list)
    sequence: list[int] = field(default_factory=list)
    event: list[int] = field(default_factory=list)
    init: list[int] = field(default_factory=list)

    def add(self, message: BookMessage, sequence: int) -> None:
        """Add the changes of a message; the last one is marked as such."""
        begin = len(self.action)
        kind = SNAPSHOT if message.whole else 0
        if message.whole:
            self._one(CLEAR, NONE, 0.0, 0.0, kind, message, sequence)
        for side, levels in ((BUY, message.bids), (SELL, message.asks)):
            for price, size in levels:
                action = DELETE if not float(size) else ADD if message.whole else UPDATE
                self._one(action, side, float(price), float(size), kind, message, sequence)
        if len(self.action) > begin:
            self.flags[-1] |= LAST

    def _one(
        self, action: int, side: int, price: float, size: float, flags: int, message: BookMessage, sequence: int
    ) -> None:
        values = (action, side, price, size, flags, sequence, message.time, message.received)
        names = ("action", "side", "price", "size", "flags", "sequence", "event", "init")
        for name, value in zip(names, values, strict=True):
            getattr(self, name).append(value)

    def write(self, file: _File) -> None:
        """Write what was gathered."""
        rows = len(self.action)
        numbers = {
            name: _numbers(np.array(getattr(self, name), np.float64), name, file.instrument)
            for name in ("price", "size")
        }
        plain = {name: np.array(getattr(self, name)) for name in ("action", "side", "flags", "sequence")}
        columns = {**plain, **numbers, "order_id": np.zeros(rows, np.uint64)}
        file.write(columns, np.array(self.event, np.int64), np.array(self.init, np.int64))


def _write(rows: ExportRows, out: Path, options: ExportOptions) -> Written:
    done, venue = Written(), (options.venue or rows.venue).upper()
    for instrument in rows.instruments.values():
        _write_instrument(out, instrument, venue)
        done.count("instruments", 1)
    _write_ticks(rows, "trading", "trade_tick", out, venue, done)
    _write_ticks(rows, "quote", "quote_tick", out, venue, done)
    _write_books(rows, out, venue, done)
    done.say("ts_init is the receive clock, and ts_event the exchange's; where one was not given it is the other")
    return done


def _write_ticks(rows: ExportRows, channel: str, kind: str, out: Path, venue: str, done: Written) -> None:
    if channel not in rows.channels:
        return
    files = {name: _File(out, kind, each, venue) for name, each in rows.instruments.items()}
    for table in rows.tables(channel):
        symbols, code = words_of(table["symbol"])
        for each in np.unique(code).tolist():
            if (file := files.get(symbols[each])) is None:
                continue
            part = table.take(pa.array(np.flatnonzero(code == each)))
            columns = _trades(part, file.instrument) if channel == "trading" else _quotes(part, file.instrument)
            file.write(columns, clock_column(part, "time"), clock_column(part, "received"))
            done.count(kind, len(part))
    for file in files.values():
        file.close()


def _trades(part: pa.Table, instrument: Instrument) -> dict[str, Any]:
    words, code = words_of(part["side"])
    sides = np.array([{"buy": BUY, "sell": SELL}.get(word, NONE) for word in words], np.uint8)
    numbers = {name: _numbers(part[name].to_numpy(), name, instrument) for name in ("price", "size")}
    ids = pc.coalesce(part["trade_id"], part["seq"]).cast(pa.string()).combine_chunks()
    return {**numbers, "aggressor_side": sides[code], "trade_id": ids}


def _quotes(part: pa.Table, instrument: Instrument) -> dict[str, Any]:
    names = {"bid_price": "bid", "ask_price": "ask", "bid_size": "bid_size", "ask_size": "ask_size"}
    return {told: _numbers(part[name].to_numpy(), name, instrument) for told, name in names.items()}


def _write_books(rows: ExportRows, out: Path, venue: str, done: Written) -> None:
    if "book" not in rows.channels:
        return
    files = {name: _File(out, "order_book_delta", each, venue) for name, each in rows.instruments.items()}
    gathered: dict[str, _Deltas] = {}
    for sequence, message in enumerate(rows.books(), 1):
        deltas = gathered.setdefault(message.symbol, _Deltas())
        deltas.add(message, sequence)
        if len(deltas.action) >= MOST_ROWS:
            gathered.pop(message.symbol).write(files[message.symbol])
    for symbol, deltas in gathered.items():
        deltas.write(files[symbol])
    for file in files.values():
        done.count("order_book_delta", file.rows)
        file.close()


def _write_instrument(out: Path, instrument: Instrument, venue: str) -> None:
    base, _, quote = instrument.symbol.partition("/")
    told: dict[str, Any] = {
        "id": _id(instrument, venue),
        "raw_symbol": instrument.symbol,
        "base_currency": base,
        "quote_currency": quote or "USD",
        "price_precision": instrument.price_decimals,
        "size_precision": instrument.size_decimals,
        "price_increment": f"{instrument.tick_size:f}",
        "size_increment": f"{instrument.lot_size:f}",
        "multiplier": "1",
        **dict.fromkeys(_LIMITS),
        **dict.fromkeys(_SHARES, "0"),
        "info": b"null",
        "ts_event": 0,
        "ts_init": 0,
    }
    place = out / "data" / "currency_pair" / told["id"].replace("/", "")
    place.mkdir(parents=True, exist_ok=True)
    rows = pa.Table.from_pylist([told], schema=_CURRENCY_PAIR)
    pq.write_table(rows, place / f"{_name(0)}_{_name(0)}.parquet")


_LIMITS = ("lot_size", "max_quantity", "min_quantity", "max_notional", "min_notional", "max_price", "min_price")
_SHARES = ("margin_init", "margin_maint", "maker_fee", "taker_fee")
_WORD = pa.dictionary(pa.int16(), pa.string())

_CURRENCY_PAIR = pa.schema(
    [
        ("id", pa.dictionary(pa.int64(), pa.string())),
        ("raw_symbol", pa.string()),
        ("base_currency", _WORD),
        ("quote_currency", _WORD),
        ("price_precision", pa.uint8()),
        ("size_precision", pa.uint8()),
        ("price_increment", _WORD),
        ("size_increment", _WORD),
        ("multiplier", _WORD),
        *((name, _WORD) for name in _LIMITS),
        *((name, pa.string()) for name in _SHARES),
        ("info", pa.binary()),
        ("ts_event", pa.uint64()),
        ("ts_init", pa.uint64()),
    ],
    metadata={"class": "CurrencyPair"},
)


def _numbers(values: NDArray[np.float64], name: str, instrument: Instrument) -> pa.Array:
    """Return decimals as integers of 16 bytes with `PRICE_DECIMALS` decimals, exact."""
    kind = "price" if name.partition("_")[0] == name and "size" not in name else "size"
    units = units_of(np.nan_to_num(values), "price" if kind == "price" else "size", instrument)
    decimals = instrument.price_decimals if kind == "price" else instrument.size_decimals
    scale = pa.scalar(10 ** (PRICE_DECIMALS - decimals), pa.decimal128(18, 0))
    exact = pc.multiply(pa.array(units).cast(pa.decimal128(19, 0)), scale)
    return pa.Array.from_buffers(NUMBER, len(exact), [None, exact.buffers()[1]], offset=exact.offset)


def _id(instrument: Instrument, venue: str) -> str:
    return f"{instrument.symbol}.{venue}"


def _name(time: int) -> str:
    """Return a time as the library writes it in the names of files."""
    stamp = np.datetime64(time // SECOND, "s")
    return f"{str(stamp).replace(':', '-')}-{time % SECOND:09d}Z"


NAUTILUS = ExportTarget(
    "nautilus",
    "a folder that NautilusTrader opens as a ParquetDataCatalog: instruments, trades, quotes, book deltas",
    _write,
    (),
    ("venue",),
)
