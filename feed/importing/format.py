"""What a format is: a name, what it reads, how it is told, and what reads it. `feed.importing.formats` has them all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa

from feed.importing.columns import Head, Meter, head_of
from feed.importing.findings import Findings
from feed.importing.lines import Line, read_lines
from feed.importing.opening import is_parquet, opened, reading_errors
from feed.importing.options import Options
from feed.scenario.tickfile import Column

__all__ = ["Beginning", "Format", "Reader"]

MOST_LINES = 200
"""Messages of a capture that are looked at."""


class Reader(Protocol):
    """Files of one format."""

    def tables(self) -> Iterator[pa.Table]:
        """The rows of a recording, in order."""

    def instruments(self) -> dict[str, tuple[Decimal, Decimal]]:
        """Tick and lot size of each symbol that was met."""

    @property
    def infers_sides(self) -> bool:
        """Whether the sides are inferred, and no file tells them."""
        return False

    @property
    def facts(self) -> Mapping[str, Any]:
        """What the files tell of where they come from, as fields of `RecordingInfo`."""
        return {}


class Beginning:
    """What can be seen of a file without reading it: its name, its columns, and its first lines if it is a capture."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @cached_property
    def is_lines(self) -> bool:
        """Whether lines have a message of JSON in them."""
        with reading_errors(self.path), opened(self.path) as (stream, _, _):
            if is_parquet(self.path, stream):
                return False
            line = stream.readline(1 << 16).lstrip()
        return line[:1] in (b"{", b"[") or b" <-> " in line or b" {" in line or b" [" in line

    @cached_property
    def lines(self) -> list[Line]:
        """The first messages and connections; none where it is no capture."""
        lines: list[Line] = []
        for line in read_lines(self.path, Meter(0)) if self.is_lines else ():
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
        """The names of its columns; none where it has none."""
        return frozenset(self.head.cells) if not self.is_lines and self.head.named else frozenset()

    @property
    def cells(self) -> tuple[str, ...]:
        """The first row of a file whose columns have no names; else empty."""
        return () if self.is_lines or self.head.named else self.head.cells


@dataclass(frozen=True, slots=True)
class Format:
    """One format.

    Attributes:
        name: as it is typed.
        description: what it reads, in a few words.
        reader: from files, options, findings and a meter to what reads them.
        detect: says by what a file is of this format; None where it is not.
        columns: those that it always has, by what they are for.
        tells_steps: whether the files tell what prices and sizes are multiples of.
    """

    name: str
    description: str
    reader: Callable[[Sequence[Path], Options, Findings, Meter], Reader]
    detect: Callable[[Beginning], str | None] = lambda _: None
    columns: Mapping[str, Column] = field(default_factory=dict)
    tells_steps: bool = False
