"""`feed import`: convert files from other programs to a recording."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from feed.cli.app import COMMANDS
from feed.importing.formats import FORMATS

if TYPE_CHECKING:
    from feed.importing.options import Options
    from feed.importing.running import ImportProgress, Report

__all__ = ["app", "report_lines"]

EPILOG = """\b
Formats:
  auto                   one of these, by the beginning of a file; says why
"""
EPILOG += "".join(f"  {each.name:<22} {each.description}\n" for each in FORMATS.values())
EPILOG += """
\b
Examples:
  feed import auto BTCUSDT-trades-2025-01-06.zip --out btc.parquet
  feed import kraken trades.ws.gz book.ws.gz --out session.parquet
  feed import trades ticks.csv --symbol BTC/USD --time ts --size qty --out ticks.parquet
"""

MAX_LISTED = 12
"""Maximum number of streams that the report lists one by one."""

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


def _column(help: str) -> Any:
    return typer.Option(help=f"Column {help}: name, or position from 0.", metavar="COLUMN", show_default=False)


@app.command("import", help=COMMANDS["import"], epilog=EPILOG)
def import_(
    format: Annotated[str, typer.Argument(help="What the files are; `auto` finds out and says why.")],
    files: Annotated[list[Path], typer.Argument(help="Files of that format, in the order of their times.")],
    out: Annotated[Path, typer.Option(help="The recording: a .parquet.")],
    symbol: Annotated[str | None, typer.Option(help="What is traded, where the files do not tell.")] = None,
    time: Annotated[str | None, _column("of times")] = None,
    time_unit: Annotated[
        Literal["ns", "us", "ms", "s", "min", "iso"] | None,
        typer.Option(help="Unit of the times, where their digits do not tell.", show_default=False),
    ] = None,
    date: Annotated[
        datetime.datetime | None,
        typer.Option(help="Times count from midnight (UTC) of this day.", formats=["%Y-%m-%d"], show_default=False),
    ] = None,
    price: Annotated[str | None, _column("of prices")] = None,
    size: Annotated[str | None, _column("of sizes")] = None,
    side: Annotated[str | None, _column("of sides; without one the tick rule infers them")] = None,
    side_means: Annotated[
        Literal["taker", "maker", "buyer-is-maker"] | None,
        typer.Option(help="Whose side that column tells; taker where missing.", show_default=False),
    ] = None,
    buy: Annotated[str | None, typer.Option(help="The text that means a buy.", show_default=False)] = None,
    trade_id: Annotated[str | None, _column("of trade ids; without one trades are counted")] = None,
    symbol_column: Annotated[str | None, _column("of symbols")] = None,
    received: Annotated[str | None, _column("of the receive clock")] = None,
    bid: Annotated[str | None, _column("of the best bid before the trade")] = None,
    bid_size: Annotated[str | None, _column("of its size")] = None,
    ask: Annotated[str | None, _column("of the best ask before the trade")] = None,
    ask_size: Annotated[str | None, _column("of its size")] = None,
    open: Annotated[str | None, _column("of a bar's opens")] = None,
    high: Annotated[str | None, _column("of a bar's highs")] = None,
    low: Annotated[str | None, _column("of a bar's lows")] = None,
    close: Annotated[str | None, _column("of a bar's closes")] = None,
    volume: Annotated[str | None, _column("of a bar's volumes")] = None,
    trades: Annotated[str | None, _column("of how many trades a bar has; without one four ticks make a bar")] = None,
    interval: Annotated[str | None, typer.Option(help="Length of a bar, such as 1m.", metavar="TIME")] = None,
    clamp: Annotated[bool, typer.Option("--clamp", help="Hold opens and closes within low and high.")] = False,
    tick_size: Annotated[str | None, typer.Option(help="Else one in the last decimal of the prices.")] = None,
    lot_size: Annotated[str | None, typer.Option(help="Else one in the last decimal of the sizes.")] = None,
    contract_size: Annotated[
        str | None, typer.Option(help="How much one contract is, where sizes are contracts.", show_default=False)
    ] = None,
    size_in: Annotated[
        Literal["base", "quote"] | None,
        typer.Option(help="Currency of sizes or contracts; base where missing.", show_default=False),
    ] = None,
    rounding: Annotated[bool, typer.Option("--rounding", help="Round to these steps.")] = False,
    missing_size: Annotated[
        Literal["error", "skip"] | None, typer.Option(help="Rows without a size.", show_default=False)
    ] = None,
    delimiter: Annotated[str | None, typer.Option(help="Of a CSV; a comma where missing.")] = None,
    header: Annotated[
        bool | None, typer.Option("--header/--no-header", help="Whether a CSV begins with names.", show_default=False)
    ] = None,
    sort: Annotated[bool, typer.Option("--sort", help="Bring rows into the order of time, in memory.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a recording that is there.")] = False,
) -> None:
    """Import in bounded memory; missing, repeated, late or inferred data is reported and noted in the recording."""
    told = dict(locals())
    from feed.cli.ending import clean_end
    from feed.importing.running import import_files

    options = _options(told)
    with clean_end(), _bar() as show:
        report = import_files(format, files, out, options=options, force=force, on_progress=show)
    typer.echo("\n".join(report_lines(out, report)))


def _options(told: Mapping[str, Any]) -> Options:
    from feed.importing.options import BAR_COLUMNS, TRADE_COLUMNS, Options
    from feed.units import parse_duration, parse_step

    names = {**{key: key for key in (*TRADE_COLUMNS, *BAR_COLUMNS)}, "symbol": "symbol_column"}
    columns = {key: told[name] for key, name in names.items() if told[name] is not None}
    return Options(
        columns={key: int(column) if column.isdigit() else column for key, column in columns.items()},
        symbol=told["symbol"],
        time_unit=told["time_unit"],
        date=told["date"] and told["date"].date(),
        side_means=told["side_means"],
        buy=told["buy"],
        missing_size=told["missing_size"],
        rounding=told["rounding"],
        tick_size=told["tick_size"] and parse_step(told["tick_size"]),
        lot_size=told["lot_size"] and parse_step(told["lot_size"]),
        contract_size=told["contract_size"] and parse_step(told["contract_size"]),
        size_in=told["size_in"],
        delimiter=_delimiter(told["delimiter"]),
        header=told["header"],
        interval=told["interval"] and parse_duration(told["interval"]),
        sort=told["sort"],
        clamp=told["clamp"],
    )


def _delimiter(text: str | None) -> str | None:
    from feed.errors import UsageError

    if text is None:
        return None
    text = text.replace("\\t", "\t")
    if len(text) != 1:
        raise UsageError(f"{text!r} is not a delimiter; it is one character, such as ';' or '\\t'")
    return text


def report_lines(out: Path, report: Report) -> Iterator[str]:
    """Yield the lines that tell what an import made."""
    from feed.units import format_duration, format_time

    span = format_duration(report.end - report.begin)
    yield f"{out}: {report.rows} rows, {format_time(report.begin)} to {format_time(report.end)} ({span})"
    for name, stream in list(report.streams.items())[:MAX_LISTED]:
        steps = report.instruments.get(name.split(":")[1] if ":" in name else "")
        yield f"  {name}: {stream.rows}" + (f", steps {steps[0]} and {steps[1]}" if steps else "")
    if len(report.streams) > MAX_LISTED:
        rest = list(report.streams.values())[MAX_LISTED:]
        yield f"  {len(rest)} more streams: {sum(stream.rows for stream in rest)}"
    for note in report.notes:
        yield f"- {note}"


@contextmanager
def _bar() -> Iterator[Callable[[ImportProgress], None]]:
    """Show a progress bar on stderr if that is a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (BarColumn(), TextColumn("{task.percentage:>3.0f} %"), TextColumn("{task.fields[rows]:,} rows"))
    with Progress(*columns, TimeRemainingColumn(), console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=None, rows=0)
        yield lambda done: progress.update(task, total=done.total, completed=done.done, rows=done.rows)
