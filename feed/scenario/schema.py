"""JSON Schema of scenario files, for editors: it describes each key as an author may write it."""

from __future__ import annotations

from typing import Any

from feed.scenario.model import Scenario
from feed.scenario.values import KIND, written

__all__ = ["scenario_schema"]


def scenario_schema() -> dict[str, Any]:
    """Return the JSON Schema of the format; every default is in an author's spelling."""
    schema = Scenario.model_json_schema(by_alias=True)
    _write_defaults(schema)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "feed scenario", **schema}


def _write_defaults(part: Any) -> None:
    """Replace internal defaults by their spelling in a file, and remove the notes that give the kind of spelling."""
    if isinstance(part, list):
        for each in part:
            _write_defaults(each)
    if not isinstance(part, dict):
        return
    for each in part.values():
        _write_defaults(each)
    for bound in ("minimum", "maximum"):
        # Faults say their bounds as authors write lengths, which JSON Schema has no word for.
        if isinstance(part.get(bound), str):
            del part[bound]
    kind = part.pop(KIND, None)
    if kind is not None and "default" in part:
        part["default"] = written(kind, part["default"])
