"""Commands of `feed`, and their errors: a line on stderr, exit code 2 for a wrong usage or file, 1 for the rest."""

from __future__ import annotations

import importlib
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from feed.errors import FeedError, RecordingError, ScenarioError, SettingsError, UsageError
from feed.version import __version__

__all__ = ["COMMANDS", "app", "exit_code", "load_command"]

COMMANDS = {
    "serve": "Serve a market on a WebSocket.",
    "check": "Name every mistake in scenario files.",
    "list": "List the scenarios that there are.",
    "faults": "List the faults that a connection or a market can have.",
    "digest": "Hash what a market will send: equal digests, equal bytes.",
    "generate": "Write a market's ticks to a Parquet or CSV file.",
    "record": "Record a running market, ours or a real venue's, to a Parquet file.",
    "recover": "Make a recording of what was cut off, or check a finished one.",
    "import": "Make a recording of market data that others wrote.",
    "join": "Make one recording of trades, quotes and books of one market.",
    "export": "Write a recording for another program, or as CSV, JSON or candles.",
    "watch": "Watch a running market in the terminal.",
    "market": "Open, pause, step and seek markets of a running server.",
    "bundle": "Write all that a market's bytes follow from, and what happened, to one file.",
    "replay-bundle": "Make a bundle's market again, compare every byte, and serve it.",
    "schema": "Print the contracts of the wire: JSON Schema, AsyncAPI, OpenAPI, TypeScript.",
    "preview": "Draw a scenario: price, volume, spread and what is scripted.",
    "realism": "Compare a market or a file of real trades with real markets, fact by fact.",
}
"""Commands with the first line of their help: listing them must not import their modules."""

MODULES = {"import": "import_", "replay-bundle": "replay_bundle"}
"""Modules of commands whose name cannot be a module's name."""

_USAGE = (UsageError, SettingsError, ScenarioError, RecordingError)

EPILOG = """\b
Examples:
  feed serve                              the scenario calm on ws://127.0.0.1:8765
  feed serve flash-crash --speed 10       ten market seconds a second
  feed generate calm --for 7d --out ticks.parquet
"""


def exit_code(error: FeedError) -> int:
    """Return the exit code of an error: 2 for a wrong usage or file, 1 for the rest."""
    return 2 if isinstance(error, _USAGE) else 1


def load_command(name: str) -> Any:
    """Import a command from its module."""
    return typer.main.get_command(importlib.import_module(f"feed.cli.{MODULES.get(name, name)}").app)


class _Commands(TyperGroup):
    """Group that lists commands by name and imports only the one that is run."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        summary = COMMANDS.get(cmd_name)
        return summary and TyperCommand(cmd_name, help=summary, rich_markup_mode=None)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        # Typer's own method words the errors, with the nearest name.
        self.commands = {name: self.get_command(ctx, name) for name in COMMANDS}
        name, command, rest = super().resolve_command(ctx, args)
        return name, command and load_command(str(name)), rest

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except FeedError as error:
            typer.echo("\n".join(f"feed: {line}" for line in str(error).splitlines()), err=True)
            raise typer.Exit(exit_code(error)) from error


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"feed {__version__}")
        raise typer.Exit


app = typer.Typer(
    cls=_Commands, add_completion=True, rich_markup_mode=None, pretty_exceptions_enable=False, no_args_is_help=True
)


@app.callback(epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
def feed(
    version: Annotated[
        bool, typer.Option("-V", "--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """A fake BTC/USD market on a real WebSocket: deterministic, replayable, made to test trading frontends against."""
