"""Where scenarios are: by path, in a folder of the user's, and among the bundled ones."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import feed
from feed.errors import Problem, ScenarioError
from feed.hints import nearest
from feed.scenario.load import load_scenario
from feed.scenario.model import Scenario
from feed.scenario.replay import Replay

__all__ = ["RECORDINGS", "bundled_folder", "find_scenario", "list_scenarios"]

SUFFIXES = (".toml", ".json")

RECORDINGS = (".parquet", ".pq", ".csv", ".txt", ".gz", ".bz2", ".xz", ".zip", ".part")
"""What a file that is played as it is may be called: a recording, or what can be imported."""


@cache
def bundled_folder() -> Path:
    """The scenarios that come with feed: inside an installed package, beside it in a checkout."""
    package = Path(feed.__file__).parent
    installed = package / "_scenarios"
    return installed if installed.is_dir() else package.parent / "scenarios"


def find_scenario(name: str, folder: Path | None = None) -> tuple[Scenario, Path]:
    """A scenario by its name, or by the path of its file; returns it with the path.

    Raises:
        ScenarioError: there is none, or its file has mistakes.
    """
    path = Path(name)
    if path.suffix.lower() in RECORDINGS:
        return _replay_of(path), path
    if path.suffix.lower() in SUFFIXES or "/" in name or "\\" in name:
        return load_scenario(path), path
    for place in _folders(folder):
        for suffix in SUFFIXES:
            file = place / f"{name}{suffix}"
            if name.strip(".") and len(name) < 200 and "\0" not in name and file.is_file():
                return load_scenario(file), file
    known = [scenario.name for scenario in list_scenarios(folder)]
    near = nearest(name, known)
    hint = f"did you mean {near}?" if near else f"there is {', '.join(known)}"
    raise ScenarioError(name[:100], [Problem("", "there is no such scenario", hint)])


def list_scenarios(folder: Path | None = None) -> list[Scenario]:
    """Every scenario that can be named, in the order of their names; files with mistakes are left out."""
    found: dict[str, Scenario] = {}
    for place in _folders(folder):
        for file in sorted(place.iterdir()) if place.is_dir() else ():
            if file.suffix.lower() in SUFFIXES and file.stem not in found:
                try:
                    found[file.stem] = load_scenario(file)
                except ScenarioError:
                    continue
    return [found[name] for name in sorted(found)]


def _replay_of(path: Path) -> Scenario:
    """A scenario that does no more than play a file."""
    words = re.sub(r"[^a-z0-9]+", "-", path.name.split(".")[0].lower()).strip("-")[:64].strip("-")
    return Scenario(name=words or "replay", description=f"{path.name}, as it was", replay=Replay(files=(path.name,)))


def _folders(folder: Path | None) -> list[Path]:
    return [folder, bundled_folder()] if folder is not None else [bundled_folder()]
