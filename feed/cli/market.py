"""`feed market`: markets of a running server, for people who debug by hand. Each action is a command of its own."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from feed.cli.app import COMMANDS
from feed.cli.lab import (
    DEFAULT_URL,
    AsJson,
    MarketName,
    Token,
    Url,
    check_name,
    free_keys,
    market_of,
    say,
    say_json,
    say_table,
    time_text,
)
from feed.cli.market_actions import add_actions

__all__ = ["app"]

EPILOG = """\b
Examples:
  feed market open mine flash-crash --seed 7 --paused
  feed market step mine 10
  feed market run-until mine --price 60000 --symbol BTC/USD
  feed market shock mine flash-crash --size -8%
  feed market fault mine drop --rate 0.01 --for 10s
  feed market log mine

The server is --url, or FEED_URL. The shared market is called main; it obeys this machine, or whoever has the control
token.
"""

FREE = {"ignore_unknown_options": True, "allow_extra_args": True}

app = typer.Typer(
    help=COMMANDS["market"],
    epilog=EPILOG,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
)


@app.callback(help=COMMANDS["market"], epilog=EPILOG)
def market() -> None:
    """Group the commands."""


@app.command("list")
def list_command(url: Url = DEFAULT_URL, token: Token = None, as_json: AsJson = False) -> None:
    """List the markets of a server."""
    from feed.client.blocking import list_markets

    found = list_markets(url, token=token)
    if as_json:
        say_json(found)
        return
    columns = ("name", "scenario", "seed", "state", "speed", "time", "connections", "log", "epoch")
    say_table(
        columns, ([{**each, "time": time_text(each["virtual_time"])}[name] for name in columns] for each in found)
    )


@app.command("open", context_settings=FREE)
def open_command(
    ctx: typer.Context,
    name: MarketName,
    scenario: Annotated[str | None, typer.Argument(help="A scenario of the server.", show_default=False)] = None,
    url: Url = DEFAULT_URL,
    token: Token = None,
    as_json: AsJson = False,
) -> None:
    """Make a market, with keys such as --seed 7, --paused, --speed max or --at 00:10:00."""
    check_name(name)
    if scenario is not None and scenario.startswith("-"):
        # Keys are no options: what follows the name may be one.
        ctx.args.insert(0, scenario)
        scenario = None
    keys: dict[str, Any] = free_keys(ctx.args)
    if scenario is not None:
        keys["scenario"] = scenario
    _say_market(market_of(url, name, token).open(**keys), as_json=as_json)


@app.command("show")
def show(name: MarketName, url: Url = DEFAULT_URL, token: Token = None, as_json: AsJson = False) -> None:
    """Show what a market is and where it stands."""
    _say_market(market_of(url, name, token).describe(), as_json=as_json)


@app.command("close")
def close(name: MarketName, url: Url = DEFAULT_URL, token: Token = None) -> None:
    """End a market; its connections are closed with 4410."""
    market_of(url, name, token).close()
    typer.echo(f"{name}: closed")


@app.command("log")
def log(name: MarketName, url: Url = DEFAULT_URL, token: Token = None, as_json: AsJson = False) -> None:
    """Show the commands that a market has been given, in order."""
    from feed.units import format_time

    entries = market_of(url, name, token).log()
    if as_json:
        for entry in entries:
            typer.echo(json.dumps(entry, ensure_ascii=False))
        return
    rows = []
    for entry in entries:
        keys = {key: value for key, value in entry["command"].items() if key != "action"}
        moving = "running" if entry["state"].get("moving") else "stands"
        rows.append((entry["n"], entry["by"], entry["command"]["action"], keys, format_time(entry["effect"]), moving))
    say_table(("n", "by", "action", "keys", "takes effect after", "then"), rows)


@app.command("report")
def report(
    name: MarketName,
    url: Url = DEFAULT_URL,
    token: Token = None,
    as_json: AsJson = False,
    junit: Annotated[bool, typer.Option("--junit", help="As JUnit's XML, for CI.")] = False,
) -> None:
    """Show what the clients of a market did, with verdicts and evidence."""
    control = market_of(url, name, token)
    if as_json:
        say_json(control.report())
    else:
        typer.echo(control.report_text("junit" if junit else "text"), nl=False)


@app.command("faults")
def faults(name: MarketName, url: Url = DEFAULT_URL, token: Token = None, as_json: AsJson = False) -> None:
    """Show which faults were armed, and what was done to whom."""
    told = market_of(url, name, token).faults()
    if as_json:
        say_json(told)
        return
    for title in ("armed", "done"):
        rows: list[dict[str, Any]] = told.get(title) or []
        columns = list(dict.fromkeys(column for row in rows for column in row))
        typer.echo(f"{title}: {len(rows)}")
        if rows:
            say_table(columns, ([row.get(column) for column in columns] for row in rows))


@app.command("scenario")
def scenario(name: MarketName, url: Url = DEFAULT_URL, token: Token = None) -> None:
    """Print the effective scenario: the file that would do the same by itself."""
    typer.echo(market_of(url, name, token).scenario(), nl=False)


@app.command("settle")
def settle(name: MarketName, url: Url = DEFAULT_URL, token: Token = None, as_json: AsJson = False) -> None:
    """Wait until every client has what has been sent to it."""
    told = market_of(url, name, token).settle()
    (say_json if as_json else say)(told)


def _say_market(told: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        say_json(told)
        return
    hidden = ("symbols", "channels", "virtual_time")
    facts = {name: value for name, value in told.items() if name not in hidden}
    say({**facts, "time": time_text(told["virtual_time"]), "symbols": told["symbols"]})


add_actions(app)
