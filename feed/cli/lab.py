"""Options and output that the commands on running markets share."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from feed.errors import FeedError, UsageError

if TYPE_CHECKING:
    from feed.client.blocking import RemoteMarketSync

__all__ = [
    "AsJson",
    "MarketName",
    "Token",
    "Url",
    "check_name",
    "free_keys",
    "market_of",
    "say",
    "say_json",
    "say_table",
    "time_text",
]

COMPLETION_PATIENCE = 1.0
"""Seconds that a shell waits for the names of markets."""

DEFAULT_URL = "ws://127.0.0.1:8765"


def complete_market(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the markets whose names begin with the text; none where no server answers."""
    from feed.client.blocking import list_markets

    url, token = ctx.params.get("url") or DEFAULT_URL, ctx.params.get("token")
    try:
        found = list_markets(str(url), token=token, patience=COMPLETION_PATIENCE)
    except FeedError:
        return []
    return [market["name"] for market in found if market["name"].startswith(incomplete)]


MarketName = Annotated[str, typer.Argument(metavar="NAME", help="The market.", autocompletion=complete_market)]

Url = Annotated[str, typer.Option("--url", envvar="FEED_URL", help="The server.")]

Token = Annotated[
    str | None,
    typer.Option(
        "--control-token", envvar="FEED_CONTROL_TOKEN", help="Where the server asks for a token.", show_default=False
    ),
]

AsJson = Annotated[bool, typer.Option("--json", help="As JSON, for programs.")]


def market_of(url: str, name: str, token: str | None) -> RemoteMarketSync:
    """Return the control of a market. A command may take as long as it takes: who typed it ends it with Ctrl-C."""
    from feed.client.blocking import RemoteMarketSync

    return RemoteMarketSync(url, name, token=token, patience=None)


def check_name(name: str) -> None:
    """Raise UsageError if a key stands where the name should."""
    if name.startswith("-"):
        raise UsageError(f"{name} stands where the market's name should: first the name, then its keys")


def free_keys(words: Sequence[str], first: str | None = None) -> dict[str, str]:
    """Return the keys in words such as `--size -8% --fall=1m`; a word before them all is the value of the key `first`.

    Raises:
        UsageError: for a word that belongs to no key.
    """
    keys: dict[str, str] = {}
    rest = list(words)
    if first is not None and rest and not rest[0].startswith("--"):
        keys[first] = rest.pop(0)
    while rest:
        word = rest.pop(0)
        if not word.startswith("--") or len(word) < 3:
            raise UsageError(f"{word!r} belongs to no key; write keys like --seed 7")
        name, has_value, value = word.removeprefix("--").partition("=")
        if not has_value:
            value = "true" if not rest or rest[0].startswith("--") else rest.pop(0)
        keys[name.replace("-", "_")] = value
    return keys


def time_text(milliseconds: int) -> str:
    """Return a market time as clients see it, ISO 8601."""
    from feed.units import MILLISECOND, format_time

    return format_time(milliseconds * MILLISECOND)


def say_json(document: object) -> None:
    """Print a JSON document."""
    typer.echo(json.dumps(document, indent=2, ensure_ascii=False))


def say(facts: Mapping[str, Any]) -> None:
    """Print facts, one a line."""
    from rich.table import Table

    table = Table.grid(padding=(0, 2))
    for name, value in facts.items():
        table.add_row(*_cells((name, value)))
    _print(table)


def say_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*_cells(row))
    _print(table)


def _cells(values: Iterable[object]) -> list[str]:
    from rich.markup import escape

    from feed.errors import printable

    return [escape(printable(value if isinstance(value, str) else _shown(value))) for value in values]


def _shown(value: object) -> str:
    match value:
        case None:
            return "–"
        case Mapping():
            return ", ".join(f"{name} {_shown(each)}" for name, each in value.items())
        case list() | tuple():
            return ", ".join(_shown(each) for each in value)
        case bool():
            return "yes" if value else "no"
        case _:
            return str(value)


def _print(table: Any) -> None:
    from rich.console import Console

    console = Console()
    # A file or a pipe has no width: there a line stays one line.
    console.print(table, width=None if console.is_terminal else 400, crop=False)
