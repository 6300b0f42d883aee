"""Quotes and books from CSV as Tardis writes them: quotes, book_snapshot_N and incremental_book_L2."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Literal

import pyarrow as pa

from feed.errors import failure
from feed.hints import nearest
from feed.importing.columns import Meter
from feed.importing.events import EventRows
from feed.importing.findings import Findings
from feed.importing.format import Beginning, Format, Reader
from feed.importing.heads import head_of
from feed.importing.opening import opened, reading_errors
from feed.importing.options import Options
from feed.importing.presets import Preset, trade_preset
from feed.importing.times import check_time
from feed.units import MICROSECOND
from feed.venues.events import Levels, Quote, VenueBookSnapshot, VenueBookUpdate
from feed.venues.values import decimal_text, pair

__all__ = ["TARDIS", "TardisFiles", "TardisKind"]

TardisKind = Literal["tardis-quotes", "tardis-book", "tardis-book-updates"]

HEAD = ("exchange", "symbol", "timestamp", "local_timestamp")

NEEDED: dict[TardisKind, tuple[str, ...]] = {
    "tardis-quotes": (*HEAD, "ask_amount", "ask_price", "bid_price", "bid_amount"),
    "tardis-book": (*HEAD, "asks[0].price", "asks[0].amount", "bids[0].price", "bids[0].amount"),
    "tardis-book-updates": (*HEAD, "is_snapshot", "side", "price", "amount"),
}

TABLE_ROWS = 8192

Cells = dict[str, str]

Event = Quote | VenueBookSnapshot | VenueBookUpdate


@dataclass(slots=True)
class TardisFiles(Reader):
    """Reader of files of one kind, as tables of rows."""

    paths: Sequence[Path]
    kind: TardisKind
    findings: Findings
    meter: Meter
    rows: EventRows = field(default_factory=EventRows)
    _last: int = 0

    def instruments(self) -> dict[str, tuple[Decimal, Decimal]]:
        """Return tick and lot size of each symbol: one unit of the last decimal used."""
        return {
            name: (Decimal(1).scaleb(-each.price), Decimal(1).scaleb(-each.size))
            for name, each in self.rows.places.items()
        }

    def tables(self) -> Iterator[pa.Table]:
        """Yield the rows, in order of the receive clock.

        Raises:
            RecordingError: names file, row and column of the first mistake.
        """
        for path in self.paths:
            self._check_head(path)
            numbered = self._read(path)
            grouped = (
                _updates(path, numbered) if self.kind == "tardis-book-updates" else _single(self.kind, path, numbered)
            )
            for number, received, event in grouped:
                self._check_order(path, number, received)
                assert event.time is not None
                self.findings.offsets.add(received - event.time)
                self.rows.add(event, received, event.time)
                if len(self.rows) >= TABLE_ROWS:
                    yield self.rows.take()
            self.meter.next_file(path.stat().st_size)
        if len(self.rows):
            yield self.rows.take()

    def _check_head(self, path: Path) -> None:
        cells = head_of(path).cells
        for name in NEEDED[self.kind]:
            if name not in cells:
                near = nearest(name, cells)
                hint = f"did you mean {near!r}? " if near else ""
                raise failure(path, name, "there is no such column", f"{hint}the file has {', '.join(cells[:12])}")

    def _read(self, path: Path) -> Iterator[tuple[int, Cells]]:
        with reading_errors(path), opened(path) as (stream, raw, _):
            for number, row in enumerate(csv.DictReader(line.decode() for line in stream), 1):
                yield number, row
                if number % 1024 == 0:
                    self.meter.here = raw.tell()

    def _check_order(self, path: Path, number: int, received: int) -> None:
        if received < self._last:
            raise failure(path, f"row {number}, local_timestamp", f"is earlier than row {number - 1}", "sort the file")
        self._last = received


def _single(kind: TardisKind, path: Path, rows: Iterator[tuple[int, Cells]]) -> Iterator[tuple[int, int, Event]]:
    for number, row in rows:
        symbol, time, received = _head(path, number, row)
        if kind == "tardis-book":
            yield number, received, _snapshot(path, number, row, symbol, time)
        elif all(row[name] for name in NEEDED[kind]):
            values = (
                _decimal(path, number, row, name) for name in ("bid_price", "bid_amount", "ask_price", "ask_amount")
            )
            yield number, received, Quote(symbol, time, *values)


def _snapshot(path: Path, number: int, row: Cells, symbol: str, time: int) -> VenueBookSnapshot:
    sides = []
    for side in ("bids", "asks"):
        depth = sum(name.startswith(f"{side}[") and name.endswith("price") for name in row)
        there = [i for i in range(depth) if row[f"{side}[{i}].price"]]
        names = [(f"{side}[{i}].price", f"{side}[{i}].amount") for i in there]
        sides.append(tuple((_decimal(path, number, row, p), _decimal(path, number, row, s)) for p, s in names))
    return VenueBookSnapshot(symbol, time, sides[0], sides[1], str(depth))


def _updates(path: Path, rows: Iterator[tuple[int, Cells]]) -> Iterator[tuple[int, int, Event]]:
    """Yield rows of the same message, which have the same times, as one event."""
    key: tuple[str, int, int, bool] | None = None
    first, sides = 0, ([], [])  # type: tuple[int, tuple[list[tuple[str, str]], list[tuple[str, str]]]]
    for number, row in rows:
        own = (*_head(path, number, row), row["is_snapshot"] == "true")
        if own != key:
            if key is not None:
                yield first, key[2], _book(key, sides)
            key, first, sides = own, number, ([], [])
        side = row["side"]
        if side not in ("bid", "ask"):
            raise failure(path, f"row {number}, side", f"{side!r} is not a side of a book", "it is bid or ask")
        level = _decimal(path, number, row, "price"), _decimal(path, number, row, "amount")
        sides[side == "ask"].append(level)
    if key is not None:
        yield first, key[2], _book(key, sides)


def _book(key: tuple[str, int, int, bool], sides: tuple[list[tuple[str, str]], list[tuple[str, str]]]) -> Event:
    symbol, time, _, whole = key
    bids: Levels = tuple(sides[0])
    asks: Levels = tuple(sides[1])
    if not whole:
        return VenueBookUpdate(symbol, time, bids, asks)
    best = sorted(bids, key=lambda level: -float(level[0])), sorted(asks, key=lambda level: float(level[0]))
    return VenueBookSnapshot(symbol, time, tuple(best[0]), tuple(best[1]))


def _head(path: Path, number: int, row: Cells) -> tuple[str, int, int]:
    times = []
    for name in ("timestamp", "local_timestamp"):
        text = row[name] or ""
        if not text.isdigit():
            raise failure(path, f"row {number}, {name}", f"{text!r} is no time in us")
        time = int(text) * MICROSECOND
        check_time(path, f"row {number}, {name}", time, text)
        times.append(time)
    return pair(row["symbol"]), times[0], times[1]


def _decimal(path: Path, number: int, row: Cells, name: str) -> str:
    try:
        return decimal_text(row[name])
    except ValueError as error:
        raise failure(path, f"row {number}, {name}", str(error)) from None


def _detect_by(column: str) -> Callable[[Beginning], str | None]:
    """Return a detector: all of Tardis's files have two columns in common, and `column` gives the kind."""

    def detect(beginning: Beginning) -> str | None:
        if {"exchange", "local_timestamp", column} <= beginning.names:
            return f"it has the columns exchange, local_timestamp and {column}"
        return None

    return detect


def _format(kind: TardisKind, what: str, column: str) -> Format:
    def reader(paths: Sequence[Path], options: Options, findings: Findings, meter: Meter) -> TardisFiles:
        options.only(f"{kind}, whose columns are known")
        return TardisFiles(paths, kind, findings, meter)

    return Format(kind, f"Tardis: {what}", reader, _detect_by(column), {name: name for name in NEEDED[kind]})


TARDIS = (
    _format("tardis-book-updates", "incremental_book_L2", "is_snapshot"),
    _format("tardis-book", "book_snapshot_5 and _25", "bids[0].price"),
    _format("tardis-quotes", "quotes", "bid_price"),
    trade_preset(
        "tardis-trades",
        "Tardis: trades",
        Preset(
            {
                "time": "timestamp",
                "received": "local_timestamp",
                "symbol": "symbol",
                "trade_id": "id",
                "side": "side",
                "price": "price",
                "size": "amount",
            },
            time_unit="us",
        ),
        _detect_by("amount"),
    ),
)
"""Formats of Tardis; the one with `is_snapshot` also has an amount, so it is tested first."""
