"""Files as every system has them: read and written at a place, on the disk for good, and locked.

Where a system lacks a call, what it has instead is used; each lack is looked for when the call is made.
"""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["create_new", "keep", "lock", "read_at", "sync_folder", "write_at"]

LOCKED_BYTE = 2**31 - 2
"""The last that Windows can lock. It keeps others from reading it, and hardly any recording is as long as that."""


def create_new(path: Path) -> int:
    """Open a file that must not be there for writing; returns its descriptor. Raises OSError where it cannot be."""
    # Without the first Windows would change ends of lines; without the second a child process would have the file, too.
    extra = getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | extra, 0o644)


def read_at(descriptor: int, length: int, at: int) -> bytes:
    """At most `length` bytes from a place on, wherever the file stands."""
    if hasattr(os, "pread"):
        return os.pread(descriptor, length, at)
    os.lseek(descriptor, at, os.SEEK_SET)
    return os.read(descriptor, length)


def write_at(descriptor: int, data: bytes | bytearray | memoryview, at: int) -> int:
    """Write at a place; returns how many bytes the disk took. Raises OSError where it takes none."""
    if hasattr(os, "pwrite"):
        return os.pwrite(descriptor, data, at)
    os.lseek(descriptor, at, os.SEEK_SET)
    return os.write(descriptor, data)


def keep(path: Path) -> None:
    """What was written to a file survives the machine."""
    # Windows does that only for who may write.
    with path.open("r+b") as file:
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """A new name is on disk once its folder is; where folders cannot be opened the system sees to that."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def lock(descriptor: int) -> bool:
    """Whether nobody else is writing this file; from now on, until it is closed, this process is."""
    try:
        import fcntl
    except ImportError:
        return _lock_byte(descriptor)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # pragma: no cover - some network file systems have no locks
        return True
    return True


def _lock_byte(descriptor: int) -> bool:
    """The same on Windows, with one byte."""
    import importlib

    try:
        msvcrt = importlib.import_module("msvcrt")
    except ImportError:
        return True
    stands = os.lseek(descriptor, 0, os.SEEK_CUR)
    os.lseek(descriptor, LOCKED_BYTE, os.SEEK_SET)
    try:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    except OSError:
        return False
    finally:
        os.lseek(descriptor, stands, os.SEEK_SET)
    return True
