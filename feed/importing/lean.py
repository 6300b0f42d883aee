"""LEAN's bars: zip files of one CSV without a header, whose name gives day, symbol and length of a bar.

Bars of trades are read like other bars; of a bar of quotes, its last quote is kept, at the end of the bar.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from feed.errors import failure
from feed.importing.bargrid import Grid
from feed.importing.bars import BarFiles, BarMapping
from feed.importing.columns import Chunk, Meter, Wanted, read_columns
from feed.importing.conversion import zero_where_missing
from feed.importing.findings import Findings
from feed.importing.format import Beginning, Format, Reader
from feed.importing.heads import head_of
from feed.importing.numbers import StepColumn
from feed.importing.options import Options
from feed.importing.ordering import check_order
from feed.importing.rows import constant, row_table
from feed.importing.times import TimeColumn
from feed.units import MINUTE, SECOND
from feed.venues.values import pair

__all__ = ["LEAN", "LeanQuotes"]

TRADE_COLUMNS = {"time": 0, "open": 1, "high": 2, "low": 3, "close": 4, "volume": 5}
QUOTE_COLUMNS = {"time": 0, "bid": 4, "bid_size": 5, "ask": 9, "ask_size": 10}

INTERVALS = {"second": SECOND, "minute": MINUTE}

_NAME = re.compile(r"(\d{8})_([a-z0-9]+)_(second|minute)_(trade|quote)")


@dataclass(frozen=True, slots=True)
class _Named:
    date: datetime.date
    symbol: str
    interval: int
    quotes: bool


def _told_by_name(path: Path) -> _Named | None:
    """Return the facts that LEAN puts into the name of the file in a zip; None for any other file."""
    found = _NAME.search(head_of(path).member.lower()) or _NAME.search(path.name.lower())
    if found is None:
        return None
    try:
        date = datetime.date.fromisoformat(found[1])
    except ValueError:
        return None
    return _Named(date, pair(found[2]), INTERVALS[found[3]], found[4] == "quote")


def _lean_files(paths: Sequence[Path], options: Options, findings: Findings, meter: Meter) -> BarFiles | LeanQuotes:
    """Return a reader of LEAN's files, all of which are of one symbol and kind.

    Raises:
        RecordingError: a name lacks a fact, or differs from the first.
    """
    options.only("LEAN's files, whose names tell it", others=("symbol", "tick_size", "lot_size", "rounding"))
    named = {}
    for path in paths:
        told = _told_by_name(path)
        if told is None:
            hint = "LEAN writes names like 20180404_btcusd_minute_trade.csv; else import it as bars"
            raise failure(path, "", "its name does not tell day, symbol and length of a bar", hint)
        named[path] = told
    first = named[paths[0]]
    for path, told in named.items():
        if (told.symbol, told.interval, told.quotes) != (first.symbol, first.interval, first.quotes):
            raise failure(path, "", f"is of another symbol or kind than {paths[0].name}", "import it on its own")
    symbol = options.symbol or first.symbol
    findings.say(f"day, length of a bar and {symbol} are told by the files' names")
    dates = {path: told.date for path, told in named.items()}
    if first.quotes:
        return LeanQuotes(
            paths, symbol, first.interval, dates, findings, meter, StepColumn(options.tick_size), _sizes(options)
        )
    mapping = BarMapping(
        TRADE_COLUMNS,
        symbol=symbol,
        interval=first.interval,
        time_unit="ms",
        dates=dates,
        tick_size=options.tick_size,
        lot_size=options.lot_size,
        rounding=options.rounding,
        header=False,
    )
    return BarFiles(paths, mapping, findings, meter)


def _sizes(options: Options) -> StepColumn:
    return StepColumn(options.lot_size, rounding=options.rounding)


@dataclass(slots=True)
class LeanQuotes(Reader):
    """Reader of bars of quotes, as tables of rows."""

    paths: Sequence[Path]
    symbol: str
    interval: int
    dates: dict[Path, datetime.date]
    findings: Findings
    meter: Meter
    prices: StepColumn
    sizes: StepColumn
    _grid: Grid = field(init=False)
    _seq: int = 0
    _last: int = -(2**62)

    def __post_init__(self) -> None:
        self._grid = Grid(self.symbol, self.interval, self.findings)

    def instruments(self) -> dict[str, tuple[Decimal, Decimal]]:
        """Return tick and lot size of the symbol."""
        return {self.symbol: (self.prices.step, self.sizes.step)}

    def tables(self) -> Iterator[pa.Table]:
        """Yield the rows, in order. Raises RecordingError for the first mistake."""
        for path in self.paths:
            row = 1
            for chunk in read_columns(path, Wanted(QUOTE_COLUMNS, header=False), self.meter):
                yield self._table(path, row, chunk)
                row += len(chunk["time"])
        self.findings.say("of each bar of quotes, the last quote is kept, at the end of the bar")

    def _table(self, path: Path, row: int, chunk: Chunk) -> pa.Table:
        time = TimeColumn("ms", self.dates[path]).read(path, "time", chunk["time"], row)
        self._last = check_order(path, row, time, self._last)
        self._grid.check(path, row, time)
        numbers = {name: self._numbers(path, name, chunk, row) for name in QUOTE_COLUMNS if name != "time"}
        holds = (numbers["bid"] > 0) & (numbers["ask"] > numbers["bid"])
        if not holds.all():
            where = f"{path.name} row {row + int(np.argmin(holds))}"
            count = int(np.count_nonzero(~holds))
            self.findings.count("quote without two sides", self.symbol, where, "is left out", count)
        kept = np.flatnonzero(holds)
        columns: dict[str, Any] = {name: values[kept] for name, values in numbers.items()}
        columns["time"] = time[kept] + self.interval
        columns["seq"] = np.arange(self._seq + 1, self._seq + len(kept) + 1)
        for name, value in (("channel", "quote"), ("symbol", self.symbol), ("type", "update")):
            columns[name] = constant(name, value, len(kept))
        self._seq += len(kept)
        return row_table(len(kept), columns)

    def _numbers(self, path: Path, name: str, chunk: Chunk, row: int) -> Any:
        steps = self.prices if name in ("bid", "ask") else self.sizes
        units = steps.read(path, name, zero_where_missing(chunk[name]), row, least=0)
        return units / 10.0**steps.places


def _detect(beginning: Beginning) -> str | None:
    if beginning.path.suffix.lower() == ".zip" and _told_by_name(beginning.path) is not None:
        return "the name tells day, symbol and length of a bar as LEAN's do"
    return None


LEAN = Format("lean", "LEAN's zip files of bars of trades or quotes", _lean_files, _detect)
