"""Checksums over every byte of a recording's Parquet, kept in its own footer.

Parquet's page checksums cover the values alone: a flipped bit in a page's header or in the footer can change what is
read without a word. So each column's bytes of each row group get a CRC32, and so does the footer that tells them.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from feed.errors import failure
from feed.tape.disk import read_at, write_at

__all__ = ["MARK_KEY", "SEAL_KEY", "Seal", "open_seal", "placeholder", "seal"]

SEAL_KEY = b"feed.checksums"
"""Metadata key: the footer's CRC32 and then that of each column of each row group, eight hexadecimal digits each."""

MARK_KEY = b"feed.sealed"
"""Metadata key for the presence of checksums. One flipped bit cannot hide both keys."""

MAGIC = b"PAR1"

SIZE_DIGITS = 8

_TAIL = 8
"""Bytes after the footer: its length and the magic."""

_BINARY_FIELD = 0x18
"""Thrift's compact protocol: type of the next field, a text; its length follows."""

CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Seal:
    """Checksums of one file, read; those of the footer itself are verified."""

    path: Path
    checksums: tuple[int, ...]

    def damaged(self, metadata: pq.FileMetaData, group: int, columns: Iterable[int]) -> int | None:
        """Find the first of some columns of a row group with damaged bytes."""
        first = group * metadata.num_columns
        with self.path.open("rb") as file:
            for column in columns:
                start, length = _extent(metadata, group, column)
                if _checksum(file.fileno(), start, length) != self.checksums[first + column]:
                    return column
        return None


def placeholder(chunks: int) -> str:
    """Return the placeholder stored in the metadata under `SEAL_KEY` until the file is sealed."""
    return "0" * (SIZE_DIGITS * (chunks + 1))


def seal(path: Path) -> None:
    """Write the checksums of a finished file in place of the placeholder."""
    metadata = pq.read_metadata(path)
    with path.open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        begin = size - _TAIL - metadata.serialized_size
        footer = bytearray(read_at(file.fileno(), size - begin, begin))
        at, length = _value(footer)
        sums = [
            _checksum(file.fileno(), *_extent(metadata, group, column))
            for group in range(metadata.num_row_groups)
            for column in range(metadata.num_columns)
        ]
        digits = b"".join(b"%08x" % each for each in [0, *sums])
        assert len(digits) == length
        footer[at : at + length] = digits
        footer[at : at + SIZE_DIGITS] = b"%08x" % zlib.crc32(footer)
        write_at(file.fileno(), footer, begin)


def open_seal(path: Path) -> Seal | None:
    """Read the checksums of a file; None where it was written without.

    Raises:
        RecordingError: the footer, or what surrounds it, is damaged.
    """
    footer = _footer(path)
    if SEAL_KEY not in footer:
        if MARK_KEY in footer:
            raise failure(path, "footer", "it is damaged: its checksums are gone")
        return None
    try:
        at, length = _value(footer)
        told, *sums = [bytes(footer[i : i + SIZE_DIGITS]) for i in range(at, at + length, SIZE_DIGITS)]
    except (ValueError, IndexError):
        raise failure(path, "footer", "it is damaged: its checksums cannot be read") from None
    footer[at : at + SIZE_DIGITS] = b"0" * SIZE_DIGITS
    if b"%08x" % zlib.crc32(footer) != told:
        raise failure(path, "footer", "it is damaged: its checksum is another one")
    return Seal(path, tuple(int(each, 16) for each in sums))


def _footer(path: Path) -> bytearray:
    """Read the footer and the bytes after it."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        if size < len(MAGIC) + _TAIL or read_at(file.fileno(), len(MAGIC), 0) != MAGIC:
            raise failure(path, "", "this is no Parquet file, or its beginning is damaged")
        tail = read_at(file.fileno(), _TAIL, size - _TAIL)
        begin = size - _TAIL - int.from_bytes(tail[:4], "little")
        if tail[4:] != MAGIC or begin < len(MAGIC):
            raise failure(path, "", "its end is missing or damaged: a Parquet file ends with its table of contents")
        return bytearray(read_at(file.fileno(), size - begin, begin))


def _value(footer: bytes | bytearray) -> tuple[int, int]:
    """Find the offset and the length of the checksums in a footer."""
    at = footer.index(SEAL_KEY) + len(SEAL_KEY)
    if footer[at] != _BINARY_FIELD:
        raise ValueError("no text follows")
    at += 1
    length = shift = 0
    while True:
        length |= (footer[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if not footer[at - 1] & 0x80:
            break
    if length % SIZE_DIGITS or at + length > len(footer):
        raise ValueError("no such length")
    return at, length


def _extent(metadata: pq.FileMetaData, group: int, column: int) -> tuple[int, int]:
    """Return the first byte and the length of a column's pages."""
    chunk = metadata.row_group(group).column(column)
    first = chunk.dictionary_page_offset if chunk.has_dictionary_page else chunk.data_page_offset
    return first, chunk.total_compressed_size


def _checksum(descriptor: int, start: int, length: int) -> int:
    value = 0
    for at in range(start, start + length, CHUNK_BYTES):
        value = zlib.crc32(read_at(descriptor, min(CHUNK_BYTES, start + length - at), at), value)
    return value
