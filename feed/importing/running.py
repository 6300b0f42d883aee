"""Run of an import: files in, a recording and a report out, in bounded memory."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from feed.errors import FeedError, UsageError, failure
from feed.importing.columns import Meter
from feed.importing.findings import Findings
from feed.importing.formats import FORMATS, detect, open_files
from feed.importing.magnitudes import TableMagnitudes, TooFineError
from feed.importing.naming import venue_in
from feed.importing.options import Options
from feed.tape.layout import RecordingGap, RecordingInfo, StreamInfo
from feed.tape.parquet import RecordingFile, unfinished
from feed.version import __version__

__all__ = ["FileImport", "ImportProgress", "Report", "check_files", "check_target", "import_files"]


@dataclass(frozen=True, slots=True)
class ImportProgress:
    """Progress of an import: rows, and bytes of the files."""

    rows: int
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Report:
    """Result of an import. `begin` and `end` are exchange times, ns UTC."""

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
    """Make a recording from files that others wrote.

    Args:
        format: one of `feed.importing.formats.FORMATS`, or `auto`.
        paths: files of that format, in the order of their times; captures are merged.
        out: path of the recording, a `.parquet`, which appears once it is complete.
        force: replace an existing recording.

    Raises:
        UsageError: options or names do not fit.
        RecordingError: names file, row and column of the first mistake.
        FeedError: the recording cannot be written.
    """
    check_target(paths, out, force)
    told = options or Options()
    notes: dict[bool, str] = {}
    options = told
    while True:
        run = FileImport(format, paths, options, on_progress, notes=tuple(notes.values()))
        try:
            return _written(run, out)
        except TooFineError as error:
            options, notes[error.is_price] = _coarser(error, options, told)
        except OSError as error:
            raise FeedError(f"{out} cannot be written: {error.strerror or error}") from error


def _written(run: FileImport, out: Path) -> Report:
    with contextlib.ExitStack() as stack:
        stack.callback(unfinished(out).unlink, missing_ok=True)
        file = RecordingFile(out)
        stack.callback(file.discard)
        for table in run.tables():
            file.write(table)
        info = run.info()
        file.finish(info)
        stack.pop_all()
    return Report(run.format, run.rows, file.streams, run.begin, run.end, info.instruments, info.gaps, info.notes)


def _coarser(error: TooFineError, options: Options, told: Options) -> tuple[Options, str]:
    """Return options with larger steps, and a note on them. Raises UsageError if the user set these steps."""
    if getattr(told, error.key) is not None:
        raise UsageError(f"{error.message}; {error.hint(told.spelling)}")
    steps: dict[str, Any] = {error.key: error.step}
    note = f"{error.what} are rounded to {error.step:f}: with {error.places} decimals they are too large"
    return replace(options, rounding=True, **steps), f"{note} to be counted exactly"


class FileImport:
    """Import of files that others wrote, as rows of a recording.

    Args:
        format: one of `feed.importing.formats.FORMATS`, or `auto`.
        paths: files of that format, in the order of their times.
        options: the user's options about the files.
        on_progress: called after each table.
        notes: notes on the import from before it begins.

    Attributes:
        format: the format of the files.
        findings: the findings in the files.
        rows: the number of rows so far.
        begin, end: the first and the last exchange time so far, ns UTC.

    Raises:
        UsageError: options do not fit.
        RecordingError: names file, row and column of the first mistake.
    """

    def __init__(
        self,
        format: str,
        paths: Sequence[Path],
        options: Options,
        on_progress: Callable[[ImportProgress], None] | None = None,
        *,
        notes: Sequence[str] = (),
    ) -> None:
        self.findings = Findings()
        self.format = _detected(paths, self.findings) if format == "auto" else format
        for note in notes:
            self.findings.say(note)
        self.rows = 0
        self.begin, self.end = 2**63 - 1, -(2**63)
        self._magnitudes = TableMagnitudes()
        self._received: tuple[int, int] | None = None
        self._paths = paths
        self._options = options
        self._meter = Meter(sum(path.stat().st_size for path in paths))
        self._show = on_progress
        self._reader = open_files(self.format, paths, options, self.findings, self._meter)

    def tables(self) -> Iterator[pa.Table]:
        """Yield the rows, in order. Raises RecordingError for the first mistake."""
        for table in self._reader.tables():
            self._count(table)
            yield table
            if self._show is not None:
                self._show(ImportProgress(self.rows, self._meter.done, self._meter.total))
        if not self.rows:
            hint = "is it of another format?"
            raise failure(self._paths[0], "", "there is no trade, no quote and no book in it", hint)

    def info(self) -> RecordingInfo:
        """Return the recording's description of itself, after all rows were yielded."""
        steps = self._reader.instruments()
        if (wrong := self._magnitudes.wrong(steps)) is not None:
            raise failure(self._paths[0], "", wrong)
        told = FORMATS[self.format].tells_steps
        if not told and (inferred := _inferred(self._options)) is not None:
            self.findings.say(inferred)
        ordered = steps.items() if told else sorted(steps.items())
        info = RecordingInfo(
            version=__version__,
            source=f"{self.format}{self._venue()}: {', '.join(path.name for path in self._paths)}",
            started=self._received[0] if self._received else None,
            ended=self._received[1] if self._received else None,
            instruments={name: (f"{tick:f}", f"{lot:f}") for name, (tick, lot) in ordered},
            gaps=self.findings.gaps,
            notes=self.findings.notes(),
        )
        return info.model_copy(update=dict(self._reader.facts))

    def _venue(self) -> str:
        """Return the exchange that the files' names tell, where their format does not; and say so."""
        venue = venue_in(self._paths[0])
        if venue is None or venue in self.format:
            return ""
        self.findings.say(f"the venue is {venue}: told by the name of {self._paths[0].name}")
        return f" of {venue}"

    def _count(self, table: pa.Table) -> None:
        self.rows += len(table)
        self._magnitudes.note(table)
        if table["time"].null_count < len(table):
            span = pc.min_max(table["time"]).as_py()
            self.begin, self.end = min(self.begin, span["min"]), max(self.end, span["max"])
        received = table["received"]
        if received.null_count == 0:
            first = self._received[0] if self._received else received[0].as_py()
            self._received = first, received[-1].as_py()


def _inferred(options: Options) -> str | None:
    """Return a note on the steps that the user did not set; None if all were set."""
    names = [name for name, step in (("tick", options.tick_size), ("lot", options.lot_size)) if step is None]
    return f"{' and '.join(names)} sizes are one in the last decimal that is used" if names else None


def check_files(paths: Sequence[Path]) -> None:
    """Raise RecordingError for the first path that is not a file."""
    for path in paths:
        if path.is_dir():
            raise failure(path, "", "this is a folder", "name the files in it")
        if not path.exists():
            raise failure(path, "", "there is no such file")


def check_target(paths: Sequence[Path], out: Path, force: bool) -> None:
    """Raise UsageError or RecordingError if these files cannot become the recording `out`."""
    if not paths:
        raise UsageError("name the files to import")
    check_files(paths)
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
