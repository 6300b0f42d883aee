"""Tables in JSON: rows as objects or arrays, or columns, at any place of a document; or one object a line.

Answers of exchanges wrap their rows (`{"result": {"XXBTZUSD": [[…]]}}`); the longest list in a document is taken. Every
value becomes the text that the file has, so that numbers keep their digits; what is nested stays JSON.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import orjson
import pyarrow as pa

from feed.errors import failure

__all__ = ["JsonTable", "json_table"]

SEEN_ROWS = 50
"""The number of rows that show what a table has."""

CHUNK_ROWS = 65_536

BOOK_KEYS = ("bids", "asks")

SYMBOL_KEYS = ("symbol", "pair", "product_id", "instrument_name", "instId")
"""Keys beside a list of rows whose text is what is traded."""

_decoder = json.JSONDecoder(parse_float=str)


@dataclass(frozen=True, slots=True)
class JsonTable:
    """Rows of a document.

    Attributes:
        names: the names of the columns; their positions where rows are arrays.
        rows: objects, or arrays.
        nameless: rows are arrays.
        symbol: what is traded, by a key beside the rows or by the key of the list itself; empty if nothing tells it.
    """

    names: Sequence[str]
    rows: Sequence[Any]
    nameless: bool
    symbol: str = ""

    def first_rows(self) -> list[tuple[str | None, ...]]:
        """Return the first rows as texts."""
        return [tuple(_text(self._cell(row, name)) for name in self.names) for row in self.rows[:SEEN_ROWS]]

    def batches(self, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Yield some columns as text, a bounded number of rows at a time."""
        for first in range(0, len(self.rows), CHUNK_ROWS):
            rows = self.rows[first : first + CHUNK_ROWS]
            columns = [pa.array([_text(self._cell(row, name)) for row in rows], pa.string()) for name in names]
            yield pa.RecordBatch.from_arrays(columns, names=list(names))

    def _cell(self, row: Any, name: str) -> Any:
        if not self.nameless:
            return row.get(name)
        place = int(name)
        return row[place] if place < len(row) else None


def json_table(path: Path, stream: IO[bytes]) -> JsonTable:
    """Return the table in a file of JSON.

    Raises:
        RecordingError: it is damaged, or has no rows.
    """
    content = stream.read().removeprefix(b"\xef\xbb\xbf")
    stream.seek(0)
    try:
        document = _decoder.decode(content.decode().strip())
    except (ValueError, RecursionError) as error:
        lines = _lines(path, content, error)
        return _table(path, lines, "")
    found = max(_lists(document, "", ""), key=lambda each: len(each[0]), default=None)
    if found is None:
        raise failure(path, "", "there are no rows in this JSON", "rows are objects or arrays in a list")
    return _table(path, found[0], found[1])


def _lines(path: Path, content: bytes, error: Exception) -> list[Any]:
    """Return the rows of a file with one object or array a line; a last line that was cut off is left out."""
    rows = []
    lines = content.decode("utf-8", "replace").splitlines()
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            rows.append(_decoder.decode(line.strip().rstrip(",")))
        except (ValueError, RecursionError) as wrong:
            if number == len(lines) > 1 and rows:
                break
            if not rows:
                raise failure(path, "", f"is no JSON: {error}", "is it cut off?") from None
            raise failure(path, f"line {number}", f"is no JSON: {wrong}") from None
    return rows


def _table(path: Path, rows: Sequence[Any], symbol: str) -> JsonTable:
    if not rows:
        raise failure(path, "", "there are no rows in this JSON")
    kind = type(rows[0])
    odd = next((number for number, row in enumerate(rows, 1) if type(row) is not kind), None)
    if odd is not None or kind not in (dict, list):
        hint = "rows are all objects, or all arrays"
        raise failure(path, f"row {odd or 1}", "is no row like the first one", hint)
    if kind is list:
        width = max(len(row) for row in rows[:SEEN_ROWS])
        return JsonTable([str(place) for place in range(width)], rows, True, symbol)
    return JsonTable(list(dict.fromkeys(name for row in rows[:SEEN_ROWS] for name in row)), rows, False, symbol)


def _lists(value: Any, key: str, symbol: str) -> Iterator[tuple[list[Any], str]]:
    """Yield the lists of rows in a document, each with what is traded."""
    if isinstance(value, list):
        if value and isinstance(value[0], dict | list):
            yield value, symbol or key
        return
    if not isinstance(value, dict):
        return
    symbol = next((value[name] for name in SYMBOL_KEYS if isinstance(value.get(name), str)), symbol)
    if all(isinstance(value.get(name), list) for name in BOOK_KEYS):
        yield [_with_time(value)], symbol or key
        return
    if (rows := _rows_of_columns(value)) is not None:
        yield rows, symbol or key
        return
    for name, inner in value.items():
        yield from _lists(inner, str(name), symbol)


def _with_time(book: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the snapshot of a book; where its levels alone have times, with the latest of them."""
    times = [row[2] for name in BOOK_KEYS for row in book[name] if isinstance(row, list) and len(row) == 3]
    if any(not isinstance(value, list | dict) and name not in BOOK_KEYS for name, value in book.items()) or not times:
        return book
    return {**book, "time": max(times, key=float)}


def _rows_of_columns(value: Mapping[str, Any]) -> list[Any] | None:
    """Return the rows of columns: lists, or objects by row, of the same length under two keys or more."""
    columns = {
        name: list(each.values()) if isinstance(each, dict) else each
        for name, each in value.items()
        if isinstance(each, list | dict) and each
    }
    sizes = {len(each) for each in columns.values()}
    if len(columns) < 2 or len(sizes) != 1 or any(isinstance(each[0], dict | list) for each in columns.values()):
        return None
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return orjson.dumps(value).decode() if isinstance(value, dict | list) else str(value)
