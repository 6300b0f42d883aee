"""Beginning of a table, whoever wrote it: names or first cells of its columns, and what is between the cells."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pyarrow as pa
import pyarrow.csv as pc_csv
import pyarrow.parquet as pq

from feed.errors import failure
from feed.importing.jsontables import json_table
from feed.importing.opening import FEATHER, JSON, PARQUET, kind_of, opened, reading_errors

__all__ = ["Head", "folded", "head_of", "text_head"]

FIRST_LINE = 1 << 20

SEEN_LINES = 8
"""The number of lines among which the first line of a table is looked for."""

DELIMITERS = (",", ";", "\t", "|")
"""Characters between cells; the first one where a line has none of them."""


@dataclass(frozen=True, slots=True)
class Head:
    """Beginning of a file.

    Attributes:
        table: the kind of a file of typed columns; empty for text.
        cells: the names of its columns, or the cells of its first line.
        member: the name inside a zip.
        delimiter: the character between cells of a text.
        skipped: lines before the first one, which are no part of the table.
        types: the types of its columns, where they have some.
        sample: the cells of a text's second line.
        rows: the first rows of arrays of JSON, whose columns have no names.
        symbol: what is traded, where JSON tells it beside the rows.
    """

    table: str
    cells: tuple[str, ...]
    member: str = ""
    delimiter: str = ","
    skipped: int = 0
    types: tuple[pa.DataType, ...] = ()
    sample: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    symbol: str = ""

    @property
    def parquet(self) -> bool:
        """Tell whether it is Parquet."""
        return self.table == PARQUET

    @property
    def named(self) -> bool:
        """Tell whether the cells are names, and not the first row."""
        if self.table:
            return not self.rows
        return not any(_is_number(cell) for cell in self.cells)


def head_of(path: Path, delimiter: str | None = None) -> Head:
    """Return the beginning of a file; without a delimiter, the one that its lines have in common.

    Raises:
        RecordingError: the file does not exist, cannot be read or is empty.
    """
    with reading_errors(path), opened(path) as (stream, _, member):
        kind = kind_of(path, stream)
        if kind == JSON:
            table = json_table(path, stream)
            first = [tuple(cell or "" for cell in row) for row in table.first_rows()]
            nameless = tuple(first) if table.nameless else ()
            cells = first[0] if table.nameless else tuple(table.names)
            return Head(kind, cells, member, sample=first[0], rows=nameless, symbol=table.symbol)
        if kind:
            schema = pa.ipc.open_file(stream).schema if kind == FEATHER else pq.ParquetFile(stream).schema_arrow
            return Head(kind, tuple(schema.names), member, types=tuple(schema.types))
        return text_head(path, stream, member, delimiter)


def text_head(path: Path, stream: IO[bytes], member: str, delimiter: str | None) -> Head:
    """Return the beginning of a text, and rewind the stream to its beginning."""
    lines = [line for _ in range(SEEN_LINES) if (line := stream.readline(FIRST_LINE))]
    stream.seek(0)
    if len(lines) == 1 and b"\r" in lines[0].rstrip(b"\r\n"):
        lines = [line + b"\r" for line in lines[0].split(b"\r")[:SEEN_LINES]]
    if not lines or not any(line.strip() for line in lines):
        raise failure(path, "", "the file is empty")
    between = delimiter or _delimiter(lines)
    first = next((place for place, line in enumerate(lines) if _is_table_line(line, lines, between)), 0)
    second = lines[first + 1] if len(lines) > first + 1 else b""
    sample = tuple(_cells(second, between)) if second.strip() else ()
    return Head("", tuple(_cells(lines[first], between)), member, between, first, sample=sample)


def folded(name: str) -> str:
    """Return a column's name without case, surrounding spaces and characters that are not printed."""
    return (
        "".join(each for each in name if each.isprintable() and unicodedata.category(each) != "Cf").strip().casefold()
    )


def _is_table_line(line: bytes, lines: Sequence[bytes], delimiter: str) -> bool:
    """Tell whether a line has cells like the others, or is a title or a comment before the table."""
    last = next(each for each in reversed(lines) if each.strip())
    mark = delimiter.encode()
    if line.lstrip().startswith(b"#"):
        return line.count(mark) == last.count(mark) > 0
    return bool(line.strip()) and (last.count(mark) == 0 or line.count(mark) > 0)


def _delimiter(lines: Sequence[bytes]) -> str:
    """Return the character between the cells: the one that most lines have equally often, counted from the last.

    Titles before the table have none, and decimals with a comma do not stand in its header.
    """
    seen = [line for line in lines if line.strip()]
    # The last line that was read is cut off where it is long.
    seen = seen[:-1] if len(seen) > 1 and not seen[-1].endswith((b"\n", b"\r")) else seen
    runs = {mark: _even_lines(seen, mark.encode()) for mark in DELIMITERS}
    longest = max(runs.values())
    if longest > 1 or len(seen) < 2:
        fitting = [mark for mark in DELIMITERS if runs[mark] == longest > 0]
        if fitting:
            return max(fitting, key=lambda mark: (mark != ",", seen[-1].count(mark.encode())))
    if any(b"," in line for line in seen) or not _is_columns(seen):
        return ","
    return " "


def _even_lines(lines: Sequence[bytes], mark: bytes) -> int:
    """Return how many of the last lines have a character equally often, and at least once."""
    counts = [line.count(mark) for line in lines]
    return next((run for run, count in enumerate(reversed(counts)) if not count or count != counts[-1]), len(counts))


def _is_columns(lines: Sequence[bytes]) -> bool:
    """Tell whether single spaces separate the cells: as many in each of several lines, without any comma."""
    counts = {line.strip().count(b" ") for line in lines}
    return len(lines) > 1 and len(counts) == 1 and not any(b"," in line or b"  " in line for line in lines)


def _cells(line: bytes, delimiter: str) -> list[str]:
    """Return the cells of a line; a mark of comments before names is none of them."""
    text = (line.lstrip(b"# ") if line.startswith(b"#") else line).rstrip(b"\r\n").decode("utf-8-sig", "replace")
    # Read as text: an id of 20 digits would become a float.
    plain = text.split(delimiter)
    if '"' not in text:
        return [cell.strip() for cell in plain]
    table = pc_csv.read_csv(
        pa.BufferReader(f"{text}\n".encode()),
        read_options=pc_csv.ReadOptions(autogenerate_column_names=True),
        parse_options=pc_csv.ParseOptions(delimiter=delimiter),
        convert_options=pc_csv.ConvertOptions(strings_can_be_null=False),
    )
    if len(plain) == table.num_columns:
        return [cell.strip().strip('"') for cell in plain]
    return [str(column[0].as_py() or "").strip() for column in table.columns]


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
