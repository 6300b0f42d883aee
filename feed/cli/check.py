"""`feed check`: report all mistakes of all files at once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from feed.cli.app import COMMANDS
from feed.errors import RecordingError, ScenarioError, UsageError

if TYPE_CHECKING:
    from feed.scenario.model import Scenario

__all__ = ["app"]

EPILOG = """\b
Examples:
  feed check my.toml other.json
  feed check halt                               a scenario by its name
  feed check --schema > scenario.schema.json    for editors
"""

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.command("check", help=COMMANDS["check"], epilog=EPILOG)
def check(
    files: Annotated[
        list[Path] | None,
        typer.Argument(help="Scenario files, TOML or JSON, or names of scenarios.", show_default=False),
    ] = None,
    scenarios: Annotated[
        Path | None, typer.Option(help="Folder in place of the bundled scenarios.", show_default=False)
    ] = None,
    schema: Annotated[bool, typer.Option("--schema", help="Print the JSON Schema of the format instead.")] = False,
) -> None:
    """Check all files, even after mistakes in earlier ones."""
    if schema:
        _print_schema()
        return
    if not files:
        raise UsageError("name the files to check: feed check FILE…")
    wrong = sum(not _is_good(file, scenarios) for file in files)
    if wrong:
        raise typer.Exit(2)


def _is_good(file: Path, folder: Path | None) -> bool:
    from feed.scenario.contradictions import doubts_about
    from feed.scenario.find import find_scenario
    from feed.scenario.load import load_scenario, with_lines
    from feed.sources.opening import open_source

    try:
        own = not file.suffix and file.is_file()
        scenario, path = (load_scenario(file), file) if own else find_scenario(str(file), folder)
        _check_files(scenario, path)
        source = open_source(scenario, path, scenario.seed)
    except (ScenarioError, RecordingError, UsageError) as error:
        typer.echo(str(error), err=True)
        return False
    from feed.units import format_duration

    length = "endless" if source.end is None else format_duration(source.end - source.start)
    symbols = ", ".join(instrument.symbol for instrument in source.instruments)
    typer.echo(f"{file}: fine: {scenario.name}, {symbols}, {length}")
    for doubt in with_lines(list(doubts_about(scenario)), path):
        typer.echo(f"{doubt.file or path}{f':{doubt.line}' if doubt.line else ''}: note: {doubt}")
    for notice in source.notices:
        typer.echo(f"{file}: note: {notice}")
    return True


def _check_files(scenario: Scenario, path: Path) -> None:
    """Report the key of a file that does not exist; contents are read later."""
    from feed.errors import Problem
    from feed.scenario.load import with_lines

    if path.suffix.lower() not in (".toml", ".json"):
        return
    key = "source.file" if scenario.replay is None else "replay.files"
    missing = [path.parent / name for name in scenario.files if not (path.parent / name).exists()]
    if missing:
        problems = [Problem(key, f"there is no file {name}", "relative to the scenario's folder") for name in missing]
        raise ScenarioError(str(path), with_lines(problems, path))


def _print_schema() -> None:
    import json

    from feed.scenario.load import scenario_schema

    typer.echo(json.dumps(scenario_schema(), indent=2))
