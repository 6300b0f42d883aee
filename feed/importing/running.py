"""An import from beginning to end: files in, a recording and a report out, in bounded memory."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa

import feed
from feed.errors import FeedError, UsageError, failure
from feed.importing.columns import Meter
from feed.importing.detecting import detect
from feed.importing.findings import Findings
from feed.importing.formats import open_files
from feed.importing.magnitudes import TableMagnitudes, TooFineError
from feed.importing.options import Options
from feed.importing.writing import RowFile
from feed.tape.export import INSTRUMENTS_KEY
from feed.tape.layout import Gap, RecordingInfo, StreamInfo

__all__ = ["Progress", "Report", "import_files"]

NAMES = ("channel", "symbol", "interval")


@dataclass(frozen=True, slots=True)
class Progress:
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
    gaps: list[Gap]
    notes: list[str]


def import_files(
    format: str,
    paths: Sequence[Path],
    out: Path,
    *,
    options: Options | None = None,
    force: bool = False,
    on_progress: Callable[[Progress], None] | None = None,
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
    told = options or Options()
    notes: dict[bool, str] = {}
    options = told
    while True:
        try:
            return _imported(format, paths, out, options, tuple(notes.values()), on_progress)
        except TooFineError as error:
            options, notes[error.is_price] = _coarser(error, options, told)
        except OSError as error:
            raise FeedError(f"{out} cannot be written: {error.strerror or error}") from error


def _coarser(error: TooFineError, options: Options, told: Options) -> tuple[Options, str]:
    """With larger steps, and what is to be said about it. Raises UsageError where somebody told these steps."""
    what, name = ("prices", "tick") if error.is_price else ("sizes", "lot")
    step = Decimal(1).scaleb(-error.fitting)
    if (told.tick_size if error.is_price else told.lot_size) is not None:
        raise UsageError(f"the {what} are too large to be counted so finely; use --{name}-size {step:f} --rounding")
    steps: dict[str, Any] = {"tick_size" if error.is_price else "lot_size": step}
    note = f"{what} are rounded to {step:f}: with {error.places} decimals they are too large to be counted exactly"
    return replace(options, rounding=True, **steps), note


def _imported(
    format: str,
    paths: Sequence[Path],
    out: Path,
    options: Options,
    notes: Sequence[str],
    on_progress: Callable[[Progress], None] | None,
) -> Report:
    findings = Findings()
    if format == "auto":
        format = _detected(paths, findings)
    for note in notes:
        findings.say(note)
    meter = Meter(sum(path.stat().st_size for path in paths))
    reader = open_files(format, paths, options, findings, meter)
    run = _Run(findings, meter, on_progress)
    file = RowFile(out)
    with contextlib.ExitStack() as stack:
        stack.callback(file.discard)
        for table in reader.tables():
            file.write(table)
            run.count(table)
        if not run.rows:
            raise failure(paths[0], "", "there is no trade, no quote and no book in it", "is it of another format?")
        instruments = reader.instruments()
        if (wrong := run.magnitudes.wrong(instruments)) is not None:
            raise failure(paths[0], "", wrong)
        if (inferred := _inferred(options)) is not None:
            findings.say(inferred)
        report = run.report(format, instruments)
        file.finish(_info(report, paths, run), {INSTRUMENTS_KEY: orjson.dumps(report.instruments).decode()})
        stack.pop_all()
    return report


class _Run:
    """Counts what goes by."""

    def __init__(self, findings: Findings, meter: Meter, on_progress: Callable[[Progress], None] | None) -> None:
        self.rows = 0
        self.streams: dict[str, StreamInfo] = {}
        self.begin, self.end = 2**63 - 1, -(2**63)
        self.received: tuple[int, int] | None = None
        self.magnitudes = TableMagnitudes()
        self._findings = findings
        self._meter = meter
        self._show = on_progress

    def count(self, table: pa.Table) -> None:
        """Rows that were written."""
        time = table["time"].to_numpy()
        self.rows += len(table)
        self.magnitudes.note(table)
        self.begin, self.end = min(self.begin, int(time.min())), max(self.end, int(time.max()))
        received = table["received"]
        if received.null_count == 0:
            first = self.received[0] if self.received else received[0].as_py()
            self.received = first, received[-1].as_py()
        self._count_streams(table)
        if self._show is not None:
            self._show(Progress(self.rows, self._meter.done, self._meter.total))

    def report(self, format: str, instruments: dict[str, tuple[Decimal, Decimal]]) -> Report:
        """All that is known at the end."""
        steps = {name: (f"{tick:f}", f"{lot:f}") for name, (tick, lot) in sorted(instruments.items())}
        notes = self._findings.notes()
        return Report(format, self.rows, self.streams, self.begin, self.end, steps, self._findings.gaps, notes)

    def _count_streams(self, table: pa.Table) -> None:
        # Numbers of a stream are consecutive, so that a count tells the last one.
        columns = [table[name].unify_dictionaries().combine_chunks() for name in NAMES]
        names = [column.dictionary.to_pylist() for column in columns]
        key = np.zeros(len(table), np.int64)
        for column, words in zip(columns, names, strict=True):
            key = key * max(1, len(words)) + column.indices.to_numpy(zero_copy_only=False)
        counts = np.bincount(key)
        for code, count in zip(np.flatnonzero(counts), counts[counts > 0], strict=True):
            parts = []
            rest = int(code)
            for words in reversed(names):
                rest, place = divmod(rest, max(1, len(words)))
                parts.append(words[place])
            known = self.streams.setdefault(":".join(filter(None, reversed(parts))), StreamInfo(first_seq=1))
            known.rows += int(count)
            known.last_seq = known.rows


def _info(report: Report, paths: Sequence[Path], run: _Run) -> RecordingInfo:
    return RecordingInfo(
        version=feed.__version__,
        source=f"{report.format}: {', '.join(path.name for path in paths)}",
        started=run.received[0] if run.received else None,
        ended=run.received[1] if run.received else None,
        instruments=report.instruments,
        streams=report.streams,
        gaps=report.gaps,
        notes=report.notes,
    )


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
