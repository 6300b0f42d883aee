"""Scenarios that have been read: a file is read again only once it, or one that it includes, has changed."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

from feed.scenario.find import find_scenario
from feed.scenario.load import reading_files
from feed.scenario.model import Scenario

__all__ = ["RecentScenarios"]

KEPT_DOCUMENTS = 64

Stamp = tuple[int, int]
"""Time of a file's last change (ns), and its size."""


class RecentScenarios:
    """Scenarios by name, with the state of the files that they were read from."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, Path | None], tuple[Scenario, Path, dict[Path, Stamp | None]]] = (
            OrderedDict()
        )

    def find(self, name: str, folder: Path | None = None) -> tuple[Scenario, Path]:
        """Return the same as `find_scenario`."""
        kept = self._kept.get((name, folder))
        if kept is not None:
            scenario, path, stamps = kept
            if all(_stamp(file) == stamp for file, stamp in stamps.items()):
                return scenario, path
        with reading_files() as files:
            scenario, path = find_scenario(name, folder)
        # A file of the same name in the user's folder would come first.
        first = set() if folder is None else {folder / f"{name}.toml", folder / f"{name}.json"}
        self._kept[name, folder] = scenario, path, {file: _stamp(file) for file in {*files, *first}}
        while len(self._kept) > KEPT_DOCUMENTS:
            self._kept.popitem(last=False)
        return scenario, path


def _stamp(file: Path) -> Stamp | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
