"""Small files in the formats of others, and what an import makes of them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa

from feed.importing.options import Options
from feed.importing.running import Report, import_files
from feed.tape.reader import open_recording

__all__ = ["MS", "NS", "Imported", "imported", "written"]

MS = 1_700_000_000_000
NS = MS * 1_000_000


class Imported:
    """A recording that was just made: its report and its rows."""

    def __init__(self, report: Report, path: Path) -> None:
        self.report = report
        self.path = path

    @cached_property
    def rows(self) -> list[dict[str, Any]]:
        """All of them."""
        with open_recording(self.path) as recording:
            rows: list[dict[str, Any]] = pa.Table.from_batches(recording.batches()).to_pylist()
        return rows

    def column(self, name: str, channel: str | None = None) -> list[Any]:
        """A column, perhaps of one channel only."""
        with open_recording(self.path) as recording:
            table = pa.Table.from_batches(recording.batches([name, "channel"]))
        pairs = zip(table[name].to_pylist(), table["channel"].to_pylist(), strict=True)
        return [value for value, own in pairs if channel in (None, own)]

    def note(self, part: str) -> str:
        """The one note that has this in it."""
        (found,) = [note for note in self.report.notes if part in note]
        return found


def written(path: Path, text: str | bytes) -> Path:
    """A file with that in it."""
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def imported(format: str, paths: Path | Sequence[Path], **options: Any) -> Imported:
    """Import beside the first file, with these options."""
    files = [paths] if isinstance(paths, Path) else list(paths)
    out = files[0].parent / "out.parquet"
    report = import_files(format, files, out, options=Options(**options), force=True)
    return Imported(report, out)
