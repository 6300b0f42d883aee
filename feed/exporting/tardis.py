"""Tardis's CSV: trades, quotes, incremental_book_L2 and book_snapshot_N, one packed file a day and symbol.

Columns and units as Tardis documents them: times in us since 1970, `exchange_kind_day_symbol.csv.gz` as the name, days
by `local_timestamp`.
"""

from __future__ import annotations

import contextlib
import gzip
from bisect import bisect_left, insort
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa

from feed.exporting.rows import BookMessage, ExportRows, clock_column, exact_text
from feed.exporting.target import ExportOptions, ExportTarget, Written
from feed.units import DAY, MICROSECOND, SECOND

__all__ = ["TARDIS_CSV"]

HEAD = ("exchange", "symbol", "timestamp", "local_timestamp")
TRADES = (*HEAD, "id", "side", "price", "amount")
QUOTES = (*HEAD, "ask_amount", "ask_price", "bid_price", "bid_amount")
UPDATES = (*HEAD, "is_snapshot", "side", "price", "amount")


class _Days:
    """Files of one kind, each with the rows of one day and symbol; one day is open at a time for each symbol."""

    def __init__(self, folder: Path, venue: str, kind: str, columns: Sequence[str], done: Written) -> None:
        self._folder, self._venue, self._kind, self._columns = folder, venue, kind, columns
        self._open: dict[str, tuple[int, contextlib.ExitStack, IO[bytes]]] = {}
        self._done = done

    def write(self, symbol: str, received: int, lines: Sequence[str]) -> None:
        """Write lines of one day."""
        day = received // DAY
        known = self._open.get(symbol)
        if known is None or known[0] != day:
            if known is not None:
                known[1].close()
            self._open[symbol] = known = (day, *self._file(symbol, day))
        known[2].write("".join(lines).encode())
        self._done.count(self._kind, len(lines))

    def close(self) -> None:
        """Close all files."""
        for _, stack, _ in self._open.values():
            stack.close()

    def _file(self, symbol: str, day: int) -> tuple[contextlib.ExitStack, IO[bytes]]:
        date = datetime.fromtimestamp(day * DAY // SECOND, UTC)
        path = self._folder / f"{self._venue}_{self._kind}_{date:%Y-%m-%d}_{_id(symbol)}.csv.gz"
        # A symbol whose days are not in order comes back to a file that was closed.
        fresh = not path.exists()
        stack = contextlib.ExitStack()
        raw = stack.enter_context(path.open("ab"))
        # Without a time in its header a packed file has the same bytes on every run.
        file: Any = stack.enter_context(gzip.GzipFile("", "ab", 6, raw, mtime=0))
        if fresh:
            file.write((",".join(self._columns) + "\n").encode())
        return stack, file


def _write(rows: ExportRows, out: Path, options: ExportOptions) -> Written:
    done, venue = Written(), options.venue or rows.venue
    if "trading" in rows.channels:
        _write_rows(rows, "trading", _Days(out, venue, "trades", TRADES, done), _trade_lines, venue)
    if "quote" in rows.channels:
        _write_rows(rows, "quote", _Days(out, venue, "quotes", QUOTES, done), _quote_lines, venue)
    if "book" in rows.channels:
        _write_books(rows, _Days(out, venue, "incremental_book_L2", UPDATES, done), venue)
        if options.levels:
            kind = f"book_snapshot_{options.levels}"
            _write_snapshots(
                rows, _Days(out, venue, kind, _snapshot_columns(options.levels), done), venue, options.levels
            )
    done.say("times are us, as Tardis has them: what is finer is cut off")
    done.say("a row whose recorder noted no arrival has its exchange's time as local_timestamp")
    return done


def _write_rows(rows: ExportRows, channel: str, days: _Days, lines_of: Any, venue: str) -> None:
    for table in rows.tables(channel):
        received = clock_column(table, "received")
        symbols = table["symbol"].cast(pa.string()).to_pylist()
        # Runs of one symbol and one day.
        named = np.array(symbols)
        edges = np.flatnonzero((named[1:] != named[:-1]) | (np.diff(received // DAY) != 0)) + 1
        lines = lines_of(rows, table, venue)
        begins = [0, *edges.tolist()]
        for first, last in zip(begins, [*begins[1:], len(lines)], strict=True):
            days.write(symbols[first], int(received[first]), lines[first:last])
    days.close()


def _trade_lines(rows: ExportRows, table: pa.Table, venue: str) -> list[str]:
    columns = (
        *_heads(table, venue),
        ["" if each is None else str(each) for each in table["trade_id"].to_pylist()],
        [each or "unknown" for each in table["side"].cast(pa.string()).to_pylist()],
        exact_text(table, "price", rows.instruments).to_pylist(),
        exact_text(table, "size", rows.instruments).to_pylist(),
    )
    return _lines(columns)


def _quote_lines(rows: ExportRows, table: pa.Table, venue: str) -> list[str]:
    names = ("ask_size", "ask", "bid", "bid_size")
    texts = [exact_text(table, name, rows.instruments).to_pylist() for name in names]
    return _lines((*_heads(table, venue), *([each or "" for each in column] for column in texts)))


def _heads(table: pa.Table, venue: str) -> tuple[list[str], ...]:
    symbols = [_id(each) for each in table["symbol"].cast(pa.string()).to_pylist()]
    times = ((clock_column(table, name) // MICROSECOND).astype(str).tolist() for name in ("time", "received"))
    return [venue] * len(symbols), symbols, *times


def _lines(columns: Sequence[Sequence[str]]) -> list[str]:
    return [",".join(cells) + "\n" for cells in zip(*columns, strict=True)]


def _write_books(rows: ExportRows, days: _Days, venue: str) -> None:
    for message in rows.books():
        head = f"{venue},{_id(message.symbol)},{message.time // MICROSECOND},{message.received // MICROSECOND}"
        whole = "true" if message.whole else "false"
        lines = [
            f"{head},{whole},{side},{_plain(price)},{_plain(size)}\n"
            for side, levels in (("bid", message.bids), ("ask", message.asks))
            for price, size in levels
        ]
        if lines:
            days.write(message.symbol, message.received, lines)
    days.close()


def _snapshot_columns(levels: int) -> tuple[str, ...]:
    cells = (f"{side}[{n}].{what}" for n in range(levels) for side in ("asks", "bids") for what in ("price", "amount"))
    return (*HEAD, *cells)


def _write_snapshots(rows: ExportRows, days: _Days, venue: str, levels: int) -> None:
    """Write the best levels after every change of them."""
    books: dict[str, _Levels] = {}
    last: dict[str, str] = {}
    for message in rows.books():
        book = books.setdefault(message.symbol, _Levels())
        book.apply(message)
        cells = ",".join(book.cells(levels))
        if cells != last.get(message.symbol):
            last[message.symbol] = cells
            head = f"{venue},{_id(message.symbol)},{message.time // MICROSECOND},{message.received // MICROSECOND}"
            days.write(message.symbol, message.received, [f"{head},{cells}\n"])
    days.close()


class _Side:
    """One side of a book: levels as written by their rank, which grows with the distance from the best price."""

    def __init__(self, sign: int) -> None:
        self._sign = sign
        self._levels: dict[float, tuple[str, str]] = {}
        self._ranks: list[float] = []

    def apply(self, whole: bool, levels: Sequence[Any]) -> None:
        """Apply the levels of a message."""
        if whole:
            self._levels.clear()
            self._ranks.clear()
        for price, size in levels:
            rank = self._sign * float(price)
            known = rank in self._levels
            if float(size):
                self._levels[rank] = (_plain(price), _plain(size))
                if not known:
                    insort(self._ranks, rank)
            elif known:
                del self._levels[rank]
                del self._ranks[bisect_left(self._ranks, rank)]

    def best(self, count: int) -> list[tuple[str, str]]:
        """Return the best levels; one that does not exist is empty."""
        found = [self._levels[rank] for rank in self._ranks[:count]]
        return found + [("", "")] * (count - len(found))


class _Levels:
    """Book as it stands."""

    def __init__(self) -> None:
        self._bids, self._asks = _Side(-1), _Side(1)

    def apply(self, message: BookMessage) -> None:
        """Apply a message."""
        self._bids.apply(message.whole, message.bids)
        self._asks.apply(message.whole, message.asks)

    def cells(self, count: int) -> list[str]:
        """Return price and amount of the best asks and bids in turn."""
        pairs = zip(self._asks.best(count), self._bids.best(count), strict=True)
        return [cell for both in pairs for level in both for cell in level]


def _plain(number: Any) -> str:
    """Return a number without an exponent."""
    return f"{Decimal(str(number)):f}"


def _id(symbol: str) -> str:
    return symbol.replace("/", "")


TARDIS_CSV = ExportTarget(
    "tardis",
    "a folder of Tardis's CSV: trades, quotes, incremental_book_L2, and book_snapshot_N with `--levels N`",
    _write,
    (),
    ("levels", "venue"),
)
