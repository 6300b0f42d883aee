"""Messages of a venue as they came, beside a recording: lines of a capture, which `feed import` reads again.

A line is `<receive time, ns> <message>`; `<url> <-> <time>` is a connection. The file is a sequence of gzip members,
one a second or so: after a kill, all but the last can be unpacked.
"""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import IO

from feed.clock import Clock
from feed.errors import UsageError
from feed.units import SECOND

__all__ = ["RawLines", "raw_of"]

MEMBER_BYTES = 8 * 1024 * 1024
"""Bytes at which a member ends before its second is over."""

GZIP_LEVEL = 1
"""The fastest compression: a recorder has other things to do."""


def raw_of(path: Path) -> Path:
    """Return the path of the lines beside a recording."""
    return path.with_suffix(".raw.gz")


class RawLines:
    """Writer of lines.

    Args:
        path: the file, which must not exist.
        clock: for the time at which lines are flushed.

    Attributes:
        failure: why the disk refused a write, after which nothing more is written; else empty.

    Raises:
        UsageError: the file is there.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        self.path = path
        self.lines = 0
        self.failure = ""
        self._clock = clock
        self._gathered: list[bytes] = []
        self._size = 0
        self._flushed = clock.now()
        try:
            self._file: IO[bytes] = path.open("xb")
        except FileExistsError:
            raise UsageError(f"{path} is there already: move it away") from None

    def connected(self, url: str, received: int) -> None:
        """Write the beginning of a connection."""
        self._add(f"{url} <-> {received}\n".encode())

    def message(self, data: bytes, received: int) -> None:
        """Write a message; ends of lines within it become spaces, which mean the same in JSON."""
        text = data.translate(_ONE_LINE) if b"\n" in data or b"\r" in data else data
        self._add(b"%d %s\n" % (received, text))
        self.lines += 1

    def close(self) -> None:
        """Write what is left and close the file; it may be called twice."""
        if not self._file.closed:
            self._flush()
            self._file.close()

    def _add(self, line: bytes) -> None:
        self._gathered.append(line)
        self._size += len(line)
        if self._size >= MEMBER_BYTES or self._clock.now() - self._flushed >= SECOND:
            self._flush()

    def _flush(self) -> None:
        if self._gathered and not self.failure:
            try:
                self._file.write(gzip.compress(b"".join(self._gathered), GZIP_LEVEL, mtime=0))
                self._file.flush()
            except OSError as error:
                # The recording goes on without it.
                self.failure = error.strerror or str(error)
        self._gathered, self._size, self._flushed = [], 0, self._clock.now()


_ONE_LINE = bytes.maketrans(b"\r\n", b"  ")
