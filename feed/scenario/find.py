"""Lookup of scenarios: by path, in a folder of the user, and among the bundled ones."""

from __future__ import annotations

import re
from pathlib import Path

from feed.errors import Problem, ScenarioError, UsageError
from feed.hints import nearest
from feed.scenario.folder import SUFFIXES, bundled_folder
from feed.scenario.load import load_scenario
from feed.scenario.model import Scenario
from feed.scenario.replay import Replay

__all__ = ["RECORDINGS", "bundled_folder", "find_scenario", "list_scenarios", "scenario_names", "scenario_text"]

RECORDINGS = (".parquet", ".pq", ".feather", ".csv", ".txt", ".gz", ".bz2", ".xz", ".zst", ".zip", ".part")
"""Suffixes of files that are played as they are: recordings, and files that can be imported."""


def find_scenario(name: str, folder: Path | None = None) -> tuple[Scenario, Path]:
    """Return a scenario, found by its name or by the path of its file, and the path.

    Raises:
        ScenarioError: the scenario does not exist, or its file has mistakes.
    """
    path = Path(name)
    if path.suffix.lower() in RECORDINGS:
        return _replay_of(path), path
    if path.suffix.lower() in SUFFIXES:
        return load_scenario(path), path
    if "/" in name or "\\" in name or path.suffix:
        return _file_of_another_kind(path)
    if (file := _named(name, folder)) is not None:
        return load_scenario(file), file
    known = [scenario.name for scenario in list_scenarios(folder)]
    near = nearest(name, known)
    hint = f"did you mean {near}?" if near else f"there is {', '.join(known)}"
    raise ScenarioError(name[:100], [Problem("", "there is no such scenario", hint)])


def scenario_text(name: str, folder: Path | None = None) -> str:
    """Return the file of a named scenario, as it is written. Raises `UsageError` if there is none of that name."""
    file = None if "/" in name or "\\" in name else _named(name, folder)
    if file is None:
        raise UsageError(f"There is no scenario {name[:64]!r}")
    return file.read_text(encoding="utf-8-sig")


def _named(name: str, folder: Path | None) -> Path | None:
    for place in _folders(folder):
        for suffix in SUFFIXES:
            file = place / f"{name}{suffix}"
            if name.strip(".") and len(name) < 200 and "\0" not in name and file.is_file():
                return file
    return None


def scenario_names(folder: Path | None = None) -> list[str]:
    """Return the names of all scenarios, without reading their files."""
    names = {
        file.stem
        for place in _folders(folder)
        if place.is_dir()
        for file in place.iterdir()
        if file.suffix.lower() in SUFFIXES
    }
    return sorted(names)


def list_scenarios(folder: Path | None = None) -> list[Scenario]:
    """Return every scenario that can be named, in the order of their names; files with mistakes are left out."""
    found: dict[str, Scenario] = {}
    for place in _folders(folder):
        for file in sorted(place.iterdir()) if place.is_dir() else ():
            if file.suffix.lower() in SUFFIXES and file.stem not in found:
                try:
                    found[file.stem] = load_scenario(file)
                except ScenarioError:
                    continue
    return [found[name] for name in sorted(found)]


def _file_of_another_kind(path: Path) -> tuple[Scenario, Path]:
    """Load a file without a known suffix: one with no suffix at all is read as TOML, any other is refused."""
    try:
        exists = path.exists()
    except (OSError, ValueError):
        exists = False
    if not exists:
        raise ScenarioError(str(path)[:100], [Problem("", "there is no such file", "scenarios are *.toml or *.json")])
    if path.suffix and path.is_file():
        kind = "YAML" if path.suffix.lower() in (".yaml", ".yml") else f"a {path.suffix[:20]} file"
        hint = "name it *.toml or *.json; a recording or trades end in .parquet or .csv"
        raise ScenarioError(str(path)[:100], [Problem("", f"a scenario is TOML or JSON, and this is {kind}", hint)])
    return load_scenario(path), path


def _replay_of(path: Path) -> Scenario:
    """Return a scenario that only plays a file."""
    words = re.sub(r"[^a-z0-9]+", "-", path.name.split(".")[0].lower()).strip("-")[:64].strip("-")
    return Scenario(name=words or "replay", description=f"{path.name}, as it was", replay=Replay(files=(path.name,)))


def _folders(folder: Path | None) -> list[Path]:
    return [folder, bundled_folder()] if folder is not None else [bundled_folder()]
