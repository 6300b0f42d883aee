"""`feed replay-bundle`: a bundle's market made again, compared with its traffic, and served."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from feed.cli.app import COMMANDS

if TYPE_CHECKING:
    from feed.service.rerun import Comparison

__all__ = ["app"]

EPILOG = """\b
Examples:
  feed replay-bundle mine.zip             compare, and serve it on ws://127.0.0.1:8765
  feed replay-bundle mine.zip --check     compare only

The market waits for its first subscriber; then the commands of its log take effect where they did. It is the shared
market, and the one of its own name (?market=NAME). Exit codes:
  0  every byte that can be compared is as it was
  3  a byte differs: the line says which one, and why
  2  a wrong usage or file
"""

EXIT_IF_DIFFERENT = 3

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.command("replay-bundle", help=COMMANDS["replay-bundle"], epilog=EPILOG)
def replay_bundle(
    file: Annotated[Path, typer.Argument(help="A bundle, as feed bundle and GET /markets/NAME/bundle give it.")],
    check: Annotated[bool, typer.Option("--check", help="Compare with the recorded traffic, and end.")] = False,
    host: Annotated[str | None, typer.Option(help="Address to listen on.", show_default="127.0.0.1")] = None,
    port: Annotated[
        int | None, typer.Option(help="Port to listen on; 0: any.", min=0, max=65_535, show_default="8765")
    ] = None,
) -> None:
    """Compare and serve."""
    from feed.clock import SystemClock
    from feed.service.logs import configure_logs, ready_line
    from feed.service.options import load_settings
    from feed.service.rerun import opened_bundle
    from feed.service.serving import serve

    settings = load_settings({"host": host, "port": port})
    configure_logs(settings.log_level, settings.log_format)
    with opened_bundle(file, settings) as rerun:
        comparison = rerun.compare(SystemClock())
        typer.echo(f"{file}: {_told(comparison)}", err=comparison.difference is not None)
        if check or comparison.difference is not None:
            raise typer.Exit(0 if comparison.difference is None else EXIT_IF_DIFFERENT)
        made = rerun.manifest
        say = lambda url: typer.echo(ready_line(settings.log_format, f"{made.market} ({made.scenario})", url))  # noqa: E731
        raise typer.Exit(serve(rerun.settings, say, rerun))


def _told(comparison: Comparison) -> str:
    if comparison.difference is not None:
        reason = comparison.reason or "by the same version of feed, which is a mistake of feed's"
        return f"{comparison.difference}; {reason}"
    rest = f"; {comparison.passed_over} more cannot be compared" if comparison.passed_over else ""
    return f"{comparison.compared} messages are as they were, byte for byte{rest}"
