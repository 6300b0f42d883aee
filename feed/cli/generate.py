"""`feed generate`: write any length of a market to a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from feed.cli.app import COMMANDS
from feed.cli.completion import complete_scenario
from feed.units import MAX_SEED
from feed.version import __version__

if TYPE_CHECKING:
    from feed.tape.export import GenerationProgress

__all__ = ["app"]

EPILOG = """\b
Examples:
  feed generate calm --for 7d --out ticks.parquet
  feed generate flash-crash --seed 3 --out crash.csv.gz --force
"""

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.command("generate", help=COMMANDS["generate"], epilog=EPILOG)
def generate(
    scenario: Annotated[
        str, typer.Argument(help="A scenario's name, or the path of a file.", autocompletion=complete_scenario)
    ],
    out: Annotated[Path, typer.Option(help="The file: a recording (.parquet), or a .csv or .csv.gz.")],
    seed: Annotated[
        int | None, typer.Option(help="In place of the scenario's own.", min=0, max=MAX_SEED, show_default=False)
    ] = None,
    activity: Annotated[float, typer.Option(help="Multiple of the rate of orders.", min=0.01, max=100)] = 1.0,
    length: Annotated[
        str | None,
        typer.Option("--for", help="Market time, such as 90s, 1h30m or 7d; else to the end.", metavar="TIME"),
    ] = None,
    at: Annotated[str, typer.Option(help="Begin so far into the scenario.", metavar="TIME")] = "0",
    scenarios: Annotated[
        Path | None, typer.Option(help="Folder in place of the bundled scenarios.", show_default=False)
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
) -> None:
    """Write one row per fill, in bounded memory at any length."""
    from feed.cli.ending import clean_end
    from feed.market.digest import market_digest
    from feed.scenario.activity import with_activity
    from feed.scenario.find import find_scenario
    from feed.sources.opening import open_source
    from feed.tape import export
    from feed.tape.layout import RecordingInfo
    from feed.units import parse_duration

    wanted = None if length is None else parse_duration(length)
    begin = parse_duration(at)
    found, path = find_scenario(scenario, scenarios)
    chosen = found.seed if seed is None else seed
    source = open_source(with_activity(found, activity), path, chosen)
    info = RecordingInfo(
        version=__version__,
        source=f"feed generate {found.name}",
        scenario=found.name,
        seed=chosen,
        digest=market_digest(found, path.parent, source, seed=chosen, at=source.start + begin),
    )
    whole = wanted if source.end is None else min(wanted or source.end, source.end - source.start - begin)
    with clean_end(), _bar(whole) as show:
        done = export.generate(source, out, length=wanted, at=begin, force=force, info=info, on_progress=show)
    typer.echo(f"{out}: {done.rows} ticks of {found.name}, seed {chosen}")


@contextmanager
def _bar(whole: int | None) -> Iterator[Callable[[GenerationProgress], None]]:
    """Show a progress bar on stderr if that is a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (BarColumn(), TextColumn("{task.percentage:>3.0f} %"), TextColumn("{task.fields[rows]:,} ticks"))
    with Progress(*columns, TimeRemainingColumn(), console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=whole, rows=0)
        yield lambda done: progress.update(task, completed=done.passed, rows=done.rows)
