"""Registry of all export targets by name. To add one, write a file with a `ExportTarget` and list it here."""

from __future__ import annotations

from feed.errors import UsageError
from feed.exporting.candles import CANDLES
from feed.exporting.hftbacktest import HFTBACKTEST
from feed.exporting.nautilus import NAUTILUS
from feed.exporting.tables import CSV, JSONL
from feed.exporting.tardis import TARDIS_CSV
from feed.exporting.target import ExportTarget
from feed.hints import nearest

__all__ = ["TARGETS", "target_of"]

_ALL = (CSV, JSONL, CANDLES, TARDIS_CSV, HFTBACKTEST, NAUTILUS)

TARGETS: dict[str, ExportTarget] = {each.name: each for each in _ALL}


def target_of(name: str) -> ExportTarget:
    """Return a target. Raises UsageError, with the nearest name, if there is none."""
    if name not in TARGETS:
        near = nearest(name, TARGETS)
        hint = f"did you mean {near!r}? " if near else ""
        raise UsageError(f"there is no target {name!r}; {hint}known are {', '.join(TARGETS)}")
    return TARGETS[name]
