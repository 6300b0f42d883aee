"""`feed serve`: every setting is an option, with the setting's own description, range and default."""

from __future__ import annotations

import inspect
from typing import Annotated, Any

import typer

from feed.cli.app import COMMANDS
from feed.service.settings import (
    ENV_PREFIX,
    REPEATED,
    ServeSettings,
    default_text,
    doubtful_variables,
    load_settings,
    option_name,
    range_text,
)

__all__ = ["app"]

EPILOG = """\b
Examples:
  feed serve                                    the scenario calm
  feed serve flash-crash --speed 10 --seed 7    another one, faster, with another seed
  feed serve --record day.parquet               what the market publishes, as a file
  feed serve my.toml --port 0 --token secret    a file, on any free port, for those who know the token
  FEED_SPEED=max feed serve                     each option is a variable, too
"""


def serve(**options: Any) -> None:
    """Run the server until it is told to stop."""
    settings = load_settings({name: None if value == [] else value for name, value in options.items()})
    import structlog

    from feed.service.logs import configure_logs
    from feed.service.serving import serve as run

    configure_logs(settings.log_level, settings.log_format)
    for notice in doubtful_variables():
        structlog.get_logger("feed").warning(notice)
    raise typer.Exit(run(settings, lambda url: typer.echo(f"{settings.scenario} on {url} (Ctrl-C stops it)")))


def _parameter(name: str) -> inspect.Parameter:
    info = ServeSettings.model_fields[name]
    details = [text for text in (range_text(name), default_text(name), f"{ENV_PREFIX}{name.upper()}") if text]
    help_text = f"{info.description} [{'; '.join(details)}]"
    if name == "scenario":
        kind: Any = Annotated[str | None, typer.Argument(help=help_text, metavar="[SCENARIO or FILE]")]
    else:
        # Text, all of it: settings read it, in one way for options and variables.
        value = list[str] if name in REPEATED else str
        metavar = name.upper().rpartition("_")[2].rstrip("S") if name in REPEATED else "VALUE"
        kind = Annotated[value | None, typer.Option(option_name(name), help=help_text, metavar=metavar)]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=kind)


def _with_options(function: Any) -> Any:
    """The function with a signature of all settings, which typer makes options of."""
    parameters = [_parameter(name) for name in ServeSettings.model_fields]
    # What a person wants first comes first: limits follow.
    own = [item for item in parameters if item.name in ServeSettings.__annotations__]
    limits = [item for item in parameters if item.name not in ServeSettings.__annotations__]
    function.__signature__ = inspect.Signature([*own, *limits])
    function.__annotations__ = {item.name: item.annotation for item in parameters}
    return function


app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
app.command("serve", help=COMMANDS["serve"], epilog=EPILOG)(_with_options(serve))
