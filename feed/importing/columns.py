"""Reading of the wanted columns of a CSV or Parquet file, packed or not, in chunks, and of the progress in bytes.

Cells of a CSV that should be numbers and are not stay text: `feed.importing.conversion` names the wrong row.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pyarrow as pa
import pyarrow.csv as pc_csv
import pyarrow.parquet as pq

from feed.data.columns import DECIMALS
from feed.errors import failure
from feed.hints import nearest
from feed.importing.csvblocks import CsvLayout, read_blocks
from feed.importing.opening import FEATHER, PARQUET, kind_of, opened, reading_errors
from feed.scenario.tickfile import Column

__all__ = ["CHUNK_ROWS", "Chunk", "Head", "Meter", "Wanted", "folded", "head_of", "read_columns"]

CHUNK_ROWS = 65_536
"""The number of rows of Parquet that are read at a time."""

Chunk = dict[str, pa.Array]
"""The wanted columns by their key, all of the same length."""

FIRST_LINE = 1 << 20

SEEN_LINES = 5
"""The number of lines among which the first line of a table is looked for."""

DELIMITERS = (",", ";", "\t", "|")
"""Characters between cells; the first one where a line has none of them."""

KINDS = {
    **dict.fromkeys(("time", "received", "trade_id"), pa.int64()),
    **dict.fromkeys((*DECIMALS, "open", "high", "low", "close"), pa.float64()),
}
"""The usual types of a CSV's cells, by key."""


@dataclass(slots=True)
class Meter:
    """Progress of reading the files, in bytes as they are on disk."""

    total: int
    before: int = 0
    here: int = 0

    @property
    def done(self) -> int:
        """The number of bytes read: of finished files, and of the one that is being read."""
        return self.before + self.here

    def next_file(self, size: int) -> None:
        """Count a file of that size as finished."""
        self.before += size
        self.here = 0


@dataclass(frozen=True, slots=True)
class Wanted:
    """Columns by their purpose, and the layout of a CSV.

    `header` None: a header is assumed if a column is wanted by name, or if no cell of the first line is a number.
    """

    columns: Mapping[str, Column]
    delimiter: str | None = None
    header: bool | None = None


@dataclass(frozen=True, slots=True)
class Head:
    """Beginning of a file.

    Attributes:
        table: the kind of a file of typed columns; empty for text.
        cells: the names of its columns, or the cells of a text's first line.
        member: the name inside a zip.
        delimiter: the character between cells of a text.
        skipped: lines before the first one, which are no part of the table.
        types: the types of its columns, where they have some.
        sample: the cells of a text's second line.
    """

    table: str
    cells: tuple[str, ...]
    member: str = ""
    delimiter: str = ","
    skipped: int = 0
    types: tuple[pa.DataType, ...] = ()
    sample: tuple[str, ...] = ()

    @property
    def parquet(self) -> bool:
        """Tell whether it is Parquet."""
        return self.table == PARQUET

    @property
    def named(self) -> bool:
        """Tell whether the cells are names, and not the first row."""
        return bool(self.table) or not any(_is_number(cell) for cell in self.cells)


def head_of(path: Path, delimiter: str | None = None) -> Head:
    """Return the beginning of a file; without a delimiter, the one that its first line has most of.

    Raises:
        RecordingError: the file does not exist, cannot be read or is empty.
    """
    with reading_errors(path), opened(path) as (stream, _, member):
        if kind := kind_of(path, stream):
            schema = pa.ipc.open_file(stream).schema if kind == FEATHER else pq.ParquetFile(stream).schema_arrow
            return Head(kind, tuple(schema.names), member, types=tuple(schema.types))
        return _text_head(path, stream, member, delimiter)


def read_columns(path: Path, wanted: Wanted, meter: Meter) -> Iterator[Chunk]:
    """Yield the wanted columns, in order, a bounded number of rows at a time.

    Raises:
        RecordingError: the file does not exist, cannot be read or lacks a column.
    """
    with reading_errors(path), opened(path) as (stream, raw, _):
        if kind := kind_of(path, stream):
            yield from _read_table(path, wanted, _batches(kind, stream), meter)
        else:
            yield from _read_csv(path, wanted, stream, raw, meter)
    meter.next_file(path.stat().st_size)


@dataclass(frozen=True, slots=True)
class _Table:
    """File of typed columns: their names, its rows if they are known, and its rows by some columns."""

    names: Sequence[str]
    rows: int
    batches: Callable[[list[str]], Iterator[pa.RecordBatch]]


def _batches(kind: str, stream: IO[bytes]) -> _Table:
    if kind == FEATHER:
        feather = pa.ipc.open_file(stream)

        def pieces(names: list[str]) -> Iterator[pa.RecordBatch]:
            for number in range(feather.num_record_batches):
                batch = feather.get_batch(number).select(names)
                for first in range(0, len(batch), CHUNK_ROWS):
                    yield batch.slice(first, CHUNK_ROWS)

        return _Table(feather.schema.names, 0, pieces)
    parquet = pq.ParquetFile(stream)
    return _Table(
        parquet.schema_arrow.names,
        parquet.metadata.num_rows,
        lambda names: parquet.iter_batches(CHUNK_ROWS, columns=names),
    )


def _read_table(path: Path, wanted: Wanted, table: _Table, meter: Meter) -> Iterator[Chunk]:
    names = table.names
    places = {key: names[_place(path, key, column, names)] for key, column in wanted.columns.items()}
    rows, size = 0, path.stat().st_size
    for batch in table.batches(sorted(set(places.values()))):
        rows += len(batch)
        meter.here = min(size, size * rows // max(1, table.rows))
        yield {key: _plain(batch.column(name)) for key, name in places.items()}


def _plain(column: pa.Array) -> pa.Array:
    """Return a column of few distinct or of large texts as one of texts."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _plain(column.dictionary_decode())
    return column.cast(pa.string()) if pa.types.is_large_string(kind) or pa.types.is_string_view(kind) else column


def _read_csv(path: Path, wanted: Wanted, stream: IO[bytes], raw: IO[bytes], meter: Meter) -> Iterator[Chunk]:
    # Columns are found by position: a CSV may have two columns of the same name, or columns without a name.
    head = _text_head(path, stream, "", wanted.delimiter)
    cells, header = head.cells, wanted.header
    if header is None:
        by_name = any(isinstance(column, str) for column in wanted.columns.values())
        header = by_name or head.named
    names = [f"c{index}" for index in range(len(cells))]
    listed = cells if header else [""] * len(cells)
    places = {key: names[_place(path, key, column, listed)] for key, column in wanted.columns.items()}
    kinds = {places[key]: kind for key, kind in KINDS.items() if key in places}
    layout = CsvLayout(names, sorted(set(places.values())), kinds, head.delimiter, header, head.skipped)
    for batch in read_blocks(path, stream, layout):
        meter.here = raw.tell()
        yield {key: batch.column(name) for key, name in places.items()}


def _text_head(path: Path, stream: IO[bytes], member: str, delimiter: str | None) -> Head:
    """Return the beginning of a text, and rewind the stream to its beginning."""
    lines = [line for _ in range(SEEN_LINES) if (line := stream.readline(FIRST_LINE))]
    stream.seek(0)
    if not lines or not any(line.strip() for line in lines):
        raise failure(path, "", "the file is empty")
    first = next((place for place, line in enumerate(lines) if _is_table_line(line, lines)), 0)
    between = delimiter or _delimiter(lines[first])
    second = lines[first + 1] if len(lines) > first + 1 else b""
    sample = tuple(_cells(second, between)) if second.strip() else ()
    return Head("", tuple(_cells(lines[first], between)), member, between, first, sample=sample)


def _is_table_line(line: bytes, lines: Sequence[bytes]) -> bool:
    """Tell whether a line has cells like the others, or is a title or a comment before the table."""
    last = next(each for each in reversed(lines) if each.strip())
    mark = _delimiter(last).encode()
    if line.lstrip().startswith(b"#"):
        return line.count(mark) == last.count(mark) > 0
    return bool(line.strip()) and (last.count(mark) == 0 or line.count(mark) > 0)


def _delimiter(line: bytes) -> str:
    """Return the character between the cells of a line: a comma, unless it has none and another one."""
    if b"," in line:
        return ","
    return max(DELIMITERS, key=lambda mark: line.count(mark.encode()))


def _cells(line: bytes, delimiter: str) -> list[str]:
    """Return the cells of a line; a mark of comments before names is none of them."""
    line = (line.lstrip(b"# ") if line.startswith(b"#") else line).rstrip(b"\r\n") + b"\n"
    table = pc_csv.read_csv(
        pa.BufferReader(line),
        read_options=pc_csv.ReadOptions(autogenerate_column_names=True),
        parse_options=pc_csv.ParseOptions(delimiter=delimiter),
        convert_options=pc_csv.ConvertOptions(strings_can_be_null=False),
    )
    # Read as text: an id of 20 digits would become a float.
    plain = line.decode("utf-8-sig", "replace").rstrip("\r\n").split(delimiter)
    if len(plain) == table.num_columns:
        return [cell.strip().strip('"') for cell in plain]
    return [str(column[0].as_py() or "").strip() for column in table.columns]


def _place(path: Path, key: str, column: Column, names: Sequence[str]) -> int:
    if isinstance(column, int):
        if column < len(names):
            return column
        raise failure(path, key, f"there is no column {column}", f"the file has {len(names)}, counted from 0")
    if column in names:
        return list(names).index(column)
    alike = [place for place, name in enumerate(names) if folded(name) == folded(column)]
    if len(alike) == 1:
        return alike[0]
    near = nearest(column, [name for name in names if name])
    listed = ", ".join(name for name in names[:20] if name) or "no names: give positions from 0"
    hint = f"did you mean {near!r}? " if near else ""
    raise failure(path, key, f"there is no column {column!r}", f"{hint}the file has {listed}")


def folded(name: str) -> str:
    """Return a column's name without case, surrounding spaces and characters that are not printed."""
    return (
        "".join(each for each in name if each.isprintable() and unicodedata.category(each) != "Cf").strip().casefold()
    )


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
