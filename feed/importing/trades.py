"""Trades from CSV and Parquet, column by column: checked, numbered, and never reordered unless that was asked for."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from feed.errors import RecordingError, failure
from feed.importing.cells import read_ids, read_sides, zero_where_missing
from feed.importing.chunks import Chunk
from feed.importing.columns import Meter, Wanted, read_columns
from feed.importing.findings import Findings
from feed.importing.numbers import Clock, Steps, converted, in_options
from feed.importing.ordering import Piece, check_order, sorted_pieces
from feed.importing.rows import Ints, Symbol, Trades
from feed.importing.tradechecks import TradeIds, taken, with_quotes_that_hold
from feed.scenario.tickfile import Column, TickFile, TimeUnit
from feed.venues.values import pair

__all__ = ["TradeFiles", "TradeMapping"]


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
    _clocks: dict[tuple[Path, str], Clock] = field(default_factory=dict)
    _ids: TradeIds = field(init=False)
    _last: int = -(2**62)

    def __post_init__(self) -> None:
        mapping = self.mapping
        self._ids = TradeIds(self.findings)
        self._steps = {
            "price": Steps(mapping.tick_size, rounding=mapping.rounding),
            "size": Steps(mapping.lot_size, rounding=mapping.rounding),
        }

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
            pieces = sorted_pieces(pieces, self._clock, self.findings)
        for piece in pieces:
            yield from self._tables(piece)
        for clock in self._clocks.values():
            if clock.told:
                self.findings.say(clock.told)
        if "side" not in self.mapping.columns:
            self.findings.say("there is no side: it is inferred by the tick rule")
        if "trade_id" not in self.mapping.columns:
            self.findings.say("there are no trade ids: trades are counted from 1")

    def _clock(self, path: Path, key: str = "time") -> Clock:
        """Each file has its own: Binance went from ms to us at a new year."""
        mapping = self.mapping
        return self._clocks.setdefault((path, key), Clock(mapping.time_unit, mapping.date))

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
        clock = Clock("ns") if self.mapping.sort else self._clock(path)
        time = clock.read(path, "time", chunk["time"], row)
        self._last = check_order(path, row, time, self._last)
        trades = self._read(piece, time)
        kept = self._kept(piece, trades.size)
        if "symbol" not in chunk:
            name = self.mapping.symbol
            yield from self._of_symbol(piece, name, trades, None if kept is None else np.flatnonzero(kept))
            return
        yield from self._by_symbol(piece, trades, kept)

    def _by_symbol(self, piece: Piece, trades: Trades, kept: Any) -> Iterator[pa.Table]:
        names = pc.utf8_trim_whitespace(pc.fill_null(piece.chunk["symbol"].cast(pa.string()), ""))
        if (empty := pc.index(names, "").as_py()) >= 0:
            raise failure(piece.path, f"row {piece.row + empty}, symbol", "there is no value")
        encoded = names.dictionary_encode()
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
            received = self._clock(path, "received").read(path, "received", chunk["received"], row)
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
            self._ids.check(piece, symbol, part, rows)
        yield symbol.table(with_quotes_that_hold(part, self.findings, name))
