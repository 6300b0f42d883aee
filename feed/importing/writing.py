"""Streams rows into a recording in the memory of a row group; it is there under its name when it is whole.

Built for columns of trades by the million: times and numbers are stored as differences and dictionaries are kept for
names only, which takes a third of the time of the writer that takes messages one by one, and two thirds of its space.
"""

from __future__ import annotations

import base64
import contextlib
import os
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from feed.data.columns import NUMBERS
from feed.tape.disk import keep, sync_folder
from feed.tape.layout import INFO_KEY, SCHEMA, RecordingInfo
from feed.tape.sealing import MARK_KEY, SEAL_KEY, placeholder, seal

__all__ = ["GROUP_ROWS", "RowFile"]

GROUP_ROWS = 131_072
GROUP_BYTES = 64 * 1024 * 1024

NAMES = ("channel", "symbol", "interval", "type", "side")
COUNTS = ("received", "time", "seq", "trade_id")


class RowFile:
    """Takes tables of rows, then the facts about them.

    Args:
        path: the name of the finished file.

    Raises:
        OSError: every method, where the disk does not take it.
    """

    def __init__(self, path: Path) -> None:
        self.rows = 0
        self._path = path
        self._part = path.with_name(f".{path.name}.{os.getpid()}.part")
        self._gathered: list[pa.Table] = []
        self._waiting = 0
        self._bytes = 0
        self._groups = 0
        # Packing takes as long as reading: it has a thread, and at most one row group waits for it.
        self._packing = ThreadPoolExecutor(1, thread_name_prefix="feed-import")
        self._packed: Future[None] | None = None
        self._writer = pq.ParquetWriter(
            self._part,
            SCHEMA,
            compression="lz4",
            write_page_checksum=True,
            use_dictionary=list(NAMES),
            column_encoding={
                **dict.fromkeys(COUNTS, "DELTA_BINARY_PACKED"),
                **dict.fromkeys(NUMBERS, "BYTE_STREAM_SPLIT"),
            },
            # The schema is stored by `finish`, with facts that are known by then only.
            store_schema=False,
        )

    def write(self, table: pa.Table) -> None:
        """Add rows with the columns of `SCHEMA`."""
        first = 0
        while first < len(table):
            piece = table.slice(first, GROUP_ROWS - self._waiting)
            self._gathered.append(piece)
            self._waiting += len(piece)
            self._bytes += piece.nbytes
            first += len(piece)
            if self._waiting >= GROUP_ROWS or self._bytes >= GROUP_BYTES:
                self._flush()

    def finish(self, info: RecordingInfo, facts: dict[str, str]) -> None:
        """The file gets its name, with what is known about it and other facts for its metadata."""
        self._flush()
        self._wait()
        told = {INFO_KEY.decode(): info.model_dump_json(), **facts}
        schema = SCHEMA.with_metadata(told).serialize().to_pybytes()
        marks = {MARK_KEY.decode(): "yes", SEAL_KEY.decode(): placeholder(self._groups * len(SCHEMA.names))}
        self._writer.add_key_value_metadata(
            {**told, "ARROW:schema": base64.b64encode(schema).decode(), **marks},
        )
        self._packing.shutdown()
        self._writer.close()
        seal(self._part)
        keep(self._part)
        self._part.replace(self._path)
        sync_folder(self._path.parent)

    def discard(self) -> None:
        """Give it up; leaves nothing behind."""
        self._packing.shutdown(cancel_futures=True)
        with contextlib.suppress(OSError):
            self._writer.close()
        self._part.unlink(missing_ok=True)

    def _flush(self) -> None:
        if not self._waiting:
            return
        table = pa.concat_tables(self._gathered).unify_dictionaries()
        self._gathered, self._waiting, self._bytes = [], 0, 0
        self._wait()
        self._packed = self._packing.submit(self._writer.write_table, table, row_group_size=GROUP_ROWS)
        self.rows += len(table)
        self._groups += 1

    def _wait(self) -> None:
        """Until the row group before is written. Raises what went wrong with it."""
        if self._packed is not None:
            self._packed.result()
            self._packed = None
