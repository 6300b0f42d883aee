"""`feed realism`: compare a scenario or a file of real trades with real markets."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from feed.cli.app import COMMANDS
from feed.cli.completion import complete_scenario
from feed.errors import UsageError
from feed.units import DAY, MAX_SEED, MINUTE, SECOND

if TYPE_CHECKING:
    from feed.importing.options import Options
    from feed.pictures.facts import Sample
    from feed.realism.scoreboard import Fact
    from feed.realism.table import FillTable

__all__ = ["app", "missing_facts"]

EPILOG = """\b
Examples:
  feed realism realistic --seed 3
  feed realism trades.parquet --png facts.png
  feed realism trades.csv.gz --time ts --time-unit us --price px --size qty
  feed realism trades.parquet --twin
  feed realism bars.parquet --html facts.html     one-minute bars: columns close and volume
"""

NEEDS = {
    "the order's side": (
        "fills_per_order",
        "impact_corr_5s",
        "response_1",
        "sign_acf_exponent",
        "sign_acf_lag1",
        "sweep_share",
        "corr_fills_size",
    ),
    "quotes": ("crossed_share", "queue_imbalance_next_1s", "spread_one_tick_share"),
    "a book": ("quotes_per_trade", "depth_imbalance_std", "depth_shape_exponent"),
    "a week": ("hour_profile_max_over_min", "weekend_volume_ratio"),
    "half a day": (
        "acf_absr_1m_exponent",
        "acf_absr_1m_lag1",
        "acf_absr_1m_lag60",
        "acf_r_1m_lag1",
        "corr_absr_volume_1m",
        "hill_1m",
        "kurt_1m",
        "std_log_rv_1h",
        "std_log_volume_1m",
        "vol_day_pct",
        "zumbach_30m",
    ),
}
"""Data that facts need besides enough trades, each with the names of these facts."""

MOST_TWIN_DAYS = 14
"""Longest twin of a file, in days."""

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@dataclass(frozen=True, slots=True)
class _Board:
    title: str
    facts: list[Fact]
    sample: Sample
    twin: dict[str, float] | None = None


@app.command("realism", help=COMMANDS["realism"], epilog=EPILOG)
def realism(
    market: Annotated[
        str,
        typer.Argument(
            help="A scenario, or a file of trades or one-minute bars (CSV, Parquet).", autocompletion=complete_scenario
        ),
    ],
    seed: Annotated[
        int | None, typer.Option(help="In place of the scenario's own.", min=0, max=MAX_SEED, show_default=False)
    ] = None,
    days: Annotated[int, typer.Option(help="Days of a scenario.", min=1, max=366)] = 7,
    symbol: Annotated[str | None, typer.Option(help="Of a scenario; else its first.", show_default=False)] = None,
    time: Annotated[str | None, typer.Option(help="Column of the time in a file.", show_default=False)] = None,
    time_unit: Annotated[
        Literal["ns", "us", "ms", "s", "min", "iso"] | None,
        typer.Option(help="Unit of the times, where their digits do not tell.", show_default=False),
    ] = None,
    price: Annotated[
        str | None, typer.Option(help="Column of the price, or of bars' close.", show_default=False)
    ] = None,
    size: Annotated[str | None, typer.Option(help="Column of the size, or of a volume.", show_default=False)] = None,
    side: Annotated[str | None, typer.Option(help="Column of the side.", show_default=False)] = None,
    side_means: Annotated[
        Literal["taker", "maker", "buyer-is-maker"] | None,
        typer.Option(help="Whose side that column tells; taker where missing.", show_default=False),
    ] = None,
    date: Annotated[
        datetime.datetime | None,
        typer.Option(help="Times count from midnight (UTC) of this day.", formats=["%Y-%m-%d"], show_default=False),
    ] = None,
    twin: Annotated[
        bool, typer.Option("--twin", help="Beside a file: a market set to its price, tick, rate and volatility.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, for programs.")] = False,
    html: Annotated[Path | None, typer.Option(help="Write a page with the picture.", show_default=False)] = None,
    png: Annotated[Path | None, typer.Option(help="Write the picture, .png or .svg.", show_default=False)] = None,
    scenarios: Annotated[
        Path | None, typer.Option(help="Folder in place of the bundled scenarios.", show_default=False)
    ] = None,
) -> None:
    """Print the table of facts: each with its value, the band of real markets, and its verdict."""
    _check_outs(html, png)
    columns = {"time": time, "price": price, "size": size, "side": side}
    others = {"time_unit": time_unit, "side_means": side_means, "date": date and date.date()}
    told = {key: value for key, value in {**columns, **others}.items() if value is not None}
    if _is_file(market):
        board = _of_file(Path(market), _options(columns, others))
        board = _with_twin(board, seed) if twin else board
    elif twin:
        raise UsageError(f"--twin is for files of real trades or bars; {market} is a scenario")
    elif told:
        raise UsageError(f"--{next(iter(told)).replace('_', '-')} is for files of trades; {market} is a scenario")
    else:
        board = _of_scenario(market, scenarios, seed, days, symbol)
    _check_length(board)
    missing = missing_facts(board.facts)
    _show(board, missing, as_json)
    if html is not None or png is not None:
        _draw(board, missing, html, png)


def _options(columns: Mapping[str, str | None], others: Mapping[str, Any]) -> Options:
    """Return the options given for a file, as for an import."""
    from feed.importing.options import Options

    told = {key: int(name) if name.isdecimal() else name for key, name in columns.items() if name is not None}
    return Options(columns=told, **others)


def missing_facts(facts: Sequence[Fact]) -> list[str]:
    """Return the facts that could not be computed, one line for each kind of missing data."""
    from feed.realism.bands import BANDS

    known = {fact.name for fact in facts if fact.value == fact.value}
    left = [name for name in BANDS if name not in known]
    lines = []
    for need in (*NEEDS, "enough trades"):
        names = [name for name in left if name in NEEDS.get(need, left)]
        left = [name for name in left if name not in names]
        if names:
            lines.append(f"not computed, for want of {need}: {', '.join(names)}")
    return lines


def _check_outs(html: Path | None, png: Path | None) -> None:
    from feed.pictures.canvas import check_out, figure

    if html is not None:
        check_out(html, (".html", ".htm"))
    if png is not None:
        check_out(png)
    if html is not None or png is not None:
        figure(1, 1)


def _check_length(board: _Board) -> None:
    """Check that there is a fact to compare. Raises UsageError if the market is too short for a single one."""
    if any(fact.value == fact.value for fact in board.facts):
        return
    from feed.realism.scoreboard import LEAST_BARS, LEAST_FILLS, WINDOW

    fills, bars, has = board.sample.fills, board.sample.bars, "no trades"
    if fills is not None:
        has = f"{len(fills)} trades in {int(fills.time[-1] - fills.time[0]) / SECOND:.1f} s"
    elif len(bars):
        has = f"bars of {len(bars)} minutes"
    raise UsageError(
        f"{board.title}: too short to compare with real markets: it has {has}, and facts need {LEAST_FILLS} trades "
        f"within {WINDOW // MINUTE} minutes, or bars of {LEAST_BARS} minutes"
    )


def _is_file(market: str) -> bool:
    from feed.scenario.find import RECORDINGS

    suffix = Path(market).suffix.lower()
    return suffix in RECORDINGS or (Path(market).is_file() and suffix not in (".toml", ".json"))


def _of_file(path: Path, options: Options) -> _Board:
    from feed.pictures.facts import Sample
    from feed.realism.files import read_file
    from feed.realism.scoreboard import days_of, measure, measure_bars
    from feed.realism.table import MinuteBars
    from feed.tape.reader import is_recording

    if path.is_file() and is_recording(path) and not options.columns:
        return _of_recording(path)
    read, sample = read_file(path, options), Sample()
    if isinstance(read, MinuteBars):
        sample.add(read)
        return _Board(f"{path.name}: {len(read)} minutes", measure_bars(read), sample)
    return _Board(f"{path.name}: {len(read)} trades", measure(sample.watch(days_of(read))), sample)


def _with_twin(board: _Board, seed: int | None) -> _Board:
    """Return the board with the facts of a generated market as long as the file, and set to it."""
    from feed.engine.source import EngineSource
    from feed.realism.scoreboard import generated_days, measure
    from feed.realism.twin import twin_of
    from feed.scenario.load import scenario_from

    real = board.sample.bars if board.sample.fills is None else board.sample.fills
    document = twin_of(real)
    minutes = max(len(board.sample.bars), 1)
    source = EngineSource(scenario_from(document, "twin"), 1 if seed is None else seed)
    days = min(-(-minutes // (DAY // MINUTE)), MOST_TWIN_DAYS)
    facts = measure(_counted(generated_days(source, days), days))
    typer.echo(
        f"twin: {document['market']['orders_per_second']:g} orders/s, {document['market']['daily_volatility']}",
        err=True,
    )
    return replace(board, twin={fact.name: fact.value for fact in facts})


def _of_recording(path: Path) -> _Board:
    """Measure the first symbol of a recording, with its book if that was recorded."""
    from feed.pictures.facts import Sample
    from feed.realism.depth import BookSight
    from feed.realism.files import read_quotes
    from feed.realism.scoreboard import generated_days, measure
    from feed.sources.files import open_recorded
    from feed.tape.book import RecordedBooks

    source = open_recorded(path)
    days = -(-(source.end - source.start) // DAY)
    sample = Sample()
    book = source.books(0)
    symbol = source.instruments[0].symbol
    quotes = read_quotes(path, symbol)
    sight = BookSight(book, source.instruments[0], quotes) if isinstance(book, RecordedBooks) else None
    facts = measure(sample.watch(generated_days(source, days)), sight)
    return _Board(f"{path.name}: {symbol}", facts, sample)


def _of_scenario(name: str, folder: Path | None, seed: int | None, days: int, symbol: str | None) -> _Board:
    from feed.cli.preview import place_of
    from feed.pictures.facts import Sample
    from feed.realism.depth import BookSight
    from feed.realism.files import without
    from feed.realism.scoreboard import generated_days, measure
    from feed.scenario.find import find_scenario
    from feed.sources.opening import open_source

    found, path = find_scenario(name, folder)
    chosen = found.seed if seed is None else seed
    source = open_source(found, path, chosen)
    place = 0 if symbol is None else place_of(source, symbol)
    sample = Sample()
    read = (without(day, found.source) for day in generated_days(source, days, place))
    # A file of trades has no book: facts of a made-up one would say nothing about the file.
    sight = None if found.source else BookSight(source.books(place), source.instruments[place])
    facts = measure(sample.watch(_counted(read, days)), sight)
    label = source.instruments[place].symbol
    return _Board(f"{found.name}, {label}" + ("" if found.source else f", seed {chosen}"), facts, sample)


def _counted(read: Iterable[FillTable], days: int) -> Iterator[FillTable]:
    """Yield the days, with a progress bar on stderr if that is a terminal."""
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    yield from track(read, "days", total=days, console=console, disable=not console.is_terminal, transient=True)


def _summary(facts: Sequence[Fact]) -> str:
    judged = [fact for fact in facts if fact.passed is not None and fact.value == fact.value]
    return f"{sum(bool(fact.passed) for fact in judged)} of {len(judged)} facts lie in the bands of real markets"


def _show(board: _Board, missing: list[str], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(_document(board, missing), indent=2))
        return
    from rich.console import Console
    from rich.table import Table

    from feed.pictures.page import verdict

    table = Table(title=board.title, title_justify="left")
    for head in ("group", "fact"):
        table.add_column(head)
    for head in ("value", "twin", "low", "high") if board.twin is not None else ("value", "low", "high"):
        table.add_column(head, justify="right")
    table.add_column("")
    for fact in board.facts:
        band = ("", "") if fact.band is None else (f"{fact.band.low:.4g}", f"{fact.band.high:.4g}")
        told = verdict(fact) if fact.value == fact.value else ""
        style = {"pass": "green", "fail": "bold red"}.get(told, "")
        value = f"{fact.value:.4g}" if fact.value == fact.value else "–"
        beside = [] if board.twin is None else [f"{board.twin.get(fact.name, float('nan')):.4g}"]
        table.add_row(fact.group, fact.name, value, *beside, *band, f"[{style}]{told}[/]" if style else told)
    Console().print(table)
    for line in (*missing, _summary(board.facts)):
        typer.echo(line)


def _document(board: _Board, missing: list[str]) -> dict[str, Any]:
    rows = [
        {
            "group": fact.group,
            "name": fact.name,
            "value": fact.value if fact.value == fact.value else None,
            **_twin_of(board, fact.name),
            "low": fact.band and fact.band.low,
            "high": fact.band and fact.band.high,
            "passed": fact.passed if fact.value == fact.value else None,
        }
        for fact in board.facts
    ]
    return {"title": board.title, "summary": _summary(board.facts), "facts": rows, "missing": missing}


def _twin_of(board: _Board, name: str) -> dict[str, float | None]:
    if board.twin is None:
        return {}
    value = board.twin.get(name, float("nan"))
    return {"twin": value if value == value else None}


def _draw(board: _Board, missing: list[str], html: Path | None, png: Path | None) -> None:
    from feed.pictures.canvas import save, svg_text
    from feed.pictures.facts import draw_facts
    from feed.pictures.page import facts_page

    drawn = draw_facts(f"{board.title} · {_summary(board.facts)}", board.facts, board.sample)
    if png is not None:
        save(drawn, png)
    if html is not None:
        shown = [fact for fact in board.facts if fact.value == fact.value]
        page = facts_page(board.title, _summary(board.facts), shown, missing, svg_text(drawn))
        try:
            html.write_text(page, encoding="utf-8")
        except OSError as error:
            raise UsageError(f"{html}: cannot be written: {error.strerror}") from None
