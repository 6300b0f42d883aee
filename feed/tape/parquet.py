"""Writes a recording's Parquet: bounded memory, every byte under a checksum, there under its name once it is whole."""

from __future__ import annotations

import os
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from feed.tape.disk import keep, sync_folder
from feed.tape.layout import INFO_KEY, SCHEMA, RecordingInfo, StreamInfo
from feed.tape.sealing import MARK_KEY, SEAL_KEY, placeholder, seal

__all__ = ["GROUP_ROWS", "RecordingFile", "count_streams"]

GROUP_ROWS = 131_072
"""Rows of a row group: what a reader has in memory at a time."""

GROUP_BYTES = 64 * 1024 * 1024
"""A row group of fewer rows where they are as large as this."""

NAMES = ("channel", "symbol", "interval", "type", "side")

COUNTS = ("received", "time", "seq", "trade_id")

_STREAM = ("channel", "symbol", "interval")


class RecordingFile:
    """Takes batches of rows, then the facts about them; `discard` leaves nothing behind.

    Args:
        path: the name of the finished file.

    Raises:
        OSError: every method, where the disk does not take it.
    """

    def __init__(self, path: Path) -> None:
        self.rows = 0
        self.streams: dict[str, StreamInfo] = {}
        self._path = path
        self._part = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        self._gathered: list[pa.RecordBatch] = []
        self._waiting = 0
        self._bytes = 0
        self._groups = 0
        self._writer = pq.ParquetWriter(
            self._part,
            SCHEMA,
            compression="zstd",
            write_page_checksum=True,
            # What is different in each row gains nothing by a dictionary; counts and times are small as differences.
            use_dictionary=list(NAMES),
            column_encoding=dict.fromkeys(COUNTS, "DELTA_BINARY_PACKED"),
        )

    def write(self, batch: pa.RecordBatch) -> None:
        """Add rows with the columns of `SCHEMA`."""
        for first in range(0, len(batch), GROUP_ROWS):
            piece = batch.slice(first, GROUP_ROWS)
            if self._waiting + len(piece) > GROUP_ROWS:
                taken = GROUP_ROWS - self._waiting
                self._gather(piece.slice(0, taken))
                piece = piece.slice(taken)
            self._gather(piece)

    def finish(self, info: RecordingInfo) -> None:
        """The file gets its name, with what is known about it; streams and their counts are those of the rows."""
        self._flush()
        info = info.model_copy(update={"streams": self.streams})
        facts = {
            INFO_KEY: info.model_dump_json(),
            MARK_KEY: "yes",
            SEAL_KEY: placeholder(self._groups * len(SCHEMA.names)),
        }
        self._writer.add_key_value_metadata({key.decode(): value for key, value in facts.items()})
        self._writer.close()
        seal(self._part)
        keep(self._part)
        self._part.replace(self._path)
        sync_folder(self._path.parent)

    def discard(self) -> None:
        """Give it up."""
        try:
            self._writer.close()
        except OSError:
            pass
        finally:
            self._part.unlink(missing_ok=True)

    def _gather(self, piece: pa.RecordBatch) -> None:
        self._gathered.append(piece)
        self._waiting += len(piece)
        self._bytes += piece.nbytes
        if self._waiting >= GROUP_ROWS or self._bytes >= GROUP_BYTES:
            self._flush()

    def _flush(self) -> None:
        if not self._waiting:
            return
        table = pa.Table.from_batches(self._gathered, SCHEMA).unify_dictionaries()
        self._gathered, self._waiting, self._bytes = [], 0, 0
        count_streams(self.streams, table)
        self._writer.write_table(table, row_group_size=GROUP_ROWS)
        self.rows += len(table)
        self._groups += 1


def count_streams(streams: dict[str, StreamInfo], rows: pa.Table) -> None:
    """Add rows to what is known of their streams."""
    names = [rows[name].cast(pa.string()) for name in _STREAM]
    # A snapshot has the seq of what it stands for.
    seq = pc.if_else(pc.equal(rows["type"].cast(pa.string()), "snapshot"), None, rows["seq"])
    table = pa.table([*names, seq], [*_STREAM, "seq"])
    # Threads would not keep first and last apart.
    grouped = table.group_by(list(_STREAM), use_threads=False)
    counted = grouped.aggregate([("seq", "first"), ("seq", "last"), ([], "count_all")])
    for row in counted.to_pylist():
        name = ":".join(filter(None, (row[part] for part in _STREAM)))
        known = streams.setdefault(name, StreamInfo())
        known.rows += row["count_all"]
        known.first_seq = row["seq_first"] if known.first_seq is None else known.first_seq
        known.last_seq = known.last_seq if row["seq_last"] is None else row["seq_last"]
