"""Faults in a scenario file: in force or in a plan, each mistake with its line; they are no part of the market."""

from __future__ import annotations

from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from feed.errors import ScenarioError
from feed.faults.registry import FAULTS
from feed.scenario.faults import fault_plans, standing_faults
from feed.scenario.load import load_scenario, scenario_digest
from feed.scenario.schema import scenario_schema
from feed.scenario.write import scenario_text

HEAD = 'format = 1\nname = "shop"\n'

GOOD = (
    HEAD
    + """
[[faults]]
kind = "close"
at = 2025-01-06T00:05:00Z
code = 4001

[[faults]]
plan = "bad-line"
kind = "latency"
by = "80ms"

[[faults]]
plan = "bad-line"
kind = "drop"
rate = 0.5
symbol = "BTC/USD"
"""
)


def written(folder: Path, text: str) -> Path:
    """A scenario file."""
    path = folder / "shop.toml"
    path.write_text(text)
    return path


def test_faults_in_force_and_plans(tmp_path: Path) -> None:
    """Those with a plan are not in force by themselves; TOML's own times are taken."""
    scenario = load_scenario(written(tmp_path, GOOD))
    [close] = standing_faults(scenario)
    assert close.document == {"kind": "close", "code": 4001, "at": "2025-01-06T00:05:00+00:00"}
    plans = fault_plans(scenario)
    assert {name: [fault.kind for fault in plan] for name, plan in plans.items()} == {"bad-line": ["latency", "drop"]}


def test_faults_change_no_market(tmp_path: Path) -> None:
    """The digest is that of the file without them."""
    with_faults = load_scenario(written(tmp_path, GOOD))
    assert scenario_digest(with_faults) == scenario_digest(load_scenario(written(tmp_path, HEAD)))


def test_written_faults_are_read_again(tmp_path: Path) -> None:
    """As the effective scenario of a market has them."""
    scenario = load_scenario(written(tmp_path, GOOD))
    text = scenario_text(scenario.model_copy(update={"faults": ()}), faults=scenario.faults)
    again = load_scenario(written(tmp_path, text))
    assert standing_faults(again) == standing_faults(scenario)
    assert fault_plans(again) == fault_plans(scenario)


@pytest.mark.parametrize(
    ("entry", "line", "words"),
    [
        ('kind = "dorp"', 4, ["faults[0].kind", 'did you mean "drop"']),
        ('kind = "close"\ncode = 1006', 5, ["faults[0].code", "reset or close-without-frame"]),
        ('kind = "latency"\nby = "80ms"\njiter = "1ms"', 6, ["no key 'jiter'", 'did you mean "jitter"']),
        ('kind = "latency"', 3, ["needs the key 'by'", "how late"]),
        ('kind = "freeze"\nchannel = "trading"', 5, ["whole connection"]),
        ('kind = "drop"\nsymbol = "BTC/USDT"', 5, ['did you mean "BTC/USD"']),
        ('kind = "drop"\nchannel = "trades"', 5, ["no channel", "trading"]),
        ('kind = "drop"\nplan = "my plan"', 5, ["faults[0].plan", "A-Z a-z"]),
        ('kind = "refuse"\nseq = 3', 5, ["faults[0].seq", "before any message"]),
        ('kind = "rate-limit"\ndirection = "out"', 5, ["faults[0].direction", "in"]),
    ],
)
def test_a_mistake_has_its_line(tmp_path: Path, entry: str, line: int, words: list[str]) -> None:
    """The key, what is wrong, and what would be right."""
    path = written(tmp_path, f"{HEAD}[[faults]]\n{entry}\n")
    with pytest.raises(ScenarioError) as refused:
        load_scenario(path)
    [problem] = refused.value.problems
    assert problem.line == line
    assert all(word in f"{problem}" for word in words), str(problem)


def test_the_schema_knows_every_kind() -> None:
    """An editor completes kinds and keys, and marks what is wrong."""
    schema = scenario_schema()
    assert {each["properties"]["kind"]["const"] for each in schema["properties"]["faults"]["items"]["oneOf"]} == set(
        FAULTS
    )
    validator = Draft202012Validator(schema)
    assert validator.is_valid({"name": "x", "faults": [{"kind": "drop", "rate": 0.1, "plan": "a"}]})
    assert not validator.is_valid({"name": "x", "faults": [{"kind": "drop", "rat": 0.1}]})
    assert not validator.is_valid({"name": "x", "faults": [{"kind": "dorp"}]})
