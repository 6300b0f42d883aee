"""Trades from CSV and Parquet, column by column: checked, numbered, and only reordered on request."""

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

from feed.data.inference import tick_rule
from feed.data.ticks import BUY
from feed.errors import RecordingError, failure
from feed.importing.columns import Chunk, Meter, Wanted, read_columns
from feed.importing.conversion import Ints, SideWords, converted, read_ids, read_sides, zero_where_missing
from feed.importing.findings import Findings
from feed.importing.fixedpoint import with_plain_prices
from feed.importing.format import Reader
from feed.importing.numbers import StepColumn
from feed.importing.ordering import FileRows, check_order, oldest_first, sorted_pieces
from feed.importing.rows import Symbol, Trades
from feed.importing.rules import IMPORT_RULES, TradeRules
from feed.importing.sizes import PLAIN, SizeMeaning
from feed.importing.spelling import COMMAND, Spelling
from feed.importing.times import TimeColumn
from feed.importing.tradecells import are_ids, filled_sides, quoted_rows, sides_by_sign, whole_rows
from feed.importing.tradechecks import TradeIds, refuse_crossed_quotes, taken, with_quotes_that_hold
from feed.scenario.tickfile import Column, TimeUnit
from feed.venues.values import pair

__all__ = ["TradeFiles", "TradeMapping"]


@dataclass(frozen=True, slots=True)
class TradeMapping:
    """Meaning of a file's columns.

    Attributes:
        columns: time, price and size; optionally side, trade_id, bid, bid_size, ask, ask_size, received and symbol.
        symbol: symbol of all trades, if no column gives one.
        rules: what is mended, refused and counted.
        spelling: spelling of options, in messages.
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
    delimiter: str | None = None
    header: bool | None = None
    sort: bool = False
    meaning: SizeMeaning = PLAIN
    rules: TradeRules = IMPORT_RULES
    spelling: Spelling = COMMAND

    @property
    def wanted(self) -> Wanted:
        """The columns to read from a file."""
        return Wanted(self.columns, self.delimiter, self.header)

    @property
    def sides(self) -> SideWords:
        """The meaning of the words in the column of sides."""
        return SideWords(self.side_means, self.buy, self.spelling, gaps=self.rules.fills_missing_sides)

    def steps(self) -> dict[str, StepColumn]:
        """Return the readers of prices and of sizes."""
        return {
            "price": StepColumn(self.tick_size, rounding=self.rounding, spelling=self.spelling),
            "size": StepColumn(self.lot_size, rounding=self.rounding, spelling=self.spelling),
        }


@dataclass(slots=True)
class TradeFiles(Reader):
    """Reader of files of trades that follow each other, as tables of rows.

    Attributes:
        symbols: state of the symbols that occurred so far.
    """

    paths: Sequence[Path]
    mapping: TradeMapping
    findings: Findings
    meter: Meter
    symbols: dict[str, Symbol] = field(default_factory=dict)
    _steps: dict[str, StepColumn] = field(default_factory=dict)
    _clocks: dict[tuple[Path, str], TimeColumn] = field(default_factory=dict)
    _ids: TradeIds = field(init=False)
    _last: int = -(2**62)
    _rule: tuple[int, int] = (0, BUY)
    _uses_ids: bool | None = None
    _has_signs: bool = False

    def __post_init__(self) -> None:
        mapping = self.mapping
        self._ids = TradeIds(self.findings, must_grow=mapping.rules.ids_must_grow)
        self._steps = mapping.steps()

    def instruments(self) -> dict[str, tuple[Decimal, Decimal]]:
        """Return tick and lot size of each symbol."""
        return dict.fromkeys(self.symbols, (self._steps["price"].step, self._steps["size"].step))

    @property
    def infers_sides(self) -> bool:
        """Tell whether the sides are inferred, for lack of a column of sides."""
        return "side" not in self.mapping.columns and not self._has_signs

    def tables(self) -> Iterator[pa.Table]:
        """Yield the rows, in order.

        Raises:
            RecordingError: names file, row and column of the first mistake.
        """
        pieces: Iterator[FileRows] = self._pieces()
        if self.mapping.rules.leaves_out_broken_rows:
            pieces = (whole for piece in pieces for whole in whole_rows(piece, self.findings))
        if self.mapping.sort:
            pieces = sorted_pieces(pieces, self._clock, self.findings)
        elif self.mapping.rules.turns_newest_first:
            pieces = oldest_first(pieces, self._clock, self.findings)
        for piece in pieces:
            yield from self._tables(piece)
        if not self.symbols:
            raise failure(self.paths[0], "size", "every row has size 0")
        self._say()

    def _say(self) -> None:
        for clock in self._clocks.values():
            if clock.told:
                self.findings.say(clock.told)
        if self._has_signs:
            self.findings.say("there is no side: a negative size is a sale")
        elif "side" not in self.mapping.columns:
            self.findings.say("there is no side: it is inferred by the tick rule")
        if "trade_id" not in self.mapping.columns:
            what = "rows" if self.mapping.rules.counts_rows else "trades"
            self.findings.say(f"there are no trade ids: {what} are counted from 1")
        if self.mapping.rounding:
            self.findings.say("prices and sizes are rounded to their steps")

    def _clock(self, path: Path, key: str = "time") -> TimeColumn:
        """Return a new reader of times for each file: Binance changed from ms to us at the turn of a year."""
        mapping = self.mapping
        return self._clocks.setdefault((path, key), TimeColumn(mapping.time_unit, mapping.date, mapping.spelling))

    def _pieces(self) -> Iterator[FileRows]:
        for path in self.paths:
            row = 1
            for chunk in read_columns(path, self.mapping.wanted, self.meter, self.findings.say):
                if "action" in chunk:
                    chunk = with_plain_prices(chunk, ["price"], self.findings.say)
                yield FileRows(path, row, chunk)
                row += len(chunk["time"])
            if row == 1:
                raise failure(path, "", "the file has no rows")

    def _tables(self, piece: FileRows) -> Iterator[pa.Table]:
        path, row, chunk = piece.path, piece.row, piece.chunk
        if not len(chunk["time"]):
            return
        clock = TimeColumn("ns") if self.mapping.sort else self._clock(path)
        time = clock.read(path, "time", chunk["time"], row)
        self._last = check_order(path, row, time, self._last, self.mapping.spelling)
        trades = self._read(piece, time)
        kept = self._kept(piece, trades.size)
        if "symbol" not in chunk:
            name = self.mapping.symbol
            yield from self._of_symbol(piece, name, trades, None if kept is None else np.flatnonzero(kept))
            return
        yield from self._by_symbol(piece, trades, kept)

    def _by_symbol(self, piece: FileRows, trades: Trades, kept: Any) -> Iterator[pa.Table]:
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

    def _read(self, piece: FileRows, time: Ints) -> Trades:
        path, row, chunk = piece.path, piece.row, piece.chunk
        skipping = self.mapping.missing_size == "skip"
        least = 0 if skipping or self.mapping.rules.leaves_out_empty_rows else 1
        price = self._steps["price"].read(path, "price", chunk["price"], row)
        sizes, sides = self._signed(chunk)
        sizes = self.mapping.meaning.read(sizes, chunk["price"])
        sizes = zero_where_missing(sizes) if skipping else sizes
        size = self._steps["size"].read(path, "size", sizes, row, least=least)
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
            side=self._filled(piece, price) if "side" in chunk else self._inferred_sides(price, sides),
            trade_id=self._trade_ids(piece, len(time)),
            received=received,
            quote=self._quote(piece, chunk) if "bid" in chunk else None,
        )

    def _signed(self, chunk: Chunk) -> tuple[pa.Array, Ints | None]:
        """Return sizes, and the sides by their signs in a file without a column of sides."""
        if not self.mapping.rules.sides_by_sign or "side" in chunk:
            return chunk["size"], None
        found = sides_by_sign(converted(chunk["size"], pa.float64()))
        if found is None:
            return chunk["size"], None
        self._has_signs = True
        return found

    def _filled(self, piece: FileRows, price: Ints) -> Ints:
        """Return the sides; where a cell does not tell one, by the tick rule."""
        sides = self._sides(piece)
        if not self.mapping.rules.fills_missing_sides:
            return sides
        sides, count = filled_sides(sides, price, self._rule)
        self._rule = int(price[-1]), int(sides[-1])
        if count:
            where = f"{piece.path.name} row {piece.row} and after"
            self.findings.count("trade without a side", "", where, "it is inferred by the tick rule", count)
        return sides

    def _trade_ids(self, piece: FileRows, count: int) -> Ints | None:
        if "trade_id" in piece.chunk and self._uses_ids is None:
            self._uses_ids = not self.mapping.rules.takes_words_as_ids or are_ids(piece.chunk["trade_id"])
            if not self._uses_ids:
                self.findings.say("trade ids are no numbers: trades are counted from 1")
        if "trade_id" in piece.chunk and self._uses_ids:
            return read_ids(piece.path, converted(piece.chunk["trade_id"], pa.int64()), piece.row)
        return np.arange(piece.row, piece.row + count, dtype=np.int64) if self.mapping.rules.counts_rows else None

    def _inferred_sides(self, price: Ints, by_sign: Ints | None) -> Ints | None:
        """Return sides inferred from all rows, those without a size included; None to infer them by symbol."""
        if not self.mapping.rules.infers_from_all_rows:
            return by_sign if by_sign is not None or not self._has_signs else np.full(len(price), BUY, np.int64)
        sides = tick_rule(price, *self._rule)
        self._rule = int(price[-1]), int(sides[-1])
        return sides

    def _sides(self, piece: FileRows) -> Ints:
        """Return sides, read once per distinct word; cell by cell only to name the wrong one."""
        column = piece.chunk["side"]
        if column.null_count and self.mapping.rules.fills_missing_sides:
            column = pc.fill_null(column.cast(pa.string()), "")
        words = column.dictionary_encode()
        try:
            sides = read_sides(self.mapping.sides, piece.path, words.dictionary, 1)
        except RecordingError:
            return read_sides(self.mapping.sides, piece.path, column, piece.row)
        return np.asarray(sides[words.indices.to_numpy(zero_copy_only=False)], np.int64)

    def _quote(self, piece: FileRows, chunk: Chunk) -> tuple[Any, Any, Any, Any]:
        there = None
        if self.mapping.rules.allows_missing_quotes:
            chunk, there = quoted_rows(chunk)
        bid, ask = (
            self._steps["price"].read(piece.path, key, chunk[key], piece.row) / 10.0 ** self._steps["price"].places
            for key in ("bid", "ask")
        )
        if there is not None:
            bid = np.where(there, bid, np.nan)
        sizes = [
            self._steps["size"].read(piece.path, key, chunk[key], piece.row, least=0)
            / 10.0 ** self._steps["size"].places
            if key in chunk
            else np.full(len(bid), np.nan)
            for key in ("bid_size", "ask_size")
        ]
        return bid, sizes[0], ask, sizes[1]

    def _kept(self, piece: FileRows, size: Ints) -> Any:
        """Return a mask of the rows that are trades, not empty rows; None if all are trades."""
        empty = size == 0
        if not empty.any():
            return None
        first, times = piece.row + int(np.argmax(empty)), int(np.count_nonzero(empty))
        self.findings.count("row without a size", "", f"{piece.path.name} row {first}", "is left out", times)
        return ~empty

    def _of_symbol(self, piece: FileRows, name: str, trades: Trades, rows: Ints | None) -> Iterator[pa.Table]:
        part = trades if rows is None else taken(trades, rows)
        if not len(part):
            return
        symbol = self.symbols.setdefault(name, Symbol(name))
        if part.trade_id is not None and self._uses_ids:
            self._ids.check(piece, symbol, part, rows)
        if self.mapping.rules.widens_quotes:
            yield symbol.table(with_quotes_that_hold(part, self.findings, name))
        else:
            refuse_crossed_quotes(piece, part, rows)
            yield symbol.table(part)
