"""Opens a file of trades, CSV or Parquet, packed or not, and gives its wanted columns chunk by chunk.

What comes out is still as the file has it: text for a CSV, whatever type it was for Parquet.
"""

from __future__ import annotations

import contextlib
import gzip
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.csv as pc_csv
import pyarrow.parquet as pq

from feed.errors import failure
from feed.hints import nearest
from feed.scenario.tickfile import Column, TickFile

__all__ = ["CHUNK_ROWS", "Chunk", "check_text", "read_chunks"]

CHUNK_ROWS = 65_536
"""Rows of Parquet that are read at a time."""

CHUNK_BYTES = 4 * 1024 * 1024
"""Bytes of a CSV that are read at a time."""

Chunk = dict[str, pa.Array]
"""The wanted columns by their key, of the same length."""


_PACKED = "it is packed with {}", "unpack it, or pack it with gzip"
_OTHER = "it is {}", "write it as CSV or as Parquet"
_SUFFIX = "it is {}", "its name has to end in {}"

_MARKS = (
    (b"\xfd7zXZ\x00", "xz", _PACKED),
    (b"\x28\xb5\x2f\xfd", "zstd", _PACKED),
    (b"BZh", "bzip2", _PACKED),
    (b"\x04\x22\x4d\x18", "lz4", _PACKED),
    (b"7z\xbc\xaf\x27\x1c", "7-Zip", _PACKED),
    (b"Rar!", "rar", _PACKED),
    (b"ARROW1", "a Feather file", _OTHER),
    (b"FEA1", "a Feather file", _OTHER),
    (b"\x89HDF", "an HDF5 file", _OTHER),
    (b"SQLite format 3", "a database of SQLite", _OTHER),
    (b"PAR1", "a Parquet file", (_SUFFIX[0], _SUFFIX[1].format(".parquet"))),
    (b"\x1f\x8b", "packed with gzip", (_SUFFIX[0], _SUFFIX[1].format(".gz"))),
    (b"PK\x03\x04", "a zip, or a spreadsheet", (_SUFFIX[0], _SUFFIX[1].format(".zip") + ", with one CSV in it")),
    (b"\xff\xfe", "text in UTF-16", ("it is {}", "save it as UTF-8")),
    (b"\xfe\xff", "text in UTF-16", ("it is {}", "save it as UTF-8")),
)
"""How files begin that are no text."""

MANY = 0.1
"""Of the characters of a line; text has hardly any that cannot be printed."""


def check_text(path: Path, begin: bytes) -> None:
    """Refuse a file that is no text. Raises RecordingError, which says what it is.

    Args:
        path: the file.
        begin: its first line, or the beginning of it.
    """
    for mark, kind, (message, hint) in _MARKS:
        if begin.startswith(mark):
            raise failure(path, "", message.format(kind), hint)
    shown = begin[:1024].decode("utf-8", "replace").replace("\t", " ").rstrip("\r\n")
    odd = sum(not each.isprintable() or each == "\ufffd" for each in shown)
    if "\0" in shown or odd > MANY * len(shown):
        raise failure(path, "", "it is no text", _OTHER[1])


def read_chunks(spec: TickFile, path: Path) -> Iterator[Chunk]:
    """The wanted columns of a file, in order, a bounded number of rows at a time.

    Raises:
        RecordingError: for a file that is not there, cannot be read or lacks a column.
    """
    if path.is_dir():
        raise failure(path, "", "this is a folder", "name a CSV or Parquet file in it")
    try:
        with contextlib.ExitStack() as stack:
            read = _read_parquet if _format(spec, path) == "parquet" else _read_csv
            yield from read(spec, path, _opened(path, stack))
    except FileNotFoundError:
        raise failure(path, "", "there is no such file") from None
    except (EOFError, gzip.BadGzipFile, zipfile.BadZipFile) as error:
        raise failure(path, "", f"the packed file is damaged or cut off: {error}") from None
    except (OSError, pa.ArrowException, ValueError) as error:
        raise failure(path, "", f"cannot be read: {_first_line(error)}") from None


def _format(spec: TickFile, path: Path) -> str:
    if spec.format is not None:
        return spec.format
    suffixes = [suffix.lower() for suffix in path.suffixes if suffix.lower() not in (".gz", ".zip")]
    if suffixes and suffixes[-1] in (".parquet", ".pq"):
        return "parquet"
    # LEAN and others name the zip after the day and the file in it .csv.
    return "csv"


def _opened(path: Path, stack: contextlib.ExitStack) -> IO[bytes] | gzip.GzipFile:
    """The bytes of the file, unpacked on the way."""
    suffix = path.suffix.lower()
    if suffix == ".gz":
        return stack.enter_context(gzip.open(path, "rb"))
    if suffix == ".zip":
        archive = stack.enter_context(zipfile.ZipFile(path))
        members = [name for name in archive.namelist() if not name.endswith("/")]
        if len(members) != 1:
            raise failure(path, "", f"holds {len(members)} files", "pack the one with the trades alone")
        return stack.enter_context(archive.open(members[0]))
    return stack.enter_context(path.open("rb"))


def _read_parquet(spec: TickFile, path: Path, stream: IO[bytes] | gzip.GzipFile) -> Iterator[Chunk]:
    file = pq.ParquetFile(stream)
    places = _places(spec, path, file.schema_arrow.names)
    names = [file.schema_arrow.names[place] for place in places.values()]
    for batch in file.iter_batches(CHUNK_ROWS, columns=sorted(set(names))):
        yield {key: batch.column(name) for key, name in zip(places, names, strict=True)}


def _read_csv(spec: TickFile, path: Path, stream: IO[bytes] | gzip.GzipFile) -> Iterator[Chunk]:
    # Names are looked up in the header by position: a CSV may have two columns of the same name, or of none.
    header, names = _first_row(spec, path, stream)
    places = _places(spec, path, header if spec.has_header else [""] * len(header))
    wanted = {key: names[place] for key, place in places.items()}
    reader = pc_csv.open_csv(
        stream,
        read_options=pc_csv.ReadOptions(
            column_names=names, skip_rows=1 if spec.has_header else 0, block_size=CHUNK_BYTES, use_threads=False
        ),
        parse_options=pc_csv.ParseOptions(delimiter=spec.delimiter),
        # As text: our own conversion can say which row is wrong, and reads times exactly.
        convert_options=pc_csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()),
            include_columns=sorted(set(wanted.values())),
            strings_can_be_null=False,
        ),
    )
    for batch in reader:
        yield {key: batch.column(name) for key, name in wanted.items()}


def _first_row(spec: TickFile, path: Path, stream: IO[bytes] | gzip.GzipFile) -> tuple[list[str], list[str]]:
    """The first line's cells and a made-up unique name for each column; the stream is back at its beginning."""
    line = stream.readline(1 << 20)
    check_text(path, line)
    if not line.strip():
        raise failure(path, "", "the file is empty")
    stream.seek(0)
    table = pc_csv.read_csv(
        pa.BufferReader(line),
        read_options=pc_csv.ReadOptions(autogenerate_column_names=True),
        parse_options=pc_csv.ParseOptions(delimiter=spec.delimiter),
        convert_options=pc_csv.ConvertOptions(strings_can_be_null=False),
    )
    cells = [str(column[0].as_py() or "").strip() for column in table.columns]
    return cells, [f"c{index}" for index in range(len(cells))]


def _places(spec: TickFile, path: Path, names: Sequence[str]) -> dict[str, int]:
    return {key: _place(path, key, column, names) for key, column in spec.columns.items()}


def _place(path: Path, key: str, column: Column, names: Sequence[str]) -> int:
    if isinstance(column, int):
        if column < len(names):
            return column
        raise failure(path, key, f"there is no column {column}", f"the file has {len(names)}, counted from 0")
    if column in names:
        return names.index(column)
    near = nearest(column, [name for name in names if name])
    listed = ", ".join(name for name in names[:20] if name) or "no names: give positions from 0"
    hint = f"did you mean {near!r}? " if near else ""
    raise failure(path, key, f"there is no column {column!r}", f"{hint}the file has {listed}")


def _first_line(error: Any) -> str:
    return str(error).strip().split("\n")[0][:300]
