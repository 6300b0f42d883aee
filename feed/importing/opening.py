"""Opening of files: unpacked and recognised by their first bytes, whatever their names, also if packed twice."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

import pyarrow as pa

from feed.errors import failure

__all__ = ["FEATHER", "JSON", "PARQUET", "UNPACKING", "kind_of", "opened", "reading_errors"]

PARQUET = "parquet"
FEATHER = "feather"
JSON = "json"

TABLES = {b"PAR1": PARQUET, b"ARROW1": FEATHER}
"""Kinds of files that are tables of typed columns, by their first bytes."""

MARK_BYTES = 8
"""The number of bytes that show how a file is packed."""

FIRST_BYTES = 4096
"""The number of bytes that are examined to recognise a file."""

UNPACK = "unpack it, or pack it with gzip"
OTHER = "write it as CSV or as Parquet"

MARKS = (
    (b"\x04\x22\x4d\x18", "packed with lz4", UNPACK),
    (b"7z\xbc\xaf\x27\x1c", "packed with 7-Zip", UNPACK),
    (b"Rar!", "packed with rar", UNPACK),
    (b"FEA1", "a Feather file of the first version", OTHER),
    (b"\x89HDF", "an HDF5 file", OTHER),
    (b"SQLite format 3", "a database of SQLite", OTHER),
    (b"\xff\xfe", "text in UTF-16", "save it as UTF-8"),
    (b"\xfe\xff", "text in UTF-16", "save it as UTF-8"),
)
"""First bytes of files that are not text, with the kind of file and a remedy."""

MOST_UNPRINTABLE = 0.1
"""Largest share of unprintable characters in the first line of a text."""

MOST_FOREIGN = 0.5
"""Largest share of bytes in the first line that are no UTF-8."""

MOST_LAYERS = 3
"""The largest number of nested packings; more is a malicious or mistaken file."""

Stream = IO[bytes]


def _unzipped(path: Path, stream: Stream, stack: contextlib.ExitStack) -> tuple[Stream, str]:
    archive = stack.enter_context(zipfile.ZipFile(stream))
    members = [name for name in archive.namelist() if not name.endswith("/") and not name.startswith("__MACOSX/")]
    if len(members) != 1:
        raise failure(path, "", f"holds {len(members)} files", "pack the one that is meant alone")
    return stack.enter_context(archive.open(members[0])), members[0]


def _by(open_: Callable[[Stream], Any]) -> Callable[[Path, Stream, contextlib.ExitStack], tuple[Stream, str]]:
    """Return an unpacker for streams whose content has no name."""
    return lambda _, stream, stack: (stack.enter_context(open_(stream)), "")


class _Zstd(io.RawIOBase):
    """Unpacked bytes of a zstd file, which can go back to the beginning."""

    def __init__(self, stream: Stream) -> None:
        self._packed = stream
        self._unpacked = pa.CompressedInputStream(stream, "zstd")

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._unpacked.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def seek(self, offset: int, whence: int = 0) -> int:
        if offset or whence:
            raise OSError(f"packed with zstd, it can only be read from its beginning; {UNPACK}")
        self._packed.seek(0)
        self._unpacked = pa.CompressedInputStream(self._packed, "zstd")
        return 0


UNPACKING = {
    b"\x1f\x8b": _by(lambda stream: gzip.GzipFile(fileobj=stream)),
    b"BZh": _by(bz2.BZ2File),
    b"\xfd7zXZ\x00": _by(lzma.LZMAFile),
    b"\x28\xb5\x2f\xfd": _by(lambda stream: io.BufferedReader(_Zstd(stream), 1 << 20)),
    b"PK\x03\x04": _unzipped,
}
"""Unpackers by first bytes: from packed bytes to unpacked bytes and their original name, if it is stored."""


@contextlib.contextmanager
def reading_errors(path: Path) -> Iterator[None]:
    """Convert any error with a file into an error that names the file."""
    try:
        yield
    except FileNotFoundError:
        raise failure(path, "", "there is no such file") from None
    except IsADirectoryError:
        raise failure(path, "", "this is a folder", "name the files in it") from None
    except (EOFError, gzip.BadGzipFile, zipfile.BadZipFile, lzma.LZMAError, zlib.error) as error:
        hint = "unpack what is whole by its own program, such as gzip -dc, and name the result"
        raise failure(path, "", f"the packed file is damaged or cut off: {error}", hint) from None
    except (OSError, pa.ArrowException, ValueError) as error:
        raise failure(path, "", f"cannot be read: {str(error).strip().splitlines()[0][:300]}") from None


@contextlib.contextmanager
def opened(path: Path) -> Iterator[tuple[Stream, Stream, str]]:
    """Open a file: its unpacked bytes, the file itself, and the name inside a zip."""
    with contextlib.ExitStack() as stack:
        raw: Stream = stack.enter_context(path.open("rb"))
        stream, member = raw, ""
        for _ in range(MOST_LAYERS):
            first = stream.read(MARK_BYTES)
            stream.seek(0)
            unpack = next((unpack for mark, unpack in UNPACKING.items() if first.startswith(mark)), None)
            if unpack is None:
                break
            stream, told = unpack(path, stream, stack)
            member = told or member
        yield stream, raw, member


def kind_of(path: Path, stream: Stream) -> str:
    """Return the kind of a file of tables, by its first bytes; empty for text. The stream is rewound to its beginning.

    Text that begins as JSON is a table in JSON.

    Raises:
        RecordingError: the file is neither.
    """
    first = stream.read(FIRST_BYTES)
    stream.seek(0)
    for mark, kind in TABLES.items():
        if first.startswith(mark):
            return kind
    _check_text(path, first)
    return JSON if first.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"[", b"{") else ""


def _check_text(path: Path, begin: bytes) -> None:
    """Refuse a file that is not text. Raises RecordingError, which names the kind of file."""
    for mark, kind, hint in MARKS:
        if begin.startswith(mark):
            raise failure(path, "", f"it is {kind}", hint)
    shown = begin.split(b"\n", 1)[0][:1024].decode("utf-8", "replace").replace("\t", " ").rstrip("\r")
    # Bytes that are no UTF-8 may be the letters of another alphabet, if there are not only such.
    foreign = shown.count("\ufffd")
    odd = sum(not each.isprintable() for each in shown.replace("\r", ""))
    if b"\0" in begin or odd > MOST_UNPRINTABLE * len(shown) or foreign > MOST_FOREIGN * len(shown):
        raise failure(path, "", "it is no text", OTHER)
