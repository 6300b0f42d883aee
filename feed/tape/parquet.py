"""Writer of a recording's Parquet: bounded memory, a checksum for every byte, its name set once it is complete.

All recordings are written here: of a running market, of a generated one, of an import.
"""

from __future__ import annotations

import base64
import contextlib
import os
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from feed.tape.clocks import rows_for_file
from feed.tape.disk import keep, sync_folder
from feed.tape.layout import (
    CLOCKS_COLUMN,
    COUNTS,
    FILE_SCHEMA,
    INFO_KEY,
    INSTRUMENTS_KEY,
    NAMES,
    RecordingInfo,
    StreamInfo,
    words_of,
)
from feed.tape.sealing import MARK_KEY, SEAL_KEY, placeholder, seal

__all__ = ["GROUP_ROWS", "RecordingFile", "count_streams", "unfinished"]

GROUP_ROWS = 131_072
"""Rows of a row group: the number that a reader holds in memory at a time."""

GROUP_BYTES = 64 * 1024 * 1024
"""Bytes at which a row group of fewer rows ends."""

_STREAM = ("channel", "symbol", "interval")

Ints = NDArray[np.int64]


def unfinished(path: Path) -> Path:
    """Return the path of a file that this process has not finished: a signal may come while it is being opened."""
    return path.with_name(f".{path.name}.{os.getpid()}.tmp")


class RecordingFile:
    """Parquet file under construction: takes rows, then the facts about them; `discard` removes everything.

    Args:
        path: the name of the finished file.

    Raises:
        OSError: every method, where the disk refuses; a failed row group may be reported at the next one.
    """

    def __init__(self, path: Path) -> None:
        self.rows = 0
        self.streams: dict[str, StreamInfo] = {}
        self._path = path
        self._part = unfinished(path)
        self._gathered: list[pa.Table] = []
        self._waiting = 0
        self._bytes = 0
        self._groups = 0
        # Compression takes as long as making the rows: it has a thread, and at most one row group waits for it.
        self._packing = ThreadPoolExecutor(1, thread_name_prefix="feed-parquet")
        self._packed: Future[None] | None = None
        self._writer = pq.ParquetWriter(
            self._part,
            FILE_SCHEMA,
            compression="zstd",
            write_page_checksum=True,
            # Columns with distinct values gain nothing by a dictionary; counts and times are small as differences.
            use_dictionary=[*NAMES, CLOCKS_COLUMN],
            column_encoding=dict.fromkeys(COUNTS, "DELTA_BINARY_PACKED"),
            # The schema is stored by `finish`, because the facts are known only then.
            store_schema=False,
        )

    def write(self, rows: pa.Table | pa.RecordBatch) -> None:
        """Add rows with the columns of `feed.tape.layout.SCHEMA`."""
        table = rows if isinstance(rows, pa.Table) else pa.Table.from_batches([rows])
        first = 0
        while first < len(table):
            piece = table.slice(first, GROUP_ROWS - self._waiting)
            self._gathered.append(piece)
            self._waiting += len(piece)
            self._bytes += piece.nbytes
            first += len(piece)
            if self._waiting >= GROUP_ROWS or self._bytes >= GROUP_BYTES:
                self._flush()

    def finish(self, info: RecordingInfo) -> None:
        """Complete the file with its facts and name it; streams and their counts are computed from the rows."""
        self._flush()
        self._wait()
        info = info.model_copy(update={"streams": self.streams})
        steps = orjson.dumps(info.instruments).decode()
        told = {INFO_KEY.decode(): info.model_dump_json(), INSTRUMENTS_KEY.decode(): steps}
        schema = FILE_SCHEMA.with_metadata(told).serialize().to_pybytes()
        marks = {MARK_KEY.decode(): "yes", SEAL_KEY.decode(): placeholder(self._groups * len(FILE_SCHEMA.names))}
        self._writer.add_key_value_metadata({**told, "ARROW:schema": base64.b64encode(schema).decode(), **marks})
        self._packing.shutdown()
        self._writer.close()
        seal(self._part)
        keep(self._part)
        self._part.replace(self._path)
        sync_folder(self._path.parent)

    def discard(self) -> None:
        """Remove the unfinished file."""
        self._packing.shutdown(cancel_futures=True)
        with contextlib.suppress(OSError):
            self._writer.close()
        self._part.unlink(missing_ok=True)

    def _flush(self) -> None:
        if not self._waiting:
            return
        table = pa.concat_tables(self._gathered).unify_dictionaries()
        self._gathered, self._waiting, self._bytes = [], 0, 0
        count_streams(self.streams, table)
        self._wait()
        self._packed = self._packing.submit(self._pack, table)
        self.rows += len(table)
        self._groups += 1

    def _pack(self, table: pa.Table) -> None:
        """Write a row group."""
        self._writer.write_table(rows_for_file(table), row_group_size=GROUP_ROWS)

    def _wait(self) -> None:
        """Wait until the previous row group is written. Raises the error of that write."""
        if self._packed is not None:
            packed, self._packed = self._packed, None
            packed.result()


def count_streams(streams: dict[str, StreamInfo], rows: pa.Table) -> None:
    """Add rows to the stream summaries."""
    key = np.zeros(len(rows), np.int64)
    words = []
    for name in _STREAM:
        known, codes = words_of(rows[name])
        words.append(known)
        key = key * max(1, len(known)) + codes
    counts = np.bincount(key)
    first, last = _seqs(rows, key, len(counts))
    for code in np.flatnonzero(counts).tolist():
        stream = streams.setdefault(_stream_name(code, words), StreamInfo())
        stream.rows += int(counts[code])
        if first[code] >= 0:
            stream.first_seq = int(first[code]) if stream.first_seq is None else stream.first_seq
            stream.last_seq = int(last[code])


def _seqs(rows: pa.Table, key: Ints, streams: int) -> tuple[Ints, Ints]:
    """Return the first and the last number of each stream; -1 where it has none."""
    kinds, kind = words_of(rows["type"])
    # A snapshot has the seq of the message that it represents.
    told = pc.is_valid(rows["seq"]).to_numpy() & np.isin(
        kind, [n for n, name in enumerate(kinds) if name != "snapshot"]
    )
    seq = pc.fill_null(rows["seq"], 0).to_numpy()[told]
    first, last = np.full(streams, -1, np.int64), np.full(streams, -1, np.int64)
    # Of several values for one index numpy keeps the last.
    last[key[told]] = seq
    first[key[told][::-1]] = seq[::-1]
    return first, last


def _stream_name(code: int, words: Sequence[Sequence[str]]) -> str:
    parts = []
    for known in reversed(words):
        code, place = divmod(code, max(1, len(known)))
        parts.append(known[place])
    return ":".join(filter(None, reversed(parts)))
