"""Registry of all formats by name. To add one, write a file with a `Format` and list it here."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from feed.errors import UsageError
from feed.hints import nearest
from feed.importing.binance import BINANCE
from feed.importing.bitfinex import BITFINEX
from feed.importing.captures import capture_format
from feed.importing.column_mapping import BARS, TRADES
from feed.importing.columns import Meter
from feed.importing.findings import Findings
from feed.importing.format import Beginning, Format, Reader
from feed.importing.headless import HEADLESS_BARS, HEADLESS_TRADES
from feed.importing.ladders import LADDERS
from feed.importing.lean import LEAN
from feed.importing.options import Options
from feed.importing.orderlogs import ORDER_LOGS
from feed.importing.own import RECORDING, TICKS
from feed.importing.sessions import unread_session
from feed.importing.tardis import TARDIS
from feed.venues.registry import VENUES

__all__ = ["FORMATS", "detect", "open_files"]

FORMATS: dict[str, Format] = {
    each.name: each
    for each in (
        RECORDING, TICKS, *map(capture_format, VENUES), LEAN, *TARDIS, *BINANCE, BITFINEX, ORDER_LOGS, LADDERS,
        BARS, TRADES, HEADLESS_BARS, HEADLESS_TRADES,
    )
}  # fmt: skip
"""All formats, in the order in which `auto` tests a file."""


def open_files(format: str, paths: Sequence[Path], options: Options, findings: Findings, meter: Meter) -> Reader:
    """Return a reader of these files.

    Raises:
        UsageError: the format does not exist, or an option has no use for it or is missing.
        RecordingError: a file is not of the format.
    """
    if format not in FORMATS:
        near = nearest(format, FORMATS)
        hint = f"did you mean {near!r}? " if near else ""
        raise UsageError(f"there is no format {format!r}; {hint}known are auto, {', '.join(FORMATS)}")
    return FORMATS[format].reader(paths, options, findings, meter)


def detect(path: Path) -> tuple[str, str]:
    """Return the format of a file, and the reason.

    Raises:
        UsageError: the format cannot be detected.
        RecordingError: the file cannot be read.
    """
    beginning = Beginning(path)
    for format in FORMATS.values():
        if (why := format.detect(beginning)) is not None:
            return format.name, why
    if beginning.has_lines and (venue := unread_session(beginning.lines)) is not None:
        read = ", ".join(VENUES)
        raise UsageError(f"{path}: this is a session of {venue}, which is known and not read; those of {read} are")
    has = "" if beginning.is_lines else f": the file has {', '.join(beginning.head.cells[:20])}"
    raise UsageError(f"{path}: its format cannot be told by its beginning{has}; name it in place of auto")
