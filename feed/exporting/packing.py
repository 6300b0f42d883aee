"""Output streams, compressed as the name of their file says; the same rows are the same bytes on every run."""

from __future__ import annotations

import contextlib
import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import pyarrow as pa

__all__ = ["PACKED", "packed_stream"]

PACKED = ("", ".gz", ".zst")
"""Suffixes of a text that can be written."""


@contextlib.contextmanager
def packed_stream(path: Path, name: str) -> Iterator[IO[bytes]]:
    """Open a file for writing, compressed as `name` ends."""
    with path.open("wb") as raw:
        packed: Any
        if name.lower().endswith(".gz"):
            packed = gzip.GzipFile("", "wb", 6, raw, mtime=0)
        elif name.lower().endswith(".zst"):
            packed = pa.CompressedOutputStream(raw, "zstd")
        else:
            yield raw
            return
        with packed:
            yield packed
