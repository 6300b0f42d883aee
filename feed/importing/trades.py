"""Trades from CSV and Parquet, column by column: checked, numbered, and never reordered unless that was asked for."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from feed.errors import RecordingError
from feed.importing.columns import Meter, Wanted, read_columns
from feed.importing.findings import Findings
from feed.importing.numbers import Clock, Steps, converted, in_options
from feed.importing.ordering import Piece, check_order, sorted_pieces
from feed.importing.rows import Ints, Symbol, Trades
from feed.recording.cells import read_ids, read_sides, zero_where_missing
from feed.recording.reading import Chunk, failure
from feed.scenario.tickfile import Column, TickFile, TimeUnit
from feed.venues.values import pair

__all__ = ["TradeFiles", "TradeMapping"]

SPARSE = 0.1
"""Ids that leave out more than one in ten are not counted one by one."""


@dataclass(frozen=True, slots=True)
class TradeMapping:
    """What a file's columns mean; as the `[source]` section of a scenario has it, and more.

    Attributes:
        columns: time, price and size; perhaps side, trade_id, bid, bid_size, ask, ask_size, received and symbol.
        symbol: of all trades, where no column tells.
    """

    columns: Mapping[str, Column]
    symbol: str = ""
    time_unit: TimeUnit | None = None
    date: datetime.date | None = None
    side_means: str = "taker"
    buy: str | None = None
    missing_size: str = "error"
    rounding: bool = False
    tick_size: Decimal | None = None
    lot_size: Decimal | None = None
    delimiter: str = ","
    header: bool | None = None
    format: str | None = None
    sort: bool = False

    @property
    def wanted(self) -> Wanted:
        """What is read of a file."""
        return Wanted(self.columns, self.delimiter, self.header, self.format)

    @property
    def spec(self) -> TickFile:
        """What says how cells are read."""
        return TickFile.model_validate({"file": "-", "side_means": self.side_means, "buy": self.buy})


@dataclass(slots=True)
class TradeFiles:
    """Files of trades that follow each other, as tables of rows.

    Attributes:
        symbols: what was met so far.
    """

    paths: Sequence[Path]
    mapping: TradeMapping
    findings: Findings
    meter: Meter
    symbols: dict[str, Symbol] = field(default_factory=dict)
    _steps: dict[str, Steps] = field(default_factory=dict)
    _clocks: dict[str, Clock] = field(default_factory=dict)
    _sparse: set[str] = field(default_factory=set)
    _last: int = -(2**62)

    def __post_init__(self) -> None:
        mapping = self.mapping
        self._steps = {
            "price": Steps(mapping.tick_size, rounding=mapping.rounding),
            "size": Steps(mapping.lot_size, rounding=mapping.rounding),
        }
        self._clocks = {key: Clock(mapping.time_unit, mapping.date) for key in ("time", "received")}

    def instruments(self) -> dict[str, tuple[Decimal, Decimal]]:
        """Tick and lot size of each symbol."""
        return dict.fromkeys(self.symbols, (self._steps["price"].step, self._steps["size"].step))

    def tables(self) -> Iterator[pa.Table]:
        """The rows, in order.

        Raises:
            RecordingError: names file, row and column of the first mistake.
        """
        pieces: Iterator[Piece] = self._pieces()
        if self.mapping.sort:
            pieces = sorted_pieces(pieces, self._clocks["time"], self.findings)
        for piece in pieces:
            yield from self._tables(piece)
        for clock in self._clocks.values():
            if clock.told:
                self.findings.say(clock.told)
        if "side" not in self.mapping.columns:
            self.findings.say("there is no side: it is inferred by the tick rule")
        if "trade_id" not in self.mapping.columns:
            self.findings.say("there are no trade ids: trades are counted from 1")

    def _pieces(self) -> Iterator[Piece]:
        for path in self.paths:
            row = 1
            for chunk in read_columns(path, self.mapping.wanted, self.meter):
                yield Piece(path, row, chunk)
                row += len(chunk["time"])
            if row == 1:
                raise failure(path, "", "the file has no rows")

    def _tables(self, piece: Piece) -> Iterator[pa.Table]:
        path, row, chunk = piece.path, piece.row, piece.chunk
        if not len(chunk["time"]):
            return
        time = self._clocks["time"].read(path, "time", chunk["time"], row)
        self._last = check_order(path, row, time, self._last)
        trades = self._read(piece, time)
        kept = self._kept(piece, trades.size)
        if "symbol" not in chunk:
            name = self.mapping.symbol
            yield from self._of_symbol(piece, name, trades, None if kept is None else np.flatnonzero(kept))
            return
        yield from self._by_symbol(piece, trades, kept)

    def _by_symbol(self, piece: Piece, trades: Trades, kept: Any) -> Iterator[pa.Table]:
        encoded = pc.utf8_trim_whitespace(piece.chunk["symbol"].cast(pa.string())).dictionary_encode()
        codes = encoded.indices.to_numpy(zero_copy_only=False)
        tables: list[pa.Table] = []
        places: list[Ints] = []
        for code, name in enumerate(encoded.dictionary.to_pylist()):
            rows = np.flatnonzero((codes == code) if kept is None else (codes == code) & kept)
            tables += self._of_symbol(piece, pair(name), trades, rows)
            places.append(rows)
        if tables:
            order = np.argsort(np.concatenate(places), kind="stable")
            yield pa.concat_tables(tables).unify_dictionaries().take(pa.array(order))

    def _read(self, piece: Piece, time: Ints) -> Trades:
        path, row, chunk = piece.path, piece.row, piece.chunk
        skipping = self.mapping.missing_size == "skip"
        price = self._steps["price"].read(path, "price", chunk["price"], row)
        sizes = zero_where_missing(chunk["size"]) if skipping else chunk["size"]
        size = self._steps["size"].read(path, "size", sizes, row, least=0 if skipping else 1)
        received = None
        if "received" in chunk:
            received = self._clocks["received"].read(path, "received", chunk["received"], row)
            for difference in (received - time)[::64].tolist():
                self.findings.offsets.add(difference)
        return Trades(
            time=time,
            price=price,
            size=size,
            price_places=self._steps["price"].places,
            size_places=self._steps["size"].places,
            side=self._sides(piece) if "side" in chunk else None,
            trade_id=read_ids(path, converted(chunk["trade_id"], pa.int64()), row) if "trade_id" in chunk else None,
            received=received,
            quote=self._quote(piece, chunk) if "bid" in chunk else None,
        )

    def _sides(self, piece: Piece) -> Ints:
        """Read word by word, of which there are few; cell by cell only to say which one is none."""
        column = piece.chunk["side"]
        words = column.dictionary_encode()
        with in_options():
            try:
                sides = read_sides(self.mapping.spec, piece.path, words.dictionary, 1)
            except RecordingError:
                return read_sides(self.mapping.spec, piece.path, column, piece.row)
        return np.asarray(sides[words.indices.to_numpy(zero_copy_only=False)], np.int64)

    def _quote(self, piece: Piece, chunk: Chunk) -> tuple[Any, Any, Any, Any]:
        bid, ask = (
            self._steps["price"].read(piece.path, key, chunk[key], piece.row) / 10.0 ** self._steps["price"].places
            for key in ("bid", "ask")
        )
        sizes = [
            self._steps["size"].read(piece.path, key, chunk[key], piece.row, least=0)
            / 10.0 ** self._steps["size"].places
            if key in chunk
            else np.full(len(bid), np.nan)
            for key in ("bid_size", "ask_size")
        ]
        return bid, sizes[0], ask, sizes[1]

    def _kept(self, piece: Piece, size: Ints) -> Any:
        """Which rows are trades, where not all are."""
        empty = size == 0
        if not empty.any():
            return None
        first, times = piece.row + int(np.argmax(empty)), int(np.count_nonzero(empty))
        self.findings.count("row without a size", "", f"{piece.path.name} row {first}", "is left out", times)
        return ~empty

    def _of_symbol(self, piece: Piece, name: str, trades: Trades, rows: Ints | None) -> Iterator[pa.Table]:
        part = trades if rows is None else taken(trades, rows)
        if not len(part):
            return
        symbol = self.symbols.setdefault(name, Symbol(name))
        if part.trade_id is not None:
            self._check_ids(piece, symbol, part, rows)
        yield symbol.table(with_quotes_that_hold(part, self.findings, name))

    def _check_ids(self, piece: Piece, symbol: Symbol, part: Trades, rows: Ints | None) -> None:
        ids = part.trade_id
        assert ids is not None
        steps = np.diff(ids, prepend=ids[0] - 1 if symbol.last_id is None else symbol.last_id)
        symbol.last_id = max(int(ids.max()), symbol.last_id or 0)
        if (steps == 1).all():
            return
        for kind, at in (
            ("gap in trade ids", np.flatnonzero(steps > 1)),
            ("repeated or late trade id", np.flatnonzero(steps < 1)),
        ):
            if not len(at) or (kind.startswith("gap") and self._counts_otherwise(symbol, len(at), len(ids))):
                continue
            first = int(at[0])
            row = piece.row + int(first if rows is None else rows[first])
            text = f"{ids[first]} comes after {ids[first] - steps[first]}"
            self.findings.count(kind, symbol.name, f"{piece.path.name} row {row}", text, len(at))
            if kind.startswith("gap"):
                for place in at[:1000].tolist():
                    self.findings.gap(f"trading:{symbol.name}", symbol.seq + place + 1, int(part.time[place]))

    def _counts_otherwise(self, symbol: Symbol, gaps: int, rows: int) -> bool:
        if symbol.name not in self._sparse and gaps > max(SPARSE * rows, 1) and rows > 20:
            self._sparse.add(symbol.name)
            self.findings.say(
                f"the trade ids of {symbol.name} do not count one by one: gaps in them are not looked for"
            )
        return symbol.name in self._sparse


def taken(trades: Trades, rows: Ints) -> Trades:
    """Some of the trades."""

    def of(column: Any) -> Any:
        return None if column is None else column[rows]

    return replace(
        trades,
        time=trades.time[rows],
        price=trades.price[rows],
        size=trades.size[rows],
        side=of(trades.side),
        trade_id=of(trades.trade_id),
        received=of(trades.received),
        quote=None if trades.quote is None else tuple(of(column) for column in trades.quote),
    )


def with_quotes_that_hold(trades: Trades, findings: Findings, name: str) -> Trades:
    """Quotes that do not hold their trade, or are crossed, are left out."""
    if trades.quote is None:
        return trades
    bid, bid_size, ask, ask_size = trades.quote
    price = trades.price / 10.0**trades.price_places
    wrong = (bid >= ask) | (price < bid) | (price > ask)
    if wrong.any():
        where = f"trade {int(np.argmax(wrong)) + 1} of a block"
        findings.count("quote that does not hold its trade", name, where, "is left out", int(np.count_nonzero(wrong)))
    mask = [pa.array(column, mask=wrong | np.isnan(column)) for column in (bid, bid_size, ask, ask_size)]
    return replace(trades, quote=(mask[0], mask[1], mask[2], mask[3]))
