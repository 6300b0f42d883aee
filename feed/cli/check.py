"""`feed check`: all mistakes of all files at once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from feed.cli.app import COMMANDS
from feed.errors import RecordingError, ScenarioError, UsageError

__all__ = ["app"]

EPILOG = """\b
Examples:
  feed check my.toml other.json
  feed check --schema > scenario.schema.json    for editors
"""

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.command("check", help=COMMANDS["check"], epilog=EPILOG)
def check(
    files: Annotated[
        list[Path] | None, typer.Argument(help="Scenario files, TOML or JSON.", show_default=False)
    ] = None,
    schema: Annotated[bool, typer.Option("--schema", help="Print the JSON Schema of the format instead.")] = False,
) -> None:
    """Check the files, one after the other, whatever the ones before had."""
    if schema:
        _print_schema()
        return
    if not files:
        raise UsageError("name the files to check: feed check FILE…")
    wrong = sum(not _is_good(file) for file in files)
    if wrong:
        raise typer.Exit(2)


def _is_good(file: Path) -> bool:
    from feed.scenario.find import find_scenario
    from feed.scenario.load import load_scenario
    from feed.sources.opening import open_source

    try:
        scenario, path = find_scenario(str(file)) if file.suffix else (load_scenario(file), file)
        source = open_source(scenario, path, scenario.seed)
    except (ScenarioError, RecordingError, UsageError) as error:
        typer.echo(str(error), err=True)
        return False
    from feed.units import format_duration

    length = "endless" if source.end is None else format_duration(source.end - source.start)
    symbols = ", ".join(instrument.symbol for instrument in source.instruments)
    typer.echo(f"{file}: fine: {scenario.name}, {symbols}, {length}")
    for notice in source.notices:
        typer.echo(f"{file}: note: {notice}")
    return True


def _print_schema() -> None:
    import json

    from feed.scenario.load import scenario_schema

    typer.echo(json.dumps(scenario_schema(), indent=2))
