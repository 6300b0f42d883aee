"""`feed bundle`: everything that a market's bytes follow from, and what happened, as one file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from feed.cli.app import COMMANDS
from feed.cli.lab import DEFAULT_URL, MarketName, Token, Url, market_of
from feed.errors import FeedError, UsageError

__all__ = ["app"]

EPILOG = """\b
Examples:
  feed bundle mine
  feed bundle mine --out failed/checkout.zip --url ws://127.0.0.1:9000
  feed replay-bundle mine.zip

The zip holds the scenarios with what they include, the files that they play, seed and version, the log of commands,
faults, the report, and both directions of the traffic that was kept.
"""

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.command("bundle", help=COMMANDS["bundle"], epilog=EPILOG)
def bundle(
    name: MarketName,
    out: Annotated[Path | None, typer.Option(help="The file; else NAME.zip here.", show_default=False)] = None,
    url: Url = DEFAULT_URL,
    token: Token = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
) -> None:
    """Write the bundle of a market of a running server."""
    path = out or Path(f"{name}.zip")
    if path.exists() and not force:
        raise UsageError(f"{path} is there already; --force replaces it")
    content = market_of(url, name, token).bundle()
    try:
        path.write_bytes(content)
    except OSError as error:
        raise FeedError(f"{path} cannot be written: {error.strerror or error}") from error
    typer.echo(f"{path}: the market {name}, {len(content)} bytes; feed replay-bundle {path} makes it again")
