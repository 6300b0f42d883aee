"""Reader of a finished recording: rows in order, in bounded memory, with every damage reported."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import ValidationError

from feed.errors import failure
from feed.tape.clocks import rows_of_file
from feed.tape.layout import CLOCKS_COLUMN, FORMAT_VERSION, INFO_KEY, SCHEMA, RecordingInfo
from feed.tape.sealing import MARK_KEY, SEAL_KEY, Seal, open_seal

__all__ = ["BATCH_ROWS", "RecordingReader", "is_recording", "open_recording"]

BATCH_ROWS = 65_536
"""Maximum number of rows of a batch from a reader."""

PART_SUFFIX = ".part"

OWN_KEYS = frozenset((INFO_KEY, MARK_KEY, SEAL_KEY))
"""Keys of the metadata that only recordings have; with damage in one of them the others still tell."""

DAMAGED = (OSError, pa.ArrowException, ValueError)
"""Errors by which Arrow reports damage; a name that is no UTF-8 any more is a ValueError."""


def is_recording(path: Path) -> bool:
    """Tell whether `open_recording` should open a file, or report its error; False for files of other writers."""
    if path.suffix == PART_SUFFIX or not path.is_file():
        return True
    if path.suffix.lower() not in (".parquet", ".pq"):
        return False
    try:
        return not OWN_KEYS.isdisjoint(pq.read_metadata(path).metadata or {})
    except DAMAGED:
        return True


def open_recording(path: Path) -> RecordingReader:
    """Open a recording.

    Raises:
        RecordingError: it does not exist, is no recording, was cut off, is damaged, or is of an unknown format.
    """
    if path.is_dir():
        raise failure(path, "", "this is a folder", "name a recording in it")
    if path.suffix == PART_SUFFIX:
        raise failure(path, "", "this recording was cut off", f"feed recover {path} makes a whole one of it")
    try:
        seal = open_seal(path)
        file = pq.ParquetFile(path, page_checksum_verification=True)
    except FileNotFoundError:
        part = path.with_name(path.name + PART_SUFFIX)
        hint = f"but {part} is, which was cut off: feed recover {part} makes a whole one of it"
        raise failure(path, "", "there is no such file", hint if part.exists() else None) from None
    except DAMAGED as error:
        raise failure(path, "", f"cannot be read: {str(error).splitlines()[0]}") from None
    return RecordingReader(path, file, _info(path, file.metadata), seal)


class RecordingReader:
    """Reader of a finished recording.

    Attributes:
        path: the path of the file.
        info: its metadata.
        rows: the number of messages.
    """

    def __init__(self, path: Path, file: pq.ParquetFile, info: RecordingInfo, seal: Seal | None) -> None:
        self.path = path
        self.info = info
        self.rows: int = file.metadata.num_rows
        self._file = file
        self._seal = seal

    def __enter__(self) -> RecordingReader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    @property
    def spans(self) -> list[tuple[int, int]]:
        """The first and the last market time in each row group, ns UTC, from the file's table of contents."""
        place = self._file.metadata.schema.names.index("time")
        spans = []
        for group in range(self._file.metadata.num_row_groups):
            told = self._file.metadata.row_group(group).column(place).statistics
            known = told is not None and told.has_min_max
            spans.append((int(told.min_raw), int(told.max_raw)) if known else (-(2**63), 2**63 - 1))
        return spans

    def groups_with(self, name: str, words: Iterable[str]) -> set[int]:
        """Return the row groups that may have one of some texts in a column, by the file's table of contents."""
        place = self._file.metadata.schema.names.index(name)
        found = set()
        for group in range(self._file.metadata.num_row_groups):
            told = self._file.metadata.row_group(group).column(place).statistics
            if told is None or not told.has_min_max or any(told.min <= word <= told.max for word in words):
                found.add(group)
        return found

    def batches(
        self, columns: Sequence[str] | None = None, first_row: int = 0, groups: Container[int] | None = None
    ) -> Iterator[pa.RecordBatch]:
        """Read the rows in order, at most `BATCH_ROWS` at a time; no batch crosses a row group.

        Args:
            columns: the columns to read, in the order of `SCHEMA`; else all.
            first_row: the row to begin at; rows before it are not read.
            groups: the row groups to read; else all.

        Raises:
            RecordingError: names the damaged row group and column.
        """
        wanted = [name for name in SCHEMA.names if columns is None or name in columns]
        skipped = first_row
        for group in range(self._file.metadata.num_row_groups):
            rows = self._file.metadata.row_group(group).num_rows
            if skipped >= rows:
                skipped -= rows
                continue
            if groups is not None and group not in groups:
                skipped = 0
                continue
            table = self._read(group, wanted)
            yield from table.slice(skipped).combine_chunks().to_batches(max_chunksize=BATCH_ROWS)
            skipped = 0

    def check(self) -> None:
        """Read everything. Raises RecordingError for the first damaged place."""
        for _ in self.batches():
            pass

    def _read(self, group: int, wanted: list[str]) -> pa.Table:
        known = self._file.metadata.schema.names
        names = list(wanted)
        if CLOCKS_COLUMN in known and {"time", "received"} & set(wanted):
            names.append(CLOCKS_COLUMN)
        if self._seal is not None:
            damaged = self._seal.damaged(self._file.metadata, group, [known.index(name) for name in names])
            if damaged is not None:
                raise self._damage(group, known[damaged], "its checksum is another one")
        try:
            table = self._file.read_row_group(group, names)
        except DAMAGED as error:
            raise self._damage(group, *self._culprit(group, names, error)) from None
        return rows_of_file(table, wanted)

    def _culprit(self, group: int, names: list[str], error: Exception) -> tuple[str, str]:
        """Find the damaged column: of several, Arrow does not report it."""
        for name in names:
            try:
                self._file.read_row_group(group, [name])
            except DAMAGED as own:
                return name, str(own).splitlines()[0]
        return ", ".join(names), str(error).splitlines()[0]

    def _damage(self, group: int, column: str, what: str) -> Exception:
        first = sum(self._file.metadata.row_group(before).num_rows for before in range(group))
        rows = self._file.metadata.row_group(group).num_rows
        where = f"row group {group} (rows {first + 1} to {first + rows}), column {column}"
        return failure(self.path, where, f"it is damaged: {what}", "every row before this row group is whole")


def _info(path: Path, metadata: pq.FileMetaData) -> RecordingInfo:
    told = (metadata.metadata or {}).get(INFO_KEY)
    if told is None:
        hint = "feed import makes a recording of trades that others wrote"
        raise failure(path, "", "this Parquet file is no recording of feed", hint)
    try:
        _check_format(path, told)
        info = RecordingInfo.model_validate_json(told)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise failure(path, f"metadata {INFO_KEY.decode()}, {where}", str(first["msg"])) from None
    missing = [name for name in SCHEMA.names if name not in metadata.schema.names]
    if missing:
        raise failure(path, "", f"the columns {', '.join(missing)} are missing")
    return info


def _check_format(path: Path, told: bytes) -> None:
    """Check the format version before anything else is read: another format may have other facts, too."""
    facts = orjson.loads(told) if told[:1] == b"{" else {}
    if (number := facts.get("format", FORMAT_VERSION)) != FORMAT_VERSION:
        message = (
            f"it has format {number}, written by feed {facts.get('version')}; this feed reads format {FORMAT_VERSION}"
        )
        raise failure(path, "", message, "use that version of feed, or a newer one")
