"""From a file to a scenario, or to a list of everything that is wrong with it."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from feed.errors import Problem, ScenarioError
from feed.scenario.model import Scenario
from feed.units import nearest

__all__ = ["load_scenario", "scenario_digest", "scenario_from", "scenario_schema"]

MAX_FILE = 16 * 1024 * 1024
MAX_PROBLEMS = 50


def load_scenario(path: Path | str) -> Scenario:
    """The scenario in a TOML or JSON file.

    Raises:
        ScenarioError: the file can't be read, or has mistakes; all of them are listed, each with its key.
    """
    path = Path(path)
    document = _parse(path, _read(path))
    return scenario_from(document, str(path))


def scenario_from(document: object, name: str) -> Scenario:
    """The scenario in a parsed document; `name` is what errors call it."""
    if not isinstance(document, dict):
        raise ScenarioError(name, [Problem("", "a scenario is a table of keys", "it begins like: format = 1")])
    try:
        return Scenario.model_validate(document)
    except ValidationError as error:
        found = [_problem(item) for item in error.errors(include_url=False)[:MAX_PROBLEMS]]
        raise ScenarioError(name, list(dict.fromkeys(found))) from None
    except RecursionError:
        raise ScenarioError(name, [Problem("", "nested too deeply")]) from None


def scenario_schema() -> dict[str, Any]:
    """JSON Schema of the format, for editors."""
    schema = Scenario.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "feed scenario", **schema}


def scenario_digest(scenario: Scenario) -> str:
    """A hash of everything in the file that the market depends on; name and description are not among it."""
    document = scenario.model_dump(mode="json", exclude={"name", "description"})
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()[:16]


def _read(path: Path) -> str:
    name = str(path)
    try:
        if path.is_dir():
            raise ScenarioError(name, [Problem("", "is a folder", "name a .toml or .json file in it")])
        with path.open("rb") as file:
            raw = file.read(MAX_FILE + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ScenarioError(name, [Problem("", f"cannot be read: {reason}")]) from None
    if len(raw) > MAX_FILE:
        raise ScenarioError(
            name, [Problem("", "is larger than 16 MiB", "put long lists of ticks into a [source] file")]
        )
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ScenarioError(name, [Problem("", f"is not UTF-8 text (byte {error.start})")]) from None
    if not text.strip():
        raise ScenarioError(name, [Problem("", "is empty")])
    return text


def _parse(path: Path, text: str) -> object:
    try:
        if path.suffix.lower() == ".json":
            return json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
        return tomllib.loads(text)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise ScenarioError(str(path), [Problem(where, f"is not JSON: {error.msg}")]) from None
    except tomllib.TOMLDecodeError as error:
        raise ScenarioError(str(path), [Problem("", f"is not TOML: {error}")]) from None
    except RecursionError:
        raise ScenarioError(str(path), [Problem("", "nested too deeply")]) from None
    except ValueError as error:
        raise ScenarioError(str(path), [Problem("", str(error)[:200])]) from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {twice[:60]!r} is there twice")
    return document


def _no_constant(text: str) -> object:
    raise ValueError(f"{text} is not a number in JSON")


def _problem(item: ErrorDetails) -> Problem:
    location = [part for part in item["loc"] if part not in ("function-after", "constrained-str")]
    kind, message = item["type"], item["msg"].removeprefix("Value error, ")
    where = _place(location)
    if kind == "extra_forbidden":
        return Problem(where, "unknown key", _near_key(location))
    if kind == "missing":
        return Problem(where, "is missing")
    hint = "" if "input" not in item or isinstance(item["input"], dict | list) else f"got {item['input']!r:.60}"
    return Problem(where, message[:1].lower() + message[1:], hint or None)


def _place(location: list[int | str]) -> str:
    place = ""
    for part in location:
        if isinstance(part, int):
            place += f"[{part}]"
        elif part not in ("endless", "int", "literal['endless']"):
            place += f".{part}" if place else str(part)
    return place


def _near_key(location: list[int | str]) -> str:
    names = sorted(_keys_at(location[:-1]))
    near = nearest(location[-1], names)
    return f"did you mean {near}?" if near else f"one of {', '.join(names)}"


def _keys_at(location: list[int | str]) -> Iterator[str]:
    """The keys of the section that a location leads to."""
    model: type[BaseModel] = Scenario
    for part in location:
        if isinstance(part, str) and part in model.model_fields:
            model = _section_of(model.model_fields[part].annotation) or model
    for name, field in model.model_fields.items():
        yield field.alias or name


def _section_of(annotation: Any) -> type[BaseModel] | None:
    for candidate in (annotation, *get_args(annotation)):
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            return candidate
    return None
