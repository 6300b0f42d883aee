"""Definition of an export target: name, description and writer. `feed.exporting.targets` lists all targets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from feed.exporting.rows import ExportRows
from feed.units import MINUTE

__all__ = ["ExportOptions", "ExportTarget", "Written"]


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """Options of the user about what is written; None means the target's own default.

    Attributes:
        channel: the channel of a table.
        interval: length of a bar, ns.
        levels: levels of each side of a book's snapshots.
        venue: the name of the exchange, where a format has a place for it.
    """

    channel: str | None = None
    interval: int | None = None
    levels: int | None = None
    venue: str | None = None

    @property
    def bar(self) -> int:
        """Length of a bar, ns: a minute by default."""
        return MINUTE if self.interval is None else self.interval


@dataclass(slots=True)
class Written:
    """Result of a writer: rows by what they are, and what had to be assumed or left out, one sentence each."""

    rows: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def count(self, kind: str, rows: int) -> None:
        """Count rows that were written."""
        self.rows[kind] = self.rows.get(kind, 0) + rows

    def say(self, note: str) -> None:
        """Add a note, once."""
        if note not in self.notes:
            self.notes.append(note)


@dataclass(frozen=True, slots=True)
class ExportTarget:
    """Kind of files that a recording can be exported to.

    Attributes:
        name: the name as a user types it.
        description: the files, in a few words.
        write: function that writes all rows to a path: a file, or a folder that exists and is empty.
        suffixes: the endings of its file; none for a folder of files.
        options: the fields of `ExportOptions` that it uses.
    """

    name: str
    description: str
    write: Callable[[ExportRows, Path, ExportOptions], Written]
    suffixes: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
