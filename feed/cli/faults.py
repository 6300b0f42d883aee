"""`feed faults`: list the kinds of fault, with their keys and what a good client does."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from feed.cli.app import COMMANDS
from feed.errors import UsageError
from feed.hints import nearest

__all__ = ["app"]

EPILOG = """\b
Examples:
  feed faults                     every kind in one line
  feed faults bandwidth           one kind with its keys and their ranges
  feed faults --json | jq '.faults[].kind'
"""

TEXT_WIDTH = 100

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.command("faults", help=COMMANDS["faults"], epilog=EPILOG)
def faults_command(
    kind: Annotated[str | None, typer.Argument(help="One kind; without it, all of them.", show_default=False)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, for programs, as GET /faults has it.")] = False,
) -> None:
    """Print the catalogue."""
    from feed.faults.registry import catalogue, common_keys

    kinds = catalogue()
    if kind is not None:
        kinds = [entry for entry in kinds if entry["kind"] == kind]
        if not kinds:
            raise UsageError(_unknown(kind))
    if as_json:
        typer.echo(json.dumps({"faults": kinds, "keys": common_keys()}, ensure_ascii=False, indent=2))
    elif kind is not None:
        _print_one(kinds[0], common_keys())
    else:
        _print_all(kinds)


def _unknown(kind: str) -> str:
    from feed.faults.registry import FAULTS

    near = nearest(kind, FAULTS)
    return f"there is no fault {kind[:64]!r}; " + (f"did you mean {near}?" if near else "feed faults lists them")


def _print_all(kinds: list[dict[str, Any]]) -> None:
    width = max(len(entry["kind"]) for entry in kinds)
    group = ""
    for entry in kinds:
        if entry["group"] != group:
            group = entry["group"]
            typer.echo(f"{group}:")
        typer.echo(f"  {entry['kind']:<{width}}  {entry['description']}")


def _print_one(entry: Mapping[str, Any], common: Mapping[str, Any]) -> None:
    typer.echo(f"{entry['kind']} ({entry['group']})")
    for title, text in (("", entry["description"]), ("A good client: ", entry["client"])):
        typer.echo(textwrap.fill(title + text, TEXT_WIDTH, initial_indent="  ", subsequent_indent="  "))
    typer.echo(f"  Watched by the report's line: {entry['watched_by']}")
    typer.echo("\n  its own keys:" if entry["parameters"] else "\n  it has no keys of its own")
    _print_keys(entry["parameters"])
    typer.echo("  when and whom:")
    skipped = {*entry["unused"], *entry["parameters"]}
    _print_keys({name: about for name, about in common.items() if name not in skipped})


def _print_keys(keys: Mapping[str, Mapping[str, Any]]) -> None:
    for name, about in keys.items():
        typer.echo(f"    {name:<16}  {about['description']}{_limits(about)}")


def _limits(about: Mapping[str, Any]) -> str:
    """Return the range of a key and its default, in brackets."""
    low = about.get("minimum", about.get("exclusiveMinimum"))
    high = about.get("maximum", about.get("exclusiveMaximum"))
    told = [] if low is None else [f"from {low}" if high is None else f"{low} to {high}"]
    told += [", ".join(map(str, about["enum"]))] if "enum" in about else []
    told += [f"only {about['const']}"] if "const" in about else []
    told += ["required"] if about["required"] else []
    told += [f"default {about['default']}"] if "default" in about and "const" not in about else []
    return f" ({'; '.join(told)})" if told else ""
