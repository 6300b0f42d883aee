"""`feed preview`: draw a scenario before it is served."""

from __future__ import annotations

import gc
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from feed.cli.app import COMMANDS
from feed.cli.completion import complete_scenario
from feed.errors import UsageError
from feed.units import MAX_SEED

if TYPE_CHECKING:
    from feed.data.ticks import Source

__all__ = ["app", "place_of"]

EPILOG = """\b
Examples:
  feed preview flash-crash                        in the terminal
  feed preview my.toml --seed 3 --out my.png
  feed preview realistic --for 7d --out week.svg
"""

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.command("preview", help=COMMANDS["preview"], epilog=EPILOG)
def preview(
    scenario: Annotated[
        str, typer.Argument(help="A scenario's name, or the path of a file.", autocompletion=complete_scenario)
    ],
    seed: Annotated[
        int | None, typer.Option(help="In place of the scenario's own.", min=0, max=MAX_SEED, show_default=False)
    ] = None,
    length: Annotated[
        str | None,
        typer.Option("--for", help="Market time, such as 10m or 1d; else the script, or a day.", metavar="TIME"),
    ] = None,
    symbol: Annotated[str | None, typer.Option(help="Only this one; else all.", show_default=False)] = None,
    out: Annotated[
        Path | None, typer.Option(help="A picture, .png or .svg; else a plot in the terminal.", show_default=False)
    ] = None,
    scenarios: Annotated[
        Path | None, typer.Option(help="Folder in place of the bundled scenarios.", show_default=False)
    ] = None,
) -> None:
    """Draw a stretch of a market, from its start on."""
    with _uncollected():
        _show(scenario, seed, length, symbol, out, scenarios)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Disable garbage collection in the block: it takes a fifth of the time of imports and finds next to nothing."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _show(
    scenario: str, seed: int | None, length: str | None, symbol: str | None, out: Path | None, scenarios: Path | None
) -> None:
    from functools import partial

    from feed.pictures.beside import read_beside
    from feed.pictures.canvas import check_out, figure, save
    from feed.pictures.preview import preview as look
    from feed.pictures.preview import usual_length
    from feed.scenario.find import find_scenario
    from feed.sources.opening import open_source
    from feed.units import parse_duration

    wanted = None if length is None else parse_duration(length)
    if wanted == 0:
        raise UsageError("--for 0: there is nothing to draw")
    if out is not None:
        check_out(out)
    found, path = find_scenario(scenario, scenarios)
    chosen = found.seed if seed is None else seed
    source = open_source(found, path, chosen)
    places = None if symbol is None else [place_of(source, symbol)]
    whole = usual_length(found, source) if wanted is None else wanted
    if source.end is not None:
        whole = min(whole, source.end - source.start)
    read = read_beside if out is None else partial(read_beside, meanwhile=lambda: figure(1, 1))
    shown = look(found, source, chosen, whole, places, read)
    if out is None:
        from feed.pictures.terminal import market_lines

        width = max(40, min(shutil.get_terminal_size((100, 30)).columns, 160))
        typer.echo("\n".join(market_lines(shown, width)))
        return
    from feed.pictures.market import draw_market

    save(draw_market(shown), out)
    typer.echo(f"{out}: {found.name}, seed {chosen}, {sum(track.fills for track in shown.tracks)} ticks")


def place_of(source: Source, symbol: str) -> int:
    """Return the index of a symbol in a source.

    Raises:
        UsageError: the source has no symbol of this name.
    """
    from feed.hints import nearest

    known = [instrument.symbol for instrument in source.instruments]
    if symbol in known:
        return known.index(symbol)
    near = nearest(symbol, known)
    hint = f"did you mean {near}?" if near else f"there is {', '.join(known[:20])}"
    raise UsageError(f"there is no symbol {symbol[:50]} ({hint})")
