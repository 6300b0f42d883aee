"""`feed digest`: shows that two machines make the same market, without a server."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from feed.cli.app import COMMANDS
from feed.cli.completion import complete_scenario
from feed.units import MAX_SEED

__all__ = ["app"]

EPILOG = """\b
Examples:
  feed digest calm
  feed digest flash-crash --seed 7 --frames 100000 --json
"""

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.command("digest", help=COMMANDS["digest"], epilog=EPILOG)
def digest(
    scenario: Annotated[
        str, typer.Argument(help="A scenario's name, or the path of a file.", autocompletion=complete_scenario)
    ],
    seed: Annotated[
        int | None, typer.Option(help="In place of the scenario's own.", min=0, max=MAX_SEED, show_default=False)
    ] = None,
    frames: Annotated[int, typer.Option(help="Frames of each stream.", min=1, max=100_000_000)] = 1000,
    scenarios: Annotated[
        Path | None, typer.Option(help="Folder in place of the bundled scenarios.", show_default=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, for programs.")] = False,
) -> None:
    """One line a stream: frames, sha256 and the stream's name."""
    from feed.market.digest import FORMAT_VERSION, digest_streams
    from feed.scenario.find import find_scenario
    from feed.sources.opening import open_source

    found, path = find_scenario(scenario, scenarios)
    chosen = found.seed if seed is None else seed
    entries = digest_streams(open_source(found, path, chosen), frames=frames)
    if as_json:
        streams = [asdict(entry) for entry in entries]
        whole = {"scenario": found.name, "seed": chosen, "format": FORMAT_VERSION, "streams": streams}
        typer.echo(json.dumps(whole, indent=2))
        return
    for entry in entries:
        typer.echo(f"{entry.sha256}  {entry.frames:>8}  {entry.stream.key}")
