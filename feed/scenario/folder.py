"""Folder of the scenarios that come with feed, and names of scenarios; no file is read."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import feed

__all__ = ["SUFFIXES", "bundled_folder", "scenario_names"]

SUFFIXES = (".toml", ".json")


@cache
def bundled_folder() -> Path:
    """Return the folder of the scenarios that come with feed: inside an installed package, beside it in a checkout."""
    package = Path(feed.__file__).parent
    installed = package / "_scenarios"
    return installed if installed.is_dir() else package.parent / "scenarios"


def scenario_names(folder: Path | None = None) -> list[str]:
    """Return the possible names of scenarios, taken from the names of the files."""
    places = [bundled_folder(), *([] if folder is None else [folder])]
    return sorted({file.stem for place in places if place.is_dir() for file in place.iterdir() if _is_one(file)})


def _is_one(file: Path) -> bool:
    return file.suffix.lower() in SUFFIXES
