"""Opening of any file of market data as a source: a recording directly, other formats by an import."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from feed.data.book import Books
from feed.data.ticks import Instrument, TickBlock
from feed.engine.books import SAMPLE_ROWS, books_around
from feed.errors import UsageError, failure
from feed.importing.heads import head_of
from feed.importing.magnitudes import TooFineError
from feed.importing.options import Options
from feed.importing.rules import SOURCE_RULES
from feed.importing.running import FileImport, check_files, import_files
from feed.importing.spelling import SECTION
from feed.scenario.tickfile import TickFile
from feed.tape.columns import Pace, gather_rows
from feed.tape.reader import is_recording
from feed.tape.replay import RecordingSource, read_recording
from feed.tape.slices import Slice

__all__ = ["open_file", "open_recorded", "open_tick_file"]

USUAL_SYMBOL = "BTC/USD"
"""Default symbol of a file that names none; a notice says that it was assumed."""


def open_recorded(path: Path, chosen: Slice | None = None, *, pace: Pace = "exchange") -> RecordingSource:
    """Open a recording, or a slice of it, as a source, with a book around the trades of each symbol without a book.

    Args:
        path: the file.
        chosen: the part to open; else all of it.
        pace: the clock by which it is played: the exchange's, or the recorder's.

    Raises:
        RecordingError: names the file, and the row or the place of the first mistake.
    """
    return read_recording(path, _book_around, chosen, pace)


def open_file(path: Path, pace: Pace = "exchange") -> RecordingSource:
    """Open a file of any format as a source; see `open_recorded`.

    Raises:
        RecordingError: the file cannot be used, or its format is not recognised.
    """
    if is_recording(path):
        return open_recorded(path, pace=pace)
    try:
        with tempfile.TemporaryDirectory(prefix="feed-", ignore_cleanup_errors=True) as folder:
            made = Path(folder) / "imported.parquet"
            import_files("auto", [path], made, options=Options(usual_symbol=USUAL_SYMBOL))
            # Its content is in memory and in unnamed files by then.
            return open_recorded(made, pace=pace)
    except UsageError as error:
        hint = "feed import makes a recording of it, with options that say what its columns are"
        raise failure(path, "", str(error).removeprefix(f"{path}: "), hint) from None


def open_tick_file(spec: TickFile, path: Path, instrument: Instrument) -> RecordingSource:
    """Open the file of a `[source]` section: an import of trades with the section's keys as options.

    Args:
        spec: the meaning of the file's columns.
        path: the file; the caller resolves `spec.file` against the scenario's folder.
        instrument: the symbol, and the steps that the file's prices and sizes are multiples of.

    Raises:
        RecordingError: names the file, the column and the row of the first mistake.
    """
    if (
        spec.format is not None
        and path.is_file()
        and head_of(path, spec.delimiter).parquet != (spec.format == "parquet")
    ):
        other = "csv" if spec.format == "parquet" else "parquet"
        raise failure(path, "", f"is no {spec.format}", f'leave format out, or set format = "{other}"')
    options = Options(
        columns=spec.columns,
        symbol=instrument.symbol,
        time_unit=spec.time_unit,
        date=spec.date,
        side_means=spec.side_means,
        buy=spec.buy,
        missing_size=spec.missing_size,
        rounding=spec.rounding,
        tick_size=instrument.tick_size,
        lot_size=instrument.lot_size,
        delimiter=spec.delimiter,
        header=spec.header,
        rules=SOURCE_RULES,
        spelling=SECTION,
    )
    check_files([path])
    run = FileImport("trades", [path], options)
    # The steps are given, so that rows can be played while they are read.
    batches = (batch for table in run.tables() for batch in table.combine_chunks().to_batches())
    try:
        rows = gather_rows(path, {instrument.symbol: instrument}, batches)
    except TooFineError as error:
        raise failure(path, "", error.message, error.hint(SECTION)) from None
    return RecordingSource(rows, run.info(), _book_around)


def _book_around(symbol: str, between: Callable[[int, int], TickBlock], first: Callable[[int], TickBlock]) -> Books:
    return books_around(symbol, between, first(SAMPLE_ROWS))
