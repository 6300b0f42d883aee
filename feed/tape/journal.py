"""Journal of a recording in progress: self-contained batches, one after the other, each under a checksum.

Appended data survives the process. A batch is a header and an Arrow IPC stream with the columns of
`SCHEMA`; its metadata has the facts known at that time, and the new gaps and notes.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from pydantic import ValidationError

from feed.errors import UsageError, failure
from feed.tape.disk import create_new, lock, read_at, write_at
from feed.tape.layout import INFO_KEY, SCHEMA, RecordingInfo

__all__ = ["PART_SUFFIX", "Damage", "JournalBatch", "JournalWriter", "part_of", "scan"]

PART_SUFFIX = ".part"

MAGIC = b"FEEDREC1"
"""First bytes of the file; the digit changes with any change that an older reader would misread."""

SYNC = b"\xf5BATCH\r\n"
"""First bytes of each batch: 0xF5 is in no UTF-8 text. After damage the next batch is found by them."""

HEADER = struct.Struct("<8sQIII")
"""Batch header: SYNC, running number from 0, rows, length of the payload, CRC32 of the payload; then its own CRC32."""

HEADER_SIZE = HEADER.size + 4

SEARCH_BYTES = 1 << 20

OPTIONS = pa.ipc.IpcWriteOptions(compression="lz4")


def part_of(path: Path) -> Path:
    """Return the journal's path for a recording."""
    return path.with_name(path.name + PART_SUFFIX)


class JournalWriter:
    """Writer that appends batches. A batch that was only partly written is overwritten by the next attempt.

    Args:
        path: the file, which must not exist.

    Raises:
        UsageError: the file exists: an earlier recording was cut off.
        OSError: the disk refuses the write.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.batches = 0
        try:
            self._descriptor = create_new(path)
        except FileExistsError:
            hint = f"feed recover {path} makes a recording of it"
            raise UsageError(f"{path} is there: an earlier recording was cut off; {hint}") from None
        lock(self._descriptor)
        self.size = self._write(MAGIC, 0)

    def append(self, batch: pa.RecordBatch, info: RecordingInfo) -> None:
        """Write a batch, with the current facts and the gaps and notes since the last batch."""
        payload = _payload(batch, info)
        head = HEADER.pack(SYNC, self.batches, len(batch), len(payload), zlib.crc32(payload))
        self.size += self._write(b"".join((head, zlib.crc32(head).to_bytes(4, "little"), payload)), self.size)
        self.batches += 1

    def sync(self) -> None:
        """Sync the appended data to disk, so that it survives a crash of the machine."""
        os.fsync(self._descriptor)

    def close(self) -> None:
        """Close the file."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def _write(self, data: bytes, at: int) -> int:
        # A full disk takes the first part of a write, and refuses the rest.
        view, written = memoryview(data), 0
        while written < len(data):
            written += write_at(self._descriptor, view[written:], at + written)
        return written


@dataclass(frozen=True, slots=True)
class JournalBatch:
    """Whole batch: its number, its offset, its rows, and the facts stored with it."""

    number: int
    offset: int
    rows: pa.RecordBatch
    info: RecordingInfo


@dataclass(frozen=True, slots=True)
class Damage:
    """Damaged range of the file, in place of batch `number`.

    `torn` means that the file just ends there, as after a kill or a power cut.
    """

    number: int
    offset: int
    length: int
    what: str
    torn: bool = False

    def __str__(self) -> str:
        return f"batch {self.number}, byte {self.offset}: {self.what}"


def scan(path: Path) -> Iterator[JournalBatch | Damage]:
    """Read everything in a journal, in order: whole batches, and each damaged range.

    After damage the next whole batch is searched for; the caller decides whether to use it.

    Raises:
        RecordingError: the file is no journal.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        descriptor, size = file.fileno(), file.seek(0, os.SEEK_END)
        head = read_at(descriptor, len(MAGIC), 0)
        if head != MAGIC:
            if not MAGIC.startswith(head):
                raise failure(path, "byte 0", "this is no recording in the making, or its first bytes are damaged")
            yield Damage(0, 0, size, "the file ends before its first batch", torn=True)
            return
        at, expected = len(MAGIC), 0
        while at < size:
            found = _batch_at(descriptor, at, size, expected)
            if isinstance(found, Damage):
                yield found
                at, expected = at + found.length, found.number + 1
                continue
            batch, length = found
            if batch.number != expected:
                yield Damage(expected, at, 0, f"out of order: batch {batch.number} is in its place")
            yield batch
            at, expected = at + length, batch.number + 1


def _payload(batch: pa.RecordBatch, info: RecordingInfo) -> bytes:
    sink = pa.BufferOutputStream()
    schema = SCHEMA.with_metadata({INFO_KEY: info.model_dump_json(exclude_defaults=True)})
    with pa.ipc.new_stream(sink, schema, options=OPTIONS) as stream:
        stream.write_batch(batch)
    data: bytes = sink.getvalue().to_pybytes()
    return data


def _batch_at(descriptor: int, at: int, size: int, expected: int) -> tuple[JournalBatch, int] | Damage:
    """Return the batch at an offset with its length in the file, or the damage up to the next batch."""
    head = read_at(descriptor, HEADER_SIZE, at)
    if len(head) < HEADER_SIZE and SYNC.startswith(head[: len(SYNC)]):
        return Damage(expected, at, size - at, f"torn tail: the file ends in its header, {len(head)} bytes", torn=True)
    if len(head) < HEADER_SIZE or zlib.crc32(head[: HEADER.size]).to_bytes(4, "little") != head[HEADER.size :]:
        what = "the checksum of its header is another one" if head.startswith(SYNC) else "no batch begins here"
        return _damage(descriptor, at, at + 1, size, expected, what)
    _, number, rows, length, checksum = HEADER.unpack(head[: HEADER.size])
    end = at + HEADER_SIZE + length
    if end > size:
        missing = f"torn tail: the file ends {end - size} bytes before it does, of {length}"
        return Damage(number, at, size - at, missing, torn=True)
    payload = read_at(descriptor, length, at + HEADER_SIZE)
    if zlib.crc32(payload) != checksum:
        return _damage(descriptor, at, end, size, number, f"the checksum of its {length} bytes is another one")
    try:
        return _read(number, at, payload, rows), HEADER_SIZE + length
    except (pa.ArrowException, ValidationError, ValueError, KeyError, StopIteration) as error:
        return _damage(descriptor, at, end, size, number, f"it cannot be read: {str(error).splitlines()[0]}")


def _read(number: int, at: int, payload: bytes, rows: int) -> JournalBatch:
    with pa.ipc.open_stream(payload) as stream:
        info = RecordingInfo.model_validate_json(stream.schema.metadata[INFO_KEY])
        batch = stream.read_next_batch()
    if len(batch) != rows:
        raise ValueError(f"it has {len(batch)} rows, and its header says {rows}")
    return JournalBatch(number, at, batch.cast(SCHEMA), info)


def _damage(descriptor: int, at: int, search: int, size: int, number: int, what: str) -> Damage:
    """Return the damage from `at` to the possible start of the next batch, which is not before `search`."""
    return Damage(number, at, _next_sync(descriptor, search, size) - at, what)


def _next_sync(descriptor: int, at: int, size: int) -> int:
    while at < size:
        chunk = read_at(descriptor, SEARCH_BYTES + len(SYNC), at)
        found = chunk.find(SYNC)
        if found >= 0:
            return at + found
        at += SEARCH_BYTES
    return size
