"""`feed list`: list the scenarios that can be served by name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from feed.cli.app import COMMANDS

__all__ = ["app"]

EPILOG = """\b
Examples:
  feed list
  feed list --json | jq '.[].name'
"""

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.command("list", help=COMMANDS["list"], epilog=EPILOG)
def list_command(
    scenarios: Annotated[
        Path | None, typer.Option(help="Folder in place of the bundled scenarios.", show_default=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, for programs.")] = False,
) -> None:
    """Print one line per scenario."""
    from feed.scenario.find import list_scenarios

    rows = [
        {"name": item.name, "seed": item.seed, "description": item.description} for item in list_scenarios(scenarios)
    ]
    if as_json:
        typer.echo(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    width = max((len(str(row["name"])) for row in rows), default=0)
    for row in rows:
        typer.echo(f"{row['name']!s:<{width}}  {row['description']}")
