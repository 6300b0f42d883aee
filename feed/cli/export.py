"""`feed export`: files of other programs, from a recording."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from feed.cli.app import COMMANDS
from feed.exporting.targets import TARGETS

if TYPE_CHECKING:
    from feed.tape.reader import RecordingReader
    from feed.tape.slices import Slice

__all__ = ["app"]

_TARGETS = "\n".join(f"  {each.name:<12} {each.description}" for each in TARGETS.values())

EPILOG = f"""\b
Targets:
{_TARGETS}
\b
Examples:
  feed export csv day.parquet --out trades.csv.zst
  feed export candles day.parquet --interval 5m --out bars.parquet
  feed export hftbacktest day.parquet --symbol BTC/USDT --out btcusdt.npz
  feed export tardis day.parquet --levels 25 --venue binance --out tardis
  feed export nautilus day.parquet --out catalog
"""

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.command("export", help=COMMANDS["export"], epilog=EPILOG)
def export(
    target: Annotated[str, typer.Argument(help="What is to be written: see below.")],
    file: Annotated[Path, typer.Argument(help="A recording, or any file that feed import knows by itself.")],
    out: Annotated[Path, typer.Option(help="The file, or the folder, to write.")],
    symbol: Annotated[list[str] | None, typer.Option(help="One, or several; else all.")] = None,
    start: Annotated[
        str | None, typer.Option(help="Begin at this time, or so far into it.", metavar="TIME", show_default=False)
    ] = None,
    end: Annotated[
        str | None, typer.Option(help="End before this time, or so far into it.", metavar="TIME", show_default=False)
    ] = None,
    channel: Annotated[str | None, typer.Option(help="Of csv and jsonl: the channel.", show_default=False)] = None,
    interval: Annotated[
        str | None, typer.Option(help="Of candles: their length, such as 5m.", metavar="TIME", show_default=False)
    ] = None,
    levels: Annotated[
        int | None, typer.Option(help="Of tardis: levels of book_snapshot_N.", min=1, max=1000, show_default=False)
    ] = None,
    venue: Annotated[
        str | None, typer.Option(help="Of tardis and nautilus: the exchange's name.", show_default=False)
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there.")] = False,
) -> None:
    """Write in bounded memory; what had to be assumed is reported."""
    from feed.cli.ending import clean_end
    from feed.dataframes.spans import slice_of
    from feed.exporting.run import export_file
    from feed.exporting.target import ExportOptions
    from feed.units import parse_duration

    length = None if interval is None else parse_duration(interval)
    options = ExportOptions(channel=channel, interval=length, levels=levels, venue=venue)

    def chosen(reader: RecordingReader) -> Slice:
        return slice_of(reader, start, end, symbol or None)

    with clean_end():
        done = export_file(target, file, out, chosen=chosen, options=options, force=force)
    typer.echo(f"{out}: {', '.join(f'{rows} {kind}' for kind, rows in done.rows.items()) or 'nothing'}")
    for note in done.notes:
        typer.echo(f"- {note}")
