"""Export of a source's ticks to a file: as a recording, or as a CSV, one row a fill.

Both use the memory of one row group, whatever the length. The file gets its name only once it is complete.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from feed.data.ticks import Source, batches_between
from feed.errors import FeedError, UsageError
from feed.tape.disk import keep
from feed.tape.layout import RecordingInfo
from feed.tape.parquet import RecordingFile, unfinished
from feed.tape.rows import batch_of, rows_of_batch, status_row
from feed.tape.tickcsv import TickCsv
from feed.version import __version__

__all__ = ["SUFFIXES", "GenerationProgress", "generate", "written_whole"]

SUFFIXES = (".parquet", ".csv", ".csv.gz")


@dataclass(frozen=True, slots=True)
class GenerationProgress:
    """Progress of an export: ticks written, and market time passed, ns."""

    rows: int
    passed: int


def generate(
    source: Source,
    path: Path,
    *,
    length: int | None = None,
    at: int = 0,
    force: bool = False,
    info: RecordingInfo | None = None,
    on_progress: Callable[[GenerationProgress], None] | None = None,
) -> GenerationProgress:
    """Write the ticks of `length` ns of market time, from `at` ns after the source's start, in the format of `path`.

    A Parquet is a recording of the trades and the changes of status, which plays as the source itself does. A CSV is an
    export: `time` (ns UTC), `symbol`, `price`, `size`, `side`, `bid`, `bid_size`, `ask`, `ask_size`, `trade_id`,
    `volume` (since the UTC day of market time began).

    Args:
        info: the recording's facts about its origin.

    Raises:
        UsageError: for a name of no known kind, a file that is there, or an endless source without a length.
        FeedError: when the file cannot be written.
    """
    begin = source.start + at
    end = _end(source, begin, length)
    kind = _kind(path, force)
    write = _write_recording if kind == ".parquet" else _write_csv
    known = info or RecordingInfo(version=__version__, source="a source")
    done = GenerationProgress(0, 0)
    try:
        for rows, passed in write(source, path, begin, end, known):
            done = GenerationProgress(done.rows + rows, passed)
            if on_progress is not None:
                on_progress(done)
    except OSError as error:
        raise FeedError(f"{path} cannot be written: {error.strerror or error}") from error
    return done


def _write_recording(
    source: Source, path: Path, begin: int, end: int, info: RecordingInfo
) -> Iterator[tuple[int, int]]:
    """Write a recording; yield the trades written and the time reached, periodically."""
    instruments = source.instruments
    steps = {each.symbol: (f"{each.tick_size:f}", f"{each.lot_size:f}") for each in instruments}
    counts = [0] * (2 * len(instruments))
    with contextlib.ExitStack() as stack:
        stack.callback(unfinished(path).unlink, missing_ok=True)
        file = RecordingFile(path)
        stack.callback(file.discard)
        # The initial state, which the changes follow, as a recorder sees it.
        file.write(batch_of([status_row(change, "snapshot", begin, 0) for change in source.statuses(begin)]))
        for batch in batches_between(source, begin, end):
            file.write(rows_of_batch(instruments, batch, counts))
            yield sum(map(len, batch.ticks)), batch.end - begin
        file.finish(info.model_copy(update={"instruments": steps, "begins": begin, "ends": end}))
        stack.pop_all()


def _write_csv(source: Source, path: Path, begin: int, end: int, info: RecordingInfo) -> Iterator[tuple[int, int]]:
    """Write a CSV; yield the trades written and the time reached, periodically."""
    del info  # A CSV has no place for it.
    with written_whole(path) as part, contextlib.closing(TickCsv(part, packed=path.suffix.lower() == ".gz")) as file:
        for batch in batches_between(source, begin, end):
            file.write(source.instruments, batch)
            yield sum(map(len, batch.ticks)), batch.end - begin


def _end(source: Source, begin: int, length: int | None) -> int:
    ends = [time for time in (source.end, None if length is None else begin + length) if time is not None]
    if not ends:
        raise UsageError("this scenario never ends: say how much of it, such as --for 7d")
    if begin >= min(ends):
        raise UsageError("there is nothing to write: the scenario has ended by then")
    return min(ends)


def _kind(path: Path, force: bool) -> str:
    kind = next((suffix for suffix in SUFFIXES if path.name.lower().endswith(suffix)), None)
    if kind is None:
        raise UsageError(f"{path} names no kind of file that can be written; end it with {', '.join(SUFFIXES)}")
    if path.is_dir():
        raise UsageError(f"{path} is a folder")
    if path.exists() and not force:
        raise UsageError(f"{path} is there already; --force replaces it")
    return kind


@contextlib.contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Yield a temporary file name; the file is renamed at the end of the block, or removed after an error."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield part
        keep(part)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
