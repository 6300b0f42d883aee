"""From a file to a scenario, or to a list of everything that is wrong with it."""

from __future__ import annotations

import hashlib
import json
import tomllib
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from feed.errors import Problem, ScenarioError
from feed.scenario.generator import GENERATOR_VERSION, block_minutes
from feed.scenario.include import with_included
from feed.scenario.mistakes import problems_in
from feed.scenario.model import Scenario
from feed.scenario.schema import scenario_schema

__all__ = ["load_scenario", "scenario_digest", "scenario_from", "scenario_schema"]

MAX_FILE = 16 * 1024 * 1024
MAX_PROBLEMS = 50


def load_scenario(path: Path | str) -> Scenario:
    """The scenario in a TOML or JSON file.

    Raises:
        ScenarioError: the file can't be read, or has mistakes; all of them are listed, each with its key.
    """
    path = Path(path)
    document = _document(path)
    if "include" in document:
        document = with_included(path, document, _document)
    return scenario_from(document, str(path))


def _document(path: Path) -> dict[str, Any]:
    document = _parse(path, _read(path))
    if not isinstance(document, dict):
        raise ScenarioError(str(path), [Problem("", "a scenario is a table of keys", "it begins like: format = 1")])
    return document


def scenario_from(document: object, name: str) -> Scenario:
    """The scenario in a parsed document; `name` is what errors call it."""
    if not isinstance(document, dict):
        raise ScenarioError(name, [Problem("", "a scenario is a table of keys", "it begins like: format = 1")])
    try:
        return Scenario.model_validate(document)
    except ValidationError as error:
        problems = problems_in(error.errors(include_url=False))
        if len(problems) > MAX_PROBLEMS:
            problems[MAX_PROBLEMS:] = [Problem("", f"and {len(problems) - MAX_PROBLEMS} more mistakes")]
        raise ScenarioError(name, problems) from None
    except RecursionError:
        raise ScenarioError(name, [Problem("", "nested too deeply")]) from None


def scenario_digest(scenario: Scenario) -> str:
    """A hash of everything in the file that the market depends on.

    Name and description are not among it, nor are the names of the files that it plays: their content counts, see
    `feed.market.digest`.
    """
    unsaid: dict[str, Any] = {"name": True, "description": True, "replay": {"files"}, "source": {"file"}}
    document = scenario.model_dump(mode="json", exclude=unsaid)
    document["generator"] = [GENERATOR_VERSION, block_minutes(scenario)]
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
        message, _, place = str(error).partition(" (at ")
        raise ScenarioError(str(path), [Problem(place.rstrip(")"), f"is not TOML: {message[:200]}")]) from None
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
