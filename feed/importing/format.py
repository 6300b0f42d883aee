"""Definition of a format: name, description, detection and reader. `feed.importing.formats` lists all formats."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import orjson
import pyarrow as pa

from feed.errors import RecordingError
from feed.importing.columns import Meter
from feed.importing.findings import Findings
from feed.importing.heads import Head, head_of
from feed.importing.lines import Line, read_lines
from feed.importing.opening import JSON, kind_of, opened, reading_errors
from feed.importing.options import Options
from feed.scenario.tickfile import Column

__all__ = ["Beginning", "Format", "Reader"]

MOST_LINES = 200
"""The largest number of messages of a capture that detection looks at."""


LONGEST_LINE = 1 << 24
"""The number of bytes of the first line that are looked at."""

SEEN_ROWS = 50
"""The number of lines of a table without names that detection looks at."""


class Reader(Protocol):
    """Reader of files of one format."""

    def tables(self) -> Iterator[pa.Table]:
        """Yield the rows of a recording, in order."""

    def instruments(self) -> dict[str, tuple[Decimal, Decimal]]:
        """Return tick and lot size of each symbol that occurred."""

    @property
    def infers_sides(self) -> bool:
        """Tell whether the sides are inferred, since no file gives them."""
        return False

    @property
    def facts(self) -> Mapping[str, Any]:
        """The facts in the files about their origin, as fields of `RecordingInfo`."""
        return {}


class Beginning:
    """Beginning of a file, visible without reading it all: name, columns, and the first lines if it is a capture."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @cached_property
    def has_lines(self) -> bool:
        """Tell whether the lines hold messages of JSON; they may be the rows of a table as well."""
        with reading_errors(self.path), opened(self.path) as (stream, _, _):
            kind = kind_of(self.path, stream)
            if kind not in ("", JSON):
                return False
            line = stream.readline(LONGEST_LINE).removeprefix(b"\xef\xbb\xbf").strip()
        if kind == JSON:
            return _is_json(line)
        return any(mark in line for mark in (b" <-> ", b" {", b" ["))

    @cached_property
    def is_lines(self) -> bool:
        """Tell whether the lines hold messages of JSON that are no rows of a table."""
        if not self.has_lines:
            return False
        try:
            return not self.head.table
        except RecordingError:
            return True

    @cached_property
    def lines(self) -> list[Line]:
        """Return the first messages and connections; none if the file is no capture."""
        lines: list[Line] = []
        for line in read_lines(self.path, Meter(0)) if self.has_lines else ():
            lines.append(line)
            if len(lines) >= MOST_LINES:
                break
        return lines

    @cached_property
    def head(self) -> Head:
        """The names of its columns, or its first row."""
        return head_of(self.path)

    @property
    def names(self) -> frozenset[str]:
        """The names of its columns; empty if it has none."""
        return frozenset(self.head.cells) if not self.is_lines and self.head.named else frozenset()

    @cached_property
    def rows(self) -> list[list[str]]:
        """The cells of the first rows of a file whose columns have no names."""
        if self.is_lines or self.head.named:
            return []
        head = self.head
        if head.rows:
            return [list(row) for row in head.rows]
        with reading_errors(self.path), opened(self.path) as (stream, _, _):
            lines = [stream.readline(1 << 16).decode("utf-8-sig", "replace") for _ in range(SEEN_ROWS)]
        # A last line may be cut off.
        whole = [line.strip() for line in lines[head.skipped :] if line.endswith("\n")] or [lines[head.skipped].strip()]
        return [[cell.strip().strip('"') for cell in line.split(head.delimiter)] for line in whole if line]

    @property
    def cells(self) -> tuple[str, ...]:
        """The first row of a file whose columns have no names; else empty."""
        return () if self.is_lines or self.head.named else self.head.cells


def _is_json(line: bytes) -> bool:
    try:
        orjson.loads(line)
    except orjson.JSONDecodeError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Format:
    """Format of files that can be imported.

    Attributes:
        name: the name as a user types it.
        description: the files that it reads, in a few words.
        reader: function from files, options, findings and a meter to a reader.
        detect: function that returns the reason why a file is of this format; None if it is not.
        columns: the columns that it always has, by their purpose.
        tells_steps: the files give the steps of prices and sizes.
    """

    name: str
    description: str
    reader: Callable[[Sequence[Path], Options, Findings, Meter], Reader]
    detect: Callable[[Beginning], str | None] = lambda _: None
    columns: Mapping[str, Column] = field(default_factory=dict)
    tells_steps: bool = False
