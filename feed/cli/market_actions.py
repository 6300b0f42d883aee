"""Commands of `feed market` that are made from the registry of actions: one each, with the action's keys as options."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated, Any

import typer

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
    time_text,
)
from feed.errors import UsageError
from feed.market.actions.base import Action
from feed.market.actions.registry import ACTIONS

__all__ = ["add_actions"]

FREE = {"ignore_unknown_options": True, "allow_extra_args": True}

SETTLE = Annotated[bool, typer.Option("--settle", help="Return only when every client has what has been sent to it.")]


def add_actions(app: typer.Typer) -> None:
    """Add a command for each action."""
    for action in ACTIONS.values():
        is_free = action.read_all is not None
        help_text = action.description + (f" Keys: {action.free_keys}." if is_free else "")
        settings = FREE if is_free else {}
        name = action.name.replace("_", "-")
        app.command(name, help=help_text, context_settings=settings)(_command_of(action))


def _command_of(action: Action) -> Callable[..., None]:
    """Return the function of an action's command, with a signature that typer turns into options."""

    def run(**given: Any) -> None:
        check_name(given["name"])
        keys = _keys_of(action, given)
        if given["settle"]:
            keys["settle"] = True
        outcome = market_of(given["url"], given["name"], given["token"]).act(action.name, keys)
        if given["as_json"]:
            own = asdict(outcome)
            say_json({**own, **own.pop("facts")})
            return
        time, rest = time_text(outcome.virtual_time), {"epoch": outcome.epoch, **outcome.facts, "seq": outcome.seq}
        say({"action": outcome.action, "log": outcome.log, "state": outcome.state, "time": time, **rest})

    parameters = _parameters(action)
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {item.name: item.annotation for item in parameters}
    return run


def _keys_of(action: Action, given: dict[str, Any]) -> dict[str, Any]:
    if action.read_all is not None:
        first = [] if given["value"] is None else [given["value"]]
        return dict(free_keys([*first, *given["ctx"].args], "kind"))
    keys = {name: given[_parameter_of(name)] for name in action.keys if given[_parameter_of(name)] is not None}
    if given.get("value") is not None:
        first_key = next(iter(action.keys))
        if first_key in keys:
            raise UsageError(f"{first_key} is there twice: {given['value']!r}, and as --{first_key}")
        keys[first_key] = given["value"]
    return keys


def _parameter_of(key: str) -> str:
    """Return the name of the parameter for a key, which may be one of Python's own words, such as `for`."""
    return f"key_{key}"


def _parameters(action: Action) -> list[inspect.Parameter]:
    def parameter(name: str, annotation: Any, default: Any = inspect.Parameter.empty) -> inspect.Parameter:
        return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)

    found = [parameter("name", MarketName)]
    if action.read_all is not None:
        found.insert(0, parameter("ctx", typer.Context))
        found.append(parameter("value", _value("kind", "the kind, as --kind"), None))
    elif action.keys:
        first, key = next(iter(action.keys.items()))
        found.append(parameter("value", _value(first, key.description), None))
    for name, key in action.keys.items():
        option = typer.Option(f"--{name.replace('_', '-')}", help=key.description, metavar=name.upper())
        found.append(parameter(_parameter_of(name), Annotated[str | None, option], None))
    return [
        *found,
        parameter("settle", SETTLE, False),
        parameter("url", Url, DEFAULT_URL),
        parameter("token", Token, None),
        parameter("as_json", AsJson, False),
    ]


def _value(key: str, description: str) -> Any:
    return Annotated[str | None, typer.Argument(metavar=key.upper(), help=f"{key}: {description}", show_default=False)]
