"""An import from beginning to end: files in, a recording and a report out, in bounded memory."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from feed.errors import FeedError, UsageError, failure
from feed.importing.columns import Meter
from feed.importing.findings import Findings
from feed.importing.formats import FORMATS, detect, open_files
from feed.importing.options import Options
from feed.tape.layout import RecordingGap, RecordingInfo, StreamInfo
from feed.tape.parquet import RecordingFile
from feed.version import __version__

__all__ = ["ImportProgress", "Report", "import_files"]


@dataclass(frozen=True, slots=True)
class ImportProgress:
    """How far it is: rows, and bytes of the files."""

    rows: int
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Report:
    """What came of it. `begin` and `end` are exchange times, ns UTC."""

    format: str
    rows: int
    streams: dict[str, StreamInfo]
    begin: int
    end: int
    instruments: dict[str, tuple[str, str]]
    gaps: list[RecordingGap]
    notes: list[str]


def import_files(
    format: str,
    paths: Sequence[Path],
    out: Path,
    *,
    options: Options | None = None,
    force: bool = False,
    on_progress: Callable[[ImportProgress], None] | None = None,
) -> Report:
    """Make a recording of files that others wrote.

    Args:
        format: one of `feed.importing.formats.FORMATS`, or `auto`.
        paths: files of that format, in the order of their times; captures are merged.
        out: the recording, a `.parquet`, which is there when it is whole.
        force: replace a recording that is there.

    Raises:
        UsageError: for options or names that do not fit.
        RecordingError: names file, row and column of the first mistake.
        FeedError: the recording cannot be written.
    """
    _check(paths, out, force)
    options = options or Options()
    findings = Findings()
    if format == "auto":
        format = _detected(paths, findings)
    meter = Meter(sum(path.stat().st_size for path in paths))
    reader = open_files(format, paths, options, findings, meter)
    run = _Run(findings, meter, on_progress)
    try:
        file = RecordingFile(out)
        with contextlib.ExitStack() as stack:
            stack.callback(file.discard)
            for table in reader.tables():
                file.write(table)
                run.count(table)
            if not run.rows:
                raise failure(paths[0], "", "there is no trade, no quote and no book in it", "is it of another format?")
            if not FORMATS[format].tells_steps and (inferred := _inferred(options)) is not None:
                findings.say(inferred)
            report = run.report(format, reader.instruments(), file.streams)
            file.finish(_info(report, paths, run, reader.facts))
            stack.pop_all()
    except OSError as error:
        raise FeedError(f"{out} cannot be written: {error.strerror or error}") from error
    return report


class _Run:
    """Counts what goes by."""

    def __init__(self, findings: Findings, meter: Meter, on_progress: Callable[[ImportProgress], None] | None) -> None:
        self.rows = 0
        self.begin, self.end = 2**63 - 1, -(2**63)
        self.received: tuple[int, int] | None = None
        self._findings = findings
        self._meter = meter
        self._show = on_progress

    def count(self, table: pa.Table) -> None:
        """Rows that were written."""
        self.rows += len(table)
        if table["time"].null_count < len(table):
            span = pc.min_max(table["time"]).as_py()
            self.begin, self.end = min(self.begin, span["min"]), max(self.end, span["max"])
        received = table["received"]
        if received.null_count == 0:
            first = self.received[0] if self.received else received[0].as_py()
            self.received = first, received[-1].as_py()
        if self._show is not None:
            self._show(ImportProgress(self.rows, self._meter.done, self._meter.total))

    def report(
        self, format: str, instruments: dict[str, tuple[Decimal, Decimal]], streams: dict[str, StreamInfo]
    ) -> Report:
        """All that is known at the end; the streams are counted until the file is finished."""
        steps = {name: (f"{tick:f}", f"{lot:f}") for name, (tick, lot) in sorted(instruments.items())}
        notes = self._findings.notes()
        return Report(format, self.rows, streams, self.begin, self.end, steps, self._findings.gaps, notes)


def _info(report: Report, paths: Sequence[Path], run: _Run, facts: Mapping[str, Any]) -> RecordingInfo:
    info = RecordingInfo(
        version=__version__,
        source=f"{report.format}: {', '.join(path.name for path in paths)}",
        started=run.received[0] if run.received else None,
        ended=run.received[1] if run.received else None,
        instruments=report.instruments,
        gaps=report.gaps,
        notes=report.notes,
    )
    return info.model_copy(update=dict(facts))


def _inferred(options: Options) -> str | None:
    """Which steps nobody told."""
    names = [name for name, step in (("tick", options.tick_size), ("lot", options.lot_size)) if step is None]
    return f"{' and '.join(names)} sizes are one in the last decimal that is used" if names else None


def _check(paths: Sequence[Path], out: Path, force: bool) -> None:
    if not paths:
        raise UsageError("name the files to import")
    for path in paths:
        if path.is_dir():
            raise failure(path, "", "this is a folder", "name the files in it")
        if not path.exists():
            raise failure(path, "", "there is no such file")
    if out.suffix.lower() != ".parquet":
        raise UsageError(f"{out} must end with .parquet")
    if out.is_dir():
        raise UsageError(f"{out} is a folder")
    if out.exists() and not force:
        raise UsageError(f"{out} is there already; --force replaces it")
    if any(out.exists() and out.samefile(path) for path in paths):
        raise UsageError(f"{out} is one of the files to import")


def _detected(paths: Sequence[Path], findings: Findings) -> str:
    found = {path: detect(path) for path in paths}
    format, why = found[paths[0]]
    for path, (own, reason) in found.items():
        if own != format:
            raise UsageError(f"{path.name} is {own} ({reason}), and {paths[0].name} is {format}: import them apart")
    findings.say(f"the format is {format}: {why}")
    return format
