"""`feed serve`: every setting is an option, with the setting's own description, range and default."""

from __future__ import annotations

import inspect
from typing import Annotated, Any, get_args

import typer

from feed.cli.app import COMMANDS, exit_code
from feed.cli.completion import complete_scenario, complete_words
from feed.errors import FeedError
from feed.service.environment import doubtful_variables
from feed.service.option_texts import default_text, option_name, range_text
from feed.service.options import load_settings
from feed.service.settings import ENV_PREFIX, REPEATED, ServeSettings

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
    """Run the server until it is stopped."""
    settings = load_settings({name: None if value == [] else value for name, value in options.items()})
    from feed.log import get_logger
    from feed.service.logs import configure_logs, ready_line, say_error
    from feed.service.serving import serve as run

    form = settings.log_format
    configure_logs(settings.log_level, form)
    for notice in doubtful_variables():
        get_logger("feed").warning(notice)
    try:
        code = run(settings, lambda url: typer.echo(ready_line(form, settings.scenario, url)))
    except FeedError as error:
        if form != "json":
            raise
        # Programs that read JSON lines get the error as JSON, too.
        say_error(str(error))
        code = exit_code(error)
    raise typer.Exit(code)


def _parameter(name: str) -> inspect.Parameter:
    info = ServeSettings.model_fields[name]
    details = [text for text in (range_text(name), default_text(name), f"{ENV_PREFIX}{name.upper()}") if text]
    help_text = f"{info.description} [{'; '.join(details)}]"
    if name == "scenario":
        argument = typer.Argument(help=help_text, metavar="[SCENARIO or FILE]", autocompletion=complete_scenario)
        kind: Any = Annotated[str | None, argument]
    else:
        # All values are text: the settings parse options and variables in the same way.
        value = list[str] if name in REPEATED else str
        metavar = name.upper().rpartition("_")[2].rstrip("S") if name in REPEATED else "VALUE"
        words = tuple(word for word in get_args(info.annotation) if isinstance(word, str))
        complete: Any = complete_scenario if name == "then" else complete_words(words)
        option = typer.Option(option_name(name), help=help_text, metavar=metavar, autocompletion=complete)
        kind = Annotated[value | None, option]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=kind)


def _with_options(function: Any) -> Any:
    """Return the function with a signature of all settings, which typer turns into options."""
    parameters = [_parameter(name) for name in ServeSettings.model_fields]
    # The common settings come first, the limits follow.
    own = [item for item in parameters if item.name in ServeSettings.__annotations__]
    limits = [item for item in parameters if item.name not in ServeSettings.__annotations__]
    function.__signature__ = inspect.Signature([*own, *limits])
    function.__annotations__ = {item.name: item.annotation for item in parameters}
    return function


app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
app.command("serve", help=COMMANDS["serve"], epilog=EPILOG)(_with_options(serve))
