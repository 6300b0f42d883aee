"""What the pages in `feed/docs` take from registries: tables between `<!-- table: NAME -->` and `<!-- end -->`.

`uv run --group dev python -m tests.docs` writes them into the pages, so that they stand there for every reader: on a
code host, in the wheel and at `/docs` of a server. A test fails where a page is not what this writes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

import feed
from feed.cli.app import COMMANDS, app
from feed.dialects.native.requests import MODELS, RequestText
from feed.dialects.registry import DIALECTS
from feed.exporting.targets import TARGETS
from feed.faults.registry import catalogue, common_keys
from feed.market.actions.registry import ACTIONS
from feed.protocol.codes import CLOSE_CODES, ERROR_MEANINGS, ErrorCode
from feed.scenario.find import list_scenarios
from feed.scenario.schema import scenario_schema
from feed.server.http.routes import STATUS_OF
from feed.server.market_keys import MARKET_KEYS
from feed.server.report.verdicts import LINES
from feed.service.option_texts import default_text, option_name, range_text
from feed.service.settings import ENV_PREFIX, Limits, ServeSettings
from tests.test_architecture import LAYERS

__all__ = ["PAGES", "TABLES", "filled", "readme"]

PAGES = Path(feed.__file__).parent / "docs"

_BLOCK = re.compile(r"(<!-- table: ([\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)

Schema = Mapping[str, Any]


def readme() -> Path:
    """The project's README."""
    return Path(__file__).parents[2] / "README.md"


def filled(text: str) -> str:
    """A page with every table as the registries have it now."""
    return _BLOCK.sub(lambda found: f"{found[1]}\n{TABLES[found[2]]()}\n\n{found[3]}", text)


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [list(head)]
    lines += [["---"] * len(lines[0]), *([_escaped(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _escaped(cell: str) -> str:
    """A cell whose text means itself: a star is no emphasis, a bar no column."""
    text = re.sub(r"`[^`]*`|\*", lambda found: "\\*" if found[0] == "*" else found[0], cell)
    return text.replace("|", "\\|")


def _codes(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def actions() -> str:
    """Every action with its keys."""
    rows = []
    for action in ACTIONS.values():
        keys = "; ".join(f"`{name}`: {key.description}" for name, key in action.keys.items())
        rows.append((f"`{action.name}`", keys or action.free_keys or "–", action.description))
    return _table(("action", "keys", "what it does"), rows)


def url_keys() -> str:
    """Every key of a URL that asks for a market."""
    return _table(("key", "value"), ((f"`{name}`", key.description) for name, key in MARKET_KEYS.items()))


def error_codes() -> str:
    """Every code of an `error` event, with the status of the same refusal by HTTP."""
    rows = ((f"`{code}`", ERROR_MEANINGS[code], str(STATUS_OF.get(code, 400))) for code in ErrorCode)
    return _table(("code", "meaning", "by HTTP"), rows)


def close_codes() -> str:
    """Every number that a connection is closed with."""
    rows = ((str(code.number), code.meaning, f"`{code.reconnect}`") for code in CLOSE_CODES.values())
    return _table(("code", "meaning", "reconnect"), rows)


def requests() -> str:
    """Every request with its keys."""
    rows = [(f"`{name}`", _keys(model), _sentence(model)) for name, model in MODELS.items()]
    return _table(("event", "keys", "what it does"), rows)


def _keys(model: type[RequestText]) -> str:
    fields = {name: info for name, info in model.model_fields.items() if name not in ("event", "id")}
    return "<br>".join(f"`{name}`: {info.description}" for name, info in fields.items()) or "–"


def _sentence(thing: type) -> str:
    return " ".join((thing.__doc__ or "").split("\n\n")[0].split())


def settings() -> str:
    """Every setting of `feed serve`."""
    rows = []
    # What people set stands above the limits that they hardly ever touch.
    for name, info in sorted(ServeSettings.model_fields.items(), key=lambda item: item[0] in Limits.model_fields):
        option = "argument" if name == "scenario" else f"`{option_name(name)}`"
        default = default_text(name).removeprefix("default ")
        rows.append((f"{option} `{ENV_PREFIX}{name.upper()}`", default, range_text(name), str(info.description)))
    return _table(("option and variable", "default", "range", "what it sets"), rows)


def commands() -> str:
    """Every command with the first line of its help."""
    return _table(("command", "what it does"), ((f"[`feed {n}`](#feed-{n})", text) for n, text in COMMANDS.items()))


def command_help() -> str:
    """What `feed NAME --help` prints, for every command; the options of `feed serve` have their own table."""
    runner = CliRunner()
    parts = []
    for name in COMMANDS:
        told = runner.invoke(app, [name, "--help"], env={"COLUMNS": "100", "TERMINAL_WIDTH": "100"}).stdout
        if name == "serve":
            head, _, rest = told.partition("Options:")
            told = f"{head.rstrip()}\n\n  Examples:{rest.partition('Examples:')[2]}"
        lines = "\n".join(line.rstrip() for line in told.strip().splitlines())
        parts.append(f"### feed {name}\n\n```text\n{lines}\n```")
    return "\n\n".join(parts)


def scenarios() -> str:
    """Every bundled scenario."""
    rows = ((f"`{scenario.name}`", scenario.description) for scenario in list_scenarios(None))
    return _table(("scenario", "what happens"), rows)


def event_kinds() -> str:
    """Every kind of a scenario's events with its keys."""
    rows = []
    for kind, schema in _kinds().items():
        own = {name: part for name, part in schema["properties"].items() if name not in ("kind", "at", "symbols")}
        keys = "<br>".join(_key(name, part) for name, part in own.items())
        rows.append((f"`{kind}`", schema["description"], keys))
    return _table(("kind", "what happens", "keys and defaults"), rows)


def export_targets() -> str:
    """What `feed export` writes, and how its files end."""
    rows = (
        (f"`{each.name}`", each.description, ", ".join(f"`{name}`" for name in each.suffixes) or "a folder")
        for each in TARGETS.values()
    )
    return _table(("target", "files", "ending"), rows)


def _kinds() -> dict[str, Schema]:
    definitions = scenario_schema()["$defs"].values()
    events = [each for each in definitions if "const" in each["properties"].get("kind", {})]
    return {each["properties"]["kind"]["const"]: each for each in events}


def _key(name: str, part: Schema) -> str:
    return f"`{name}`{_default(part)}: {part.get('description', '')}"


def _default(part: Schema) -> str:
    value = part.get("default")
    if value in (None, "") or isinstance(value, list | dict):
        return ""
    return f" ({str(value).lower() if isinstance(value, bool) else value})"


def scenario_keys() -> str:
    """Every key of a scenario file, section by section."""
    schema = scenario_schema()
    definitions = schema["$defs"]
    sections = {
        "At the top": schema,
        "`[market]`": definitions["MarketModel"],
        "`[[symbols]]`": definitions["SymbolModel"],
        "`[[phases]]`": definitions["Phase"],
        "`[[ticks]]`": definitions["HandTick"],
        "`[replay]`": definitions["Replay"],
        "`[source]`": definitions["TickFile"],
    }
    return "\n\n".join(f"### {title}\n\n{_keys_of(part)}" for title, part in sections.items())


def _keys_of(schema: Schema) -> str:
    rows = []
    for name, part in schema["properties"].items():
        default = "required" if name in schema.get("required", ()) else _default(part).strip(" ()")
        rows.append((f"`{name}`", default, part.get("description", "")))
    return _table(("key", "default", "meaning"), rows)


def faults() -> str:
    """Every kind of fault by its group, and what a good client does about it."""
    kinds = catalogue()
    parts = []
    for group in dict.fromkeys(kind["group"] for kind in kinds):
        rows = [
            (f"`{kind['kind']}`", kind["description"], _fault_keys(kind), kind["client"], f"`{kind['watched_by']}`")
            for kind in kinds
            if kind["group"] == group
        ]
        head = ("kind", "what it does", "its own keys", "what a good client does", "report")
        parts.append(f"### {group.capitalize()}\n\n{_table(head, rows)}")
    return "\n\n".join(parts)


def _fault_keys(kind: Schema) -> str:
    own = {name: part for name, part in kind["parameters"].items() if name != "direction"}
    return "<br>".join(f"`{name}`{_limits(part)}: {part['description']}" for name, part in own.items()) or "–"


def _limits(part: Schema) -> str:
    """The range of a key and its default, in brackets."""
    if "enum" in part:
        told = [", ".join(map(str, part["enum"]))] if len(part["enum"]) < 6 else []
    else:
        low = part.get("minimum", part.get("exclusiveMinimum"))
        high = part.get("maximum", part.get("exclusiveMaximum"))
        told = [] if low is None else [f"from {low}" if high is None else f"{low} to {high}"]
    told += ["required"] if part["required"] else [f"default {part['default']}"] if "default" in part else []
    return f" ({'; '.join(told)})" if told else ""


def fault_keys() -> str:
    """The keys that every fault may have."""
    rows = (
        (f"`{name}`", _limits({**part, "required": False}).strip(" ()"), part["description"])
        for name, part in common_keys().items()
    )
    return _table(("key", "range", "meaning"), rows)


def dialects() -> str:
    """The dialects of exchanges, and where they are."""
    known = [each for each in DIALECTS.values() if each.is_foreign]
    rows = (
        (each.title, f"`ws://127.0.0.1:8765/{each.name}{each.usual_path}`", f"`http://127.0.0.1:8765/{each.name}`",
         _codes(each.hosts))
        for each in known
    )  # fmt: skip
    return _table(("exchange", "WebSocket", "REST", "also by the header `Host`"), rows)


def rest_paths() -> str:
    """The REST paths of each dialect."""
    known = [each for each in DIALECTS.values() if each.rest is not None]
    rows = ((each.title, _codes(each.rest.paths)) for each in known if each.rest is not None)
    return _table(("exchange", "paths below the prefix"), rows)


def report_lines() -> str:
    """Every line of the report, with the kinds of fault that call for it."""
    kinds = catalogue()
    rows = []
    for line in LINES:
        calling = [kind["kind"] for kind in kinds if kind["watched_by"] == line.name]
        rows.append((f"`{line.name}`", f"the client {line.watches}", _codes(calling) or "–"))
    return _table(("line", "passes where", "called for by"), rows)


def layers() -> str:
    """The layers of the package, from the top down."""
    return "\n".join(f"{number}. {_codes(names)}" for number, names in enumerate(LAYERS, 1))


def recipe(name: str) -> str:
    """A file of the recipes, which are run in tests."""
    text = (Path(__file__).parents[1] / "recipes" / name).read_text()
    return f"```js\n{text}```"


TABLES: dict[str, Callable[[], str]] = {
    "actions": actions,
    "close-codes": close_codes,
    "command-help": command_help,
    "commands": commands,
    "dialects": dialects,
    "error-codes": error_codes,
    "event-kinds": event_kinds,
    "export-targets": export_targets,
    "fault-keys": fault_keys,
    "faults": faults,
    "layers": layers,
    "recipe-cypress": partial(recipe, "cypress.cy.js"),
    "recipe-jest": partial(recipe, "jest.test.mjs"),
    "recipe-playwright": partial(recipe, "playwright.spec.mjs"),
    "recipe-vitest": partial(recipe, "vitest.test.mjs"),
    "report-lines": report_lines,
    "requests": requests,
    "rest-paths": rest_paths,
    "scenario-keys": scenario_keys,
    "scenarios": scenarios,
    "settings": settings,
    "url-keys": url_keys,
}
"""Each table by the name that stands in a page."""
