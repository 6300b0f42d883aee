"""What the schema offers to an editor is what the loader takes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest

from feed.scenario.load import scenario_from, scenario_schema

SCHEMA = scenario_schema()

LEAST: dict[str, tuple[str, bool, dict[str, Any]]] = {
    "SymbolModel": ("symbols", True, {"symbol": "BTC/USD"}),
    "MarketModel": ("market", False, {}),
    "Phase": ("phases", True, {"name": "a"}),
    "TickFile": ("source", False, {"file": "a.csv"}),
    "Replay": ("replay", False, {"files": ["a.parquet"]}),
    "HandTick": ("ticks", True, {"at": 1, "price": 65000, "size": 1}),
}
"""By section: its key in a file, whether it is a list, and the least that one has."""

EVENT: dict[str, Any] = {"at": 0}
EVENTS: dict[str, dict[str, Any]] = {
    "target": {"price": 66000},
    "status": {"status": "halted"},
}

TOGETHER = {
    ("TickFile", "bid_size"): {"bid": "bid", "ask": "ask"},
    ("TickFile", "ask_size"): {"bid": "bid", "ask": "ask"},
    ("TickFile", "bid"): {"ask": "ask"},
    ("TickFile", "ask"): {"bid": "bid"},
    ("TickFile", "date"): {},
}
"""What a key's examples need beside them."""


def properties() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every key of every section."""
    for name, section in {"Scenario": SCHEMA, **SCHEMA["$defs"]}.items():
        for key, value in section["properties"].items():
            yield name, key, value


def document(section: str, more: dict[str, Any]) -> dict[str, Any]:
    """The least scenario that has such a section, with more keys in it."""
    if section == "Scenario":
        return {"name": "x", **more}
    if section in LEAST:
        place, many, least = LEAST[section]
        content = {**least, **more}
    else:
        kind = SCHEMA["$defs"][section]["properties"]["kind"]["const"]
        place, many, content = "events", True, {"kind": kind, **EVENT, **EVENTS.get(kind, {}), **more}
    return {"name": "x", place: [content] if many else content}


DEFAULTS = [(name, key, value["default"]) for name, key, value in properties() if "default" in value]
EXAMPLES = [
    (name, key, example)
    for name, key, value in properties()
    for kind in (value, *value.get("anyOf", ()))
    for example in kind.get("examples", ())
    if (name, key) not in {("Scenario", "include"), ("HandTick", "price"), ("TickFile", "trade_id")}
]


def test_there_are_defaults() -> None:
    """The walk finds what it is for."""
    assert len(DEFAULTS) > 80
    assert ("FlashCrash", "fall", "3m") in DEFAULTS
    assert ("Scenario", "start", "2025-01-06T00:00:00Z") in DEFAULTS
    assert "x-kind" not in str(SCHEMA)


@pytest.mark.parametrize(("section", "key", "default"), DEFAULTS)
def test_every_default_can_be_written(section: str, key: str, default: object) -> None:
    """It is what its own schema allows, the loader takes it, and it changes nothing."""
    whole = SCHEMA if section == "Scenario" else SCHEMA["$defs"][section]
    validator = jsonschema.Draft202012Validator({**whole["properties"][key], "$defs": SCHEMA["$defs"]})
    assert list(validator.iter_errors(default)) == []
    with_it = document(section, {key: default})
    assert list(jsonschema.Draft202012Validator(SCHEMA).iter_errors(with_it)) == []
    assert scenario_from(with_it, "test") == scenario_from(document(section, {}), "test")


@pytest.mark.parametrize(("section", "key", "example"), EXAMPLES)
def test_every_example_can_be_written(section: str, key: str, example: object) -> None:
    """An editor offers them, too."""
    written = document(section, {**TOGETHER.get((section, key), {}), key: example})
    assert list(jsonschema.Draft202012Validator(SCHEMA).iter_errors(written)) == []
    scenario_from(written, "test")


@pytest.mark.parametrize(
    "wrong",
    [
        {"duration": "soon"},
        {"duration": -3},
        {"phases": [{"name": "a", "for": "5 minutes"}]},
        {"phases": [{"name": "a", "drift": "3"}]},
        {"market": {"daily_volatility": "2 percent"}},
    ],
)
def test_an_editor_shows_what_the_loader_refuses(wrong: dict[str, Any]) -> None:
    """Texts have their form in the schema."""
    assert list(jsonschema.Draft202012Validator(SCHEMA).iter_errors({"name": "x", **wrong}))
