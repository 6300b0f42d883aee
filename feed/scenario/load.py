"""Loading of scenario files: a scenario, or a list of every mistake in the file."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import tomllib
from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from feed.errors import Problem, ScenarioError
from feed.scenario.generator import GENERATOR_VERSION, block_minutes
from feed.scenario.include import with_included
from feed.scenario.lines import Included, place_in, scanned
from feed.scenario.mistakes import problems_in
from feed.scenario.model import Scenario
from feed.scenario.schema import scenario_schema

__all__ = [
    "load_scenario",
    "reading_files",
    "scenario_digest",
    "scenario_from",
    "scenario_in",
    "scenario_schema",
    "with_lines",
]

MAX_FILE = 16 * 1024 * 1024
MAX_PROBLEMS = 50


def load_scenario(path: Path | str) -> Scenario:
    """Return the scenario in a TOML or JSON file.

    Raises:
        ScenarioError: the file can't be read, or has mistakes; all of them are listed, each with its key.
    """
    path = Path(path)
    try:
        document = _document(path)
        if "include" in document:
            document = with_included(path, document, _document)
        return scenario_from(document, str(path))
    except ScenarioError as error:
        raise ScenarioError(error.path, with_lines(error.problems, Path(error.path))) from None


def scenario_in(text: str, name: str) -> Scenario:
    """Return the scenario in the text of a TOML file; `name` is its name in errors.

    Raises:
        ScenarioError: the text has mistakes; all of them are listed, each with its key and line.
    """
    path = Path(name)
    if not text.strip():
        raise ScenarioError(name, [Problem("", "is empty", "it begins like: format = 1")])
    document = _parse(path, text)
    try:
        return scenario_from(document, name)
    except ScenarioError as error:
        places = scanned(text, name, is_json=False)
        problems = [_with_line(problem, places or {}, name) for problem in error.problems]
        raise ScenarioError(name, problems) from None


def with_lines(problems: Sequence[Problem], path: Path) -> list[Problem]:
    """Return the problems of a file, each with the file and the line of its key, as far as these are known."""
    if not any(problem.where and not problem.line for problem in problems):
        return list(problems)
    try:
        places = _places(path)
    except ScenarioError:
        return list(problems)
    try:
        merged = with_included(path, places, _places) if "include" in places else places
    except ScenarioError:
        # The mistake is in the include itself.
        merged = places
    own = _shown(path)
    return [_with_line(problem, places if problem.where == "include" else merged, own) for problem in problems]


def _with_line(problem: Problem, places: dict[str, Any], own: str) -> Problem:
    place = place_in(places, problem.where) if problem.where and not problem.line else None
    if place is None:
        return problem
    return replace(problem, file="" if place.file == own else place.file, line=place.line)


def _places(path: Path) -> dict[str, Any]:
    """Return the places of all keys in a file; the names of the files that it includes are kept as they are."""
    text = _read(path)
    document = _parse(path, text)
    places = scanned(text, _shown(path), is_json=_is_json(path))
    if places is None or not isinstance(document, dict):
        return {}
    names = document.get("include")
    if isinstance(names, list):
        places["include"] = Included(names, places["include"])
    return places


def _shown(path: Path) -> str:
    """Return the path to display, relative to the working folder if it lies inside; included files come resolved."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_absolute() and path.is_relative_to(here) else str(path)


def _is_json(path: Path) -> bool:
    return path.suffix.lower() == ".json"


def _document(path: Path) -> dict[str, Any]:
    document = _parse(path, _read(path))
    if not isinstance(document, dict):
        raise ScenarioError(str(path), [Problem("", "a scenario is a table of keys", "it begins like: format = 1")])
    return document


def scenario_from(document: object, name: str) -> Scenario:
    """Return the scenario in a parsed document; `name` is its name in errors."""
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
    """Return a hash of everything in the file that the market depends on.

    Name, description and faults (which change no market) are left out, and so are the names of the files that it
    plays: their content counts, see `feed.market.digest`.
    """
    unsaid: dict[str, Any] = {
        "name": True,
        "description": True,
        "faults": True,
        "replay": {"files"},
        "source": {"file"},
    }
    document = scenario.model_dump(mode="json", exclude=unsaid)
    if scenario.replay is not None and scenario.replay.pace == "exchange":
        # The usual clock: digests are those from before there was a choice.
        del document["replay"]["pace"]
    for event in document["events"]:
        del event["name"]
    document["generator"] = [GENERATOR_VERSION, block_minutes(scenario)]
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()[:16]


@contextlib.contextmanager
def reading_files() -> Iterator[list[Path]]:
    """Give a list that gets the path of each file that is read inside of the block."""
    files: list[Path] = []
    token = _files.set(files)
    try:
        yield files
    finally:
        _files.reset(token)


_files: ContextVar[list[Path] | None] = ContextVar("files", default=None)


def _read(path: Path) -> str:
    name = str(path)
    if (files := _files.get()) is not None:
        files.append(path)
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
        if _is_json(path):
            return json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
        return tomllib.loads(text)
    except json.JSONDecodeError as error:
        problem = Problem(
            f"column {error.colno}", f"is not JSON: {error.msg}", _json_hint(text, error.pos), error.lineno
        )
        raise ScenarioError(str(path), [problem]) from None
    except tomllib.TOMLDecodeError as error:
        raise ScenarioError(str(path), [_not_toml(text, str(error))]) from None
    except RecursionError:
        raise ScenarioError(str(path), [Problem("", "nested too deeply")]) from None
    except ValueError as error:
        raise ScenarioError(str(path), [Problem("", str(error)[:200])]) from None


def _not_toml(text: str, error: str) -> Problem:
    message, _, place = error.partition(" (at ")
    found = re.match(r"line (\d+), column (\d+)", place)
    line = int(found[1]) if found else text.count("\n") + 1
    written = text.splitlines()[line - 1] if found else ""
    return Problem(
        f"column {found[2]}" if found else "at the end", f"is not TOML: {message[:200]}", _toml_hint(written), line
    )


def _toml_hint(line: str) -> str | None:
    """Return a hint about the most frequent mistake in a line that cannot be read; None without one."""
    if re.match(r"\s*[\w.-]+\s*:", line):
        return "TOML has = between key and value, as in seed = 7"
    if re.search(r"=\s*(True|False|None|null|yes|no|on|off)\b", line):
        return "TOML writes true and false; what has no value is left out"
    if re.search(r"=\s*[+-]?[\d.]*\s*[A-Za-z%][\w%:/ -]*$", line):
        return 'text, durations and percentages stand in quotes, as in for = "5m"'
    if re.search(r"=\s*[+-]?\d+[\d.]*(,\d+)+", line):
        return "numbers have a point and no commas, as in 65000.5"
    return None


def _json_hint(text: str, at: int) -> str | None:
    before = text[:at].rstrip()
    if text[at : at + 1] in ("]", "}") or before.endswith(","):
        return "there is no comma behind the last one"
    if text[at : at + 2] in ("//", "/*") or text[at : at + 1] == "#":
        return "JSON has no comments; TOML has"
    return "JSON has double quotes" if text[at : at + 1] == "'" else None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {twice[:60]!r} is there twice")
    return document


def _no_constant(text: str) -> object:
    raise ValueError(f"{text} is not a number in JSON")
