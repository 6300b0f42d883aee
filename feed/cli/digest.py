"""`feed digest`: show that two machines make the same market, without a server."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from feed.cli.app import COMMANDS
from feed.cli.completion import complete_scenario
from feed.units import MAX_SEED, parse_duration

__all__ = ["app"]

EPILOG = """\b
Examples:
  feed digest calm
  feed digest flash-crash --seed 7 --frames 100000 --json

The first line is what a server tells as `digest` in its `status` event: a hash of all that the bytes follow from,
with the versions of format and generator, the scenario, its files, the seed, the beginning and the end. With an equal
digest every frame of every channel is equal. `epoch`, by which clients resume, is the digest and a number. The other
lines are hashes of the frames themselves: the snapshot of a stream and its first messages, as they come out here.
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
    activity: Annotated[float, typer.Option(help="Multiple of the rate of orders.", min=0.01, max=100)] = 1.0,
    frames: Annotated[int, typer.Option(help="Messages of each stream.", min=1, max=100_000_000)] = 1000,
    at: Annotated[str, typer.Option(help="Begin so far into the scenario.", metavar="TIME")] = "0",
    until: Annotated[
        str | None, typer.Option(help="End so far into the scenario.", metavar="TIME", show_default=False)
    ] = None,
    scenarios: Annotated[
        Path | None, typer.Option(help="Folder in place of the bundled scenarios.", show_default=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, for programs.")] = False,
) -> None:
    """Print the market's digest, and one line per stream: sha256, messages and the stream's name."""
    from feed.market.digest import FORMAT_VERSION, digest_streams, market_digest
    from feed.scenario.activity import with_activity
    from feed.scenario.find import find_scenario
    from feed.sources.opening import open_source

    found, path = find_scenario(scenario, scenarios)
    chosen = found.seed if seed is None else seed
    found = with_activity(found, activity)
    source = open_source(found, path, chosen, until=None if until is None else parse_duration(until))
    begins = source.start + parse_duration(at)
    whole = market_digest(found, path.parent, source, seed=chosen, at=begins)
    entries = digest_streams(source, at=begins, frames=frames)
    if as_json:
        facts = {"scenario": found.name, "seed": chosen, "format": FORMAT_VERSION, "digest": whole}
        typer.echo(json.dumps({**facts, "streams": [asdict(entry) for entry in entries]}, indent=2))
        return
    typer.echo(f"digest {whole}")
    for entry in entries:
        typer.echo(f"{entry.sha256}  {entry.frames:>8}  {entry.stream.key}")
