"""`feed join`: one recording of several files of one market."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from feed.cli.app import COMMANDS

__all__ = ["app"]

EPILOG = """\b
Examples:
  feed join trades.csv.gz quotes.csv.gz --out day.parquet
  feed join BTCUSDT-trades-2024-08-09.zip depth.ws.gz --symbol BTC/USDT --clock time --out day.parquet
"""

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.command("join", help=COMMANDS["join"], epilog=EPILOG)
def join(
    files: Annotated[list[Path], typer.Argument(help="Recordings, or files that feed import knows by themselves.")],
    out: Annotated[Path, typer.Option(help="The recording: a .parquet.")],
    clock: Annotated[
        Literal["received", "time"] | None,
        typer.Option(help="Merge by this clock; else by received, if every file has it.", show_default=False),
    ] = None,
    symbol: Annotated[
        str | None, typer.Option(help="The market's name, where files differ in it or have none.", show_default=False)
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a recording that is there.")] = False,
) -> None:
    """Merge in bounded memory; rows of one file keep their order, and trades get the quote before them."""
    from feed.cli.ending import clean_end
    from feed.cli.import_ import report_lines
    from feed.importing.joining import join_files

    with clean_end():
        report = join_files(files, out, clock=clock, symbol=symbol, force=force)
    typer.echo("\n".join(report_lines(out, report)))
