"""Reading of the wanted columns of a CSV or Parquet file, packed or not, in chunks, and of the progress in bytes.

Cells of a CSV that should be numbers and are not stay text: `feed.importing.conversion` names the wrong row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from feed.data.columns import DECIMALS
from feed.errors import failure
from feed.hints import nearest
from feed.importing.csvblocks import CsvLayout, read_blocks
from feed.importing.heads import Head, folded, text_head
from feed.importing.jsontables import JsonTable, json_table
from feed.importing.numbertexts import people_numbers
from feed.importing.opening import FEATHER, JSON, kind_of, opened, reading_errors
from feed.scenario.tickfile import Column

__all__ = ["CHUNK_ROWS", "Chunk", "Meter", "Wanted", "read_columns"]

CHUNK_ROWS = 65_536
"""The number of rows of Parquet that are read at a time."""

Chunk = dict[str, pa.Array]
"""The wanted columns by their key, all of the same length."""

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


def _silent(_: str) -> None:
    """Take a remark of which nobody wants to know."""


def read_columns(path: Path, wanted: Wanted, meter: Meter, say: Callable[[str], None] = _silent) -> Iterator[Chunk]:
    """Yield the wanted columns, in order, a bounded number of rows at a time.

    Args:
        path: the file.
        wanted: the columns. A column `day` is put in front of the times.
        meter: progress.
        say: told what was done with the file's spelling.

    Raises:
        RecordingError: the file does not exist, cannot be read or lacks a column.
    """
    with reading_errors(path), opened(path) as (stream, raw, _):
        if kind := kind_of(path, stream):
            chunks = _read_table(path, wanted, _table(path, kind, stream), meter)
            commas_separate = True
        else:
            head = text_head(path, stream, "", wanted.delimiter)
            chunks = _read_csv(path, wanted, stream, raw, meter, head, say)
            commas_separate = head.delimiter == ","
        for chunk in chunks:
            yield _with_days(_with_numbers(chunk, commas_separate, say))
    meter.next_file(path.stat().st_size)


def _with_numbers(chunk: Chunk, commas_separate: bool, say: Callable[[str], None]) -> Chunk:
    """Return the columns, those of texts that are numbers as numbers."""
    for key, column in chunk.items():
        if pa.types.is_string(column.type) and KINDS.get(key) == pa.float64():
            chunk[key] = people_numbers(column, commas_separate, say)
    return chunk


def _with_days(chunk: Chunk) -> Chunk:
    """Return the columns with one of times in place of a day and a time of it."""
    if "day" in chunk:
        day, time = (pc.utf8_trim_whitespace(chunk[key].cast(pa.string())) for key in ("day", "time"))
        chunk["time"] = pc.binary_join_element_wise(day, time, " ")
        del chunk["day"]
    return chunk


@dataclass(frozen=True, slots=True)
class _Table:
    """File of typed columns.

    Attributes:
        names: names of the columns, which are empty in a file without any.
        rows: the number of its rows, if it is known.
        batches: function that reads some columns by their keys.
        keys: the keys of the columns; their names, if None.
    """

    names: Sequence[str]
    rows: int
    batches: Callable[[list[str]], Iterator[pa.RecordBatch]]
    keys: Sequence[str] | None = None


def _table(path: Path, kind: str, stream: IO[bytes]) -> _Table:
    if kind == JSON:
        return _of_json(json_table(path, stream))
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


def _of_json(table: JsonTable) -> _Table:
    names = table.names if not table.nameless else [""] * len(table.names)

    def pieces(wanted: list[str]) -> Iterator[pa.RecordBatch]:
        yield from table.batches(wanted)

    return _Table(names, len(table.rows), pieces, table.names)


def _read_table(path: Path, wanted: Wanted, table: _Table, meter: Meter) -> Iterator[Chunk]:
    names = table.keys or table.names
    places = {key: names[_place(path, key, column, table.names)] for key, column in wanted.columns.items()}
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


def _read_csv(
    path: Path,
    wanted: Wanted,
    stream: IO[bytes],
    raw: IO[bytes],
    meter: Meter,
    head: Head,
    say: Callable[[str], None],
) -> Iterator[Chunk]:
    # Columns are found by position: a CSV may have two columns of the same name, or columns without a name.
    cells, header = head.cells, wanted.header
    if header is None:
        by_name = any(isinstance(column, str) for column in wanted.columns.values())
        header = by_name or head.named
    # Some writers end every line but the header with a delimiter.
    spare = len(head.sample) - len(cells) if not any(head.sample[len(cells) :]) else 0
    listed = [*(cells if header else [""] * len(cells)), *[""] * spare]
    names = [f"c{index}" for index in range(len(listed))]
    places = {key: names[_place(path, key, column, listed)] for key, column in wanted.columns.items()}
    kinds = {places[key]: kind for key, kind in KINDS.items() if key in places and "day" not in places}
    layout = CsvLayout(names, sorted(set(places.values())), kinds, head.delimiter, header, head.skipped, cells)
    for batch in read_blocks(path, stream, layout, say):
        meter.here = raw.tell()
        yield {key: batch.column(name) for key, name in places.items()}


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
