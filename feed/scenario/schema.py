"""The JSON Schema of scenario files, for editors: what it says of a key is what an author may write there."""

from __future__ import annotations

from typing import Any

from feed.scenario.model import Scenario
from feed.scenario.values import KIND, written

__all__ = ["scenario_schema"]


def scenario_schema() -> dict[str, Any]:
    """JSON Schema of the format; every default is as an author would write it."""
    schema = Scenario.model_json_schema(by_alias=True)
    _write_defaults(schema)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "feed scenario", **schema}


def _write_defaults(part: Any) -> None:
    """Replace what the model computes with by what stands in a file, and take out the notes that tell how."""
    if isinstance(part, list):
        for each in part:
            _write_defaults(each)
    if not isinstance(part, dict):
        return
    for each in part.values():
        _write_defaults(each)
    kind = part.pop(KIND, None)
    if kind is not None and "default" in part:
        part["default"] = written(kind, part["default"])
