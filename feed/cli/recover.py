"""`feed recover`: rescue a recording that was cut off, or check that a finished one is whole."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from feed.cli.app import COMMANDS
from feed.errors import FeedError, RecordingError, UsageError

if TYPE_CHECKING:
    from feed.tape.recover import Recovery

__all__ = ["app"]

EPILOG = """\b
Examples:
  feed recover day.parquet.part        writes day.parquet and tells what is lost
  feed recover day.parquet             reads all of it, against every checksum
\b
Exit codes:
  0  all is whole: everything that was flushed is in the recording
  3  something in it is damaged or lost, and is named; what is whole has been written
  2  a wrong usage or file; 1  it could not be written
"""

EXIT_WITH_LOSSES = 3

MAX_LISTED = 20
"""Maximum number of damaged places and of gaps that are listed; of further places only the number is given."""

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.command("recover", help=COMMANDS["recover"], epilog=EPILOG)
def recover(
    file: Annotated[Path, typer.Argument(help="A recording that was cut off (.part), or a finished one.")],
    out: Annotated[
        Path | None, typer.Option(help="The recording to be; else the name without .part.", show_default=False)
    ] = None,
    past_damage: Annotated[
        bool,
        typer.Option(
            "--past-damage", help="Take whole batches behind damage, too; what is missing between becomes a gap."
        ),
    ] = False,
) -> None:
    """Recover a recording that was cut off, or check a finished one."""
    if not file.is_file():
        raise UsageError(f"{file}: there is no such file")
    if file.suffix != ".part" and out is None:
        _check(file)
        return
    from feed.tape.recover import recover as run
    from feed.tape.recover import target_of

    try:
        recovery = run(file, out or target_of(file), past_damage=past_damage)
    except OSError as error:
        raise FeedError(f"{out or target_of(file)} cannot be written: {error.strerror or error}") from error
    for line in _report(file, recovery, past_damage=past_damage):
        typer.echo(line)
    raise typer.Exit(0 if recovery.is_whole else EXIT_WITH_LOSSES)


def _check(path: Path) -> None:
    from feed.tape.reader import open_recording

    try:
        with open_recording(path) as recording:
            recording.check()
            lost = len(recording.info.gaps)
            gaps = f", {lost} gaps while it was recorded" if lost else ""
            typer.echo(f"{path}: whole, {recording.rows} messages{gaps}")
    except RecordingError as error:
        typer.echo(f"feed: {error}", err=True)
        raise typer.Exit(EXIT_WITH_LOSSES) from None


def _report(part: Path, recovery: Recovery, *, past_damage: bool) -> list[str]:
    from feed.units import format_time

    reached = "" if recovery.time is None else f", up to market time {format_time(recovery.time)}"
    lines = [f"{recovery.out}: {recovery.rows} messages of {recovery.batches} batches{reached}"]
    if recovery.is_whole:
        return [*lines, f"{part}: whole; lost is only what came after the last flush"]
    lines += [f"{part}: damaged, {damage}" for damage in recovery.damages[:MAX_LISTED]]
    if len(recovery.damages) > MAX_LISTED:
        lines.append(f"{part}: damaged in {len(recovery.damages) - MAX_LISTED} more places")
    if recovery.behind_batches:
        taken = "taken" if past_damage else "left out; --past-damage takes them"
        lines.append(f"behind it: {recovery.behind_batches} whole batches, {recovery.behind_rows} messages, {taken}")
    for gap in recovery.gaps[:MAX_LISTED]:
        lines.append(f"lost: {gap.before - gap.after - 1} messages of {gap.stream}, seq {gap.after} to {gap.before}")
    return lines
