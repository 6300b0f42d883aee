"""Portable file access: read and write at an offset, sync to disk, and lock.

Where a system lacks a call, its substitute is used; each lack is detected when the call is made.
"""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["create_new", "keep", "lock", "read_at", "sync_folder", "write_at"]

LOCKED_BYTE = 2**31 - 2
"""Last byte that Windows can lock. The lock keeps others from reading it; recordings hardly ever reach that length."""


def create_new(path: Path) -> int:
    """Create a file that must not exist, for writing; return its descriptor. Raises OSError where that fails."""
    # Without the first flag Windows would change line endings; without the second a child would inherit the file.
    extra = getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | extra, 0o644)


def read_at(descriptor: int, length: int, at: int) -> bytes:
    """Read at most `length` bytes from an offset, independent of the file's position."""
    if hasattr(os, "pread"):
        return os.pread(descriptor, length, at)
    os.lseek(descriptor, at, os.SEEK_SET)
    return os.read(descriptor, length)


def write_at(descriptor: int, data: bytes | bytearray | memoryview, at: int) -> int:
    """Write at an offset; return the number of bytes written. Raises OSError where the disk takes none."""
    if hasattr(os, "pwrite"):
        return os.pwrite(descriptor, data, at)
    os.lseek(descriptor, at, os.SEEK_SET)
    return os.write(descriptor, data)


def keep(path: Path) -> None:
    """Sync a file's data to disk, so that it survives a crash of the machine."""
    # Windows allows that only for a file opened for writing.
    with path.open("r+b") as file:
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Sync a folder, so that a new name in it is on disk; where folders cannot be opened the system does this."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def lock(descriptor: int) -> bool:
    """Lock a file for writing until it is closed; return False where another process holds the lock."""
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
    """Lock one byte of the file, on Windows."""
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
