"""Snapshots of books as tables, one row a snapshot; files of one level are quotes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
from numpy.typing import NDArray

from feed.data.columns import QUOTES
from feed.errors import failure
from feed.importing.columns import Chunk, Meter, Wanted, read_columns
from feed.importing.conversion import Ints, converted
from feed.importing.findings import Findings
from feed.importing.fixedpoint import with_plain_prices
from feed.importing.format import Beginning, Format, Reader
from feed.importing.heads import Head, head_of
from feed.importing.laddercells import cleaned, read_distances, read_levels, read_lists, read_numbered
from feed.importing.ladderlayout import LadderLayout, layout_of
from feed.importing.levelrows import LEVEL_ROWS, PERCENT_ROWS, are_level_rows, snapshots_of
from feed.importing.names import TRADE_NAMES, alike_names
from feed.importing.naming import symbol_told
from feed.importing.numbers import places_of
from feed.importing.options import Options
from feed.importing.ordering import FileRows, check_order, oldest_first, sorted_pieces
from feed.importing.rows import constant, row_table
from feed.importing.times import TimeColumn
from feed.venues.values import pair

__all__ = ["LADDERS", "LadderFiles"]

Floats = NDArray[np.float64]

BATCH_SNAPSHOTS = 512
"""Snapshots that are made into rows at a time."""


READERS: dict[str, Any] = {
    "numbered": read_numbered,
    "distances": read_distances,
    "lists": read_lists,
    "levels": read_levels,
    LEVEL_ROWS: read_lists,
    PERCENT_ROWS: read_lists,
}
"""Readers of the sides of snapshots, by layout."""

REMARKS = {
    "distances": "prices are the middle and a distance from it, rounded to 2 decimals; sizes are worths through prices",
    LEVEL_ROWS: "rows of the same time are one snapshot",
    PERCENT_ROWS: "the depth between two percentages is one level, at its average price",
}
"""What is said of a layout."""


@dataclass(slots=True)
class LadderFiles(Reader):
    """Reader of files of snapshots, as tables of rows."""

    paths: Sequence[Path]
    options: Options
    findings: Findings
    meter: Meter
    _layouts: dict[Path, LadderLayout] = field(default_factory=dict)
    _symbol: str = ""
    _places: dict[str, list[int]] = field(default_factory=dict)
    _seqs: dict[str, int] = field(default_factory=dict)
    _clocks: dict[tuple[Path, str], TimeColumn] = field(default_factory=dict)
    _last: int = -(2**62)
    _crossed: int = 0

    def __post_init__(self) -> None:
        for path in self.paths:
            layout = _layout(path, self.options.delimiter)
            if layout is None:
                raise failure(path, "", _why_not(head_of(path)), "feed import auto finds the formats that it has")
            self._layouts[path] = layout
        first = self._layouts[self.paths[0]]
        if "symbol" not in first.others or self.options.symbol:
            self._symbol = symbol_told(self.paths[0], self.options, self.findings)
        self._tell(first)

    def _tell(self, layout: LadderLayout) -> None:
        if layout.kind in REMARKS:
            self.findings.say(REMARKS[layout.kind])
        told = ", ".join(f"{name!r} is taken as {key}" for key, name in layout.others.items() if name != key)
        if told:
            self.findings.say(f"the column {told}")
        sides = zip(("bids", "asks"), layout.prices, layout.sizes, strict=True)
        for side, prices, sizes in sides:
            names = " and ".join(repr(names[0]) for names in (prices, sizes) if names)
            if not names:
                continue
            levels = f"{len(prices)} levels, the first in " if layout.kind == "numbered" else ""
            self.findings.say(f"{side} are {levels}{names}")

    def instruments(self) -> dict[str, tuple[Decimal, Decimal]]:
        """Return tick and lot size of each symbol: as given, or one unit of the last decimal used."""
        tick, lot = self.options.tick_size, self.options.lot_size
        return {
            name: (tick or Decimal(1).scaleb(-price), lot or Decimal(1).scaleb(-size))
            for name, (price, size) in self._places.items()
        }

    def tables(self) -> Iterator[pa.Table]:
        """Yield the rows, in order.

        Raises:
            RecordingError: names file, row and column of the first mistake.
        """
        pieces: Iterator[FileRows] = self._pieces()
        if self.options.sort:
            pieces = sorted_pieces(pieces, self._clock, self.findings)
        else:
            pieces = oldest_first(pieces, self._clock, self.findings)
        for piece in pieces:
            yield from self._tables(piece)
        for clock in self._clocks.values():
            if clock.told:
                self.findings.say(clock.told)

    def _pieces(self) -> Iterator[FileRows]:
        for path in self.paths:
            row = 1
            wanted = Wanted(self._layouts[path].columns(), self.options.delimiter, True)
            chunks = read_columns(path, wanted, self.meter, self.findings.say)
            if self._layouts[path].kind in (LEVEL_ROWS, PERCENT_ROWS):
                for row, chunk in snapshots_of(path, self._layouts[path].kind, chunks):
                    yield FileRows(path, row, chunk)
                continue
            prices = [key for key in wanted.columns if " price " in key] if self._layouts[path].fixed else []
            for chunk in chunks:
                chunk = with_plain_prices(chunk, prices, self.findings.say)
                size = len(chunk["time"])
                for first in range(0, size, BATCH_SNAPSHOTS):
                    yield FileRows(
                        path, row + first, {key: part.slice(first, BATCH_SNAPSHOTS) for key, part in chunk.items()}
                    )
                row += size
            if row == 1:
                raise failure(path, "", "the file has no rows")

    def _clock(self, path: Path, key: str = "time") -> TimeColumn:
        made = TimeColumn(self.options.time_unit, self.options.date, self.options.spelling)
        return self._clocks.setdefault((path, key), made)

    def _tables(self, piece: FileRows) -> Iterator[pa.Table]:
        path, row, chunk = piece.path, piece.row, piece.chunk
        clock = TimeColumn("ns") if self.options.sort else self._clock(path)
        time = clock.read(path, "time", converted(chunk["time"], pa.int64()), row)
        self._last = check_order(path, row, time, self._last, self.options.spelling)
        received = None
        if "received" in chunk:
            told = converted(chunk["received"], pa.int64())
            received = self._clock(path, "received").read(path, "received", told, row)
            for difference in (received - time)[::16].tolist():
                self.findings.offsets.add(difference)
        names = self._names(chunk)
        layout = self._layouts[path]
        made = self._quotes if layout.is_quotes else self._books
        table = made(piece, layout, names, {"time": time, "received": received})
        if len(table):
            yield table

    def _names(self, chunk: Chunk) -> list[str]:
        if self._symbol:
            return [self._symbol] * len(chunk["time"])
        return [pair(str(name)) for name in chunk["symbol"].cast(pa.string()).to_pylist()]

    def _quotes(self, piece: FileRows, layout: LadderLayout, names: list[str], clocks: dict[str, Any]) -> pa.Table:
        sides = [read_numbered(piece, layout, side) for side in (0, 1)]
        (bid, bid_size), (ask, ask_size) = ((prices[:, 0], sizes[:, 0]) for prices, sizes in sides)
        whole = np.flatnonzero((bid > 0) & (ask > 0) & (bid_size >= 0) & (ask_size >= 0))
        self._report(piece, "quote without both sides", len(names) - len(whole), whole)
        crossed = int((bid[whole] >= ask[whole]).sum())
        if crossed:
            self.findings.count("crossed quote", "", f"{piece.path.name} row {piece.row} and after", "is kept", crossed)
        columns = {name: values[whole] for name, values in zip(QUOTES, (bid, bid_size, ask, ask_size), strict=True)}
        self._see(names, np.concatenate([columns["bid"], columns["ask"]]), np.concatenate([bid_size, ask_size]))
        return self._rows("quote", [names[place] for place in whole.tolist()], clocks, whole, columns, "update", "")

    def _books(self, piece: FileRows, layout: LadderLayout, names: list[str], clocks: dict[str, Any]) -> pa.Table:
        read = READERS[layout.kind]
        bids, asks = (read(piece, layout, side) for side in (0, 1))
        texts: list[str] = []
        for place in range(len(names)):
            levels = [cleaned(side[0][place], side[1][place], sign) for side, sign in ((bids, -1), (asks, 1))]
            self._see(names[place : place + 1], *(np.concatenate([levels[0][:, n], levels[1][:, n]]) for n in (0, 1)))
            told = {"bids": levels[0], "asks": levels[1]}
            texts.append(orjson.dumps(told, option=orjson.OPT_SERIALIZE_NUMPY).decode())
        every = np.arange(len(names))
        depth = str(layout.levels) if layout.levels else ""
        return self._rows("book", names, clocks, every, {"data": pa.array(texts)}, "snapshot", depth)

    def _rows(
        self, channel: str, names: list[str], clocks: dict[str, Any], kept: Ints, columns: dict[str, Any], kind: str,
        depth: str,
    ) -> pa.Table:  # fmt: skip
        rows = len(names)
        symbols = pa.array(names, pa.string()).dictionary_encode()
        seqs = []
        for name in names:
            self._seqs[name] = self._seqs.get(name, 0) + 1
            seqs.append(self._seqs[name])
        made = {
            **{name: None if clock is None else clock[kept] for name, clock in clocks.items()},
            "channel": constant("channel", channel, rows),
            "symbol": pa.DictionaryArray.from_arrays(symbols.indices.cast(pa.int16()), symbols.dictionary),
            "type": constant("type", kind, rows),
            "interval": constant("interval", depth, rows),
            "seq": np.array(seqs, np.int64),
        }
        return row_table(rows, {**made, **columns})

    def _report(self, piece: FileRows, kind: str, missing: int, whole: Ints) -> None:
        if missing:
            first = next(n for n, place in enumerate([*whole.tolist(), -1]) if n != place)
            self.findings.count(kind, "", f"{piece.path.name} row {piece.row + first}", "is left out", missing)

    def _see(self, names: Sequence[str], prices: Floats, sizes: Floats) -> None:
        for name in dict.fromkeys(names):
            known = self._places.setdefault(name, [0, 0])
            known[0] = places_of(pa.array(prices), known[0])
            known[1] = places_of(pa.array(sizes), known[1])


def _layout(path: Path, delimiter: str | None) -> LadderLayout | None:
    """Return the layout of a file; None if it has no snapshots."""
    head = head_of(path, delimiter)
    found = layout_of(head)
    if found is None and head.named and (columns := are_level_rows(path, head.cells)) is not None:
        return LadderLayout(LEVEL_ROWS, ((), ()), ((), ()), columns)
    return found


def _why_not(head: Head) -> str:
    return f"there are no columns of bids and asks and of their time among {', '.join(head.cells[:20])}"


def _detect(beginning: Beginning) -> str | None:
    if beginning.is_lines or not beginning.head.named:
        return None
    layout = _layout(beginning.path, None)
    if layout is None or (layout.is_quotes and not layout.fixed and _has_price(beginning.names)):
        return None
    if layout.fixed:
        return "it has the columns of Databento, and best levels"
    if layout.is_quotes:
        return f"it has the columns {layout.prices[0][0]} and {layout.prices[1][0]}, and no price of trades"
    if layout.kind in (LEVEL_ROWS, PERCENT_ROWS):
        return f"it has rows of levels: {', '.join(layout.others.values())}"
    if layout.levels:
        return f"it has {layout.levels} levels of columns such as {layout.prices[0][0]}"
    return f"it has lists in the columns {layout.prices[0][0]} and {layout.prices[1][0]}"


def _has_price(names: frozenset[str]) -> bool:
    return bool(alike_names(names, TRADE_NAMES["price"], "price"))


def _reader(paths: Sequence[Path], options: Options, findings: Findings, meter: Meter) -> LadderFiles:
    others = ("symbol", "time_unit", "date", "tick_size", "lot_size", "delimiter")
    options.only("snapshots of books, whose columns are found by their names", others=others)
    return LadderFiles(paths, options, findings, meter)


LADDERS = Format("books", "snapshots of books, or quotes, by the names of their columns", _reader, _detect)
"""Tested after the formats of known writers, and before trades."""
