"""Reading of the wanted columns of a CSV or Parquet file, packed or not, in chunks, and of the progress in bytes.

Cells of a CSV that should be numbers and are not stay text: `feed.importing.conversion` names the wrong row.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
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
from feed.importing.opening import is_parquet, opened, reading_errors
from feed.scenario.tickfile import Column

__all__ = ["CHUNK_ROWS", "Chunk", "Head", "Meter", "Wanted", "folded", "head_of", "read_columns"]

CHUNK_ROWS = 65_536
"""The number of rows of Parquet that are read at a time."""

Chunk = dict[str, pa.Array]
"""The wanted columns by their key, all of the same length."""

FIRST_LINE = 1 << 20

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
    delimiter: str = ","
    header: bool | None = None


@dataclass(frozen=True, slots=True)
class Head:
    """Beginning of a file: names of Parquet's columns or the first line's cells, and the name inside a zip."""

    parquet: bool
    cells: tuple[str, ...]
    member: str = ""

    @property
    def named(self) -> bool:
        """Tell whether the cells are names, and not the first row."""
        return self.parquet or not any(_is_number(cell) for cell in self.cells)


def head_of(path: Path, delimiter: str = ",") -> Head:
    """Return the beginning of a file.

    Raises:
        RecordingError: the file does not exist, cannot be read or is empty.
    """
    with reading_errors(path), opened(path) as (stream, _, member):
        if is_parquet(path, stream):
            return Head(True, tuple(pq.ParquetFile(stream).schema_arrow.names))
        return Head(False, tuple(_first_cells(path, stream, delimiter)), member)


def read_columns(path: Path, wanted: Wanted, meter: Meter) -> Iterator[Chunk]:
    """Yield the wanted columns, in order, a bounded number of rows at a time.

    Raises:
        RecordingError: the file does not exist, cannot be read or lacks a column.
    """
    with reading_errors(path), opened(path) as (stream, raw, _):
        if is_parquet(path, stream):
            yield from _read_parquet(path, wanted, stream, meter)
        else:
            yield from _read_csv(path, wanted, stream, raw, meter)
    meter.next_file(path.stat().st_size)


def _read_parquet(path: Path, wanted: Wanted, stream: IO[bytes], meter: Meter) -> Iterator[Chunk]:
    file = pq.ParquetFile(stream)
    names = file.schema_arrow.names
    places = {key: names[_place(path, key, column, names)] for key, column in wanted.columns.items()}
    rows, size = 0, path.stat().st_size
    for batch in file.iter_batches(CHUNK_ROWS, columns=sorted(set(places.values()))):
        rows += len(batch)
        meter.here = size * rows // max(1, file.metadata.num_rows)
        yield {key: batch.column(name) for key, name in places.items()}


def _read_csv(path: Path, wanted: Wanted, stream: IO[bytes], raw: IO[bytes], meter: Meter) -> Iterator[Chunk]:
    # Columns are found by position: a CSV may have two columns of the same name, or columns without a name.
    cells = _first_cells(path, stream, wanted.delimiter)
    header = wanted.header
    if header is None:
        by_name = any(isinstance(column, str) for column in wanted.columns.values())
        header = by_name or Head(False, tuple(cells)).named
    names = [f"c{index}" for index in range(len(cells))]
    listed = cells if header else [""] * len(cells)
    places = {key: names[_place(path, key, column, listed)] for key, column in wanted.columns.items()}
    kinds = {places[key]: kind for key, kind in KINDS.items() if key in places}
    layout = CsvLayout(names, sorted(set(places.values())), kinds, wanted.delimiter, header)
    for batch in read_blocks(path, stream, layout):
        meter.here = raw.tell()
        yield {key: batch.column(name) for key, name in places.items()}


def _first_cells(path: Path, stream: IO[bytes], delimiter: str) -> list[str]:
    """Return the first line's cells, and rewind the stream to its beginning."""
    line = stream.readline(FIRST_LINE)
    stream.seek(0)
    if not line.strip():
        raise failure(path, "", "the file is empty")
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
