"""The scenarios that come with feed, and how they are found."""

from __future__ import annotations

from pathlib import Path

import jsonschema
import pytest

from feed.errors import ScenarioError
from feed.scenario.find import bundled_folder, find_scenario, list_scenarios
from feed.scenario.load import load_scenario, scenario_schema

FILES = sorted(bundled_folder().glob("*.toml"))


def test_there_are_enough() -> None:
    """The kinds of market that a frontend has to live through."""
    names = {file.stem for file in FILES}
    assert len(names) >= 14
    assert {"calm", "trending", "volatile", "flash-crash", "halt", "realistic"} <= names


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.stem))
def test_bundled_scenario_explains_itself(file: Path) -> None:
    """It opens with what it is for and what a UI should show, and is called like its file."""
    text = file.read_text()
    opening = text[: text.index("\n\n")]
    assert opening.startswith(f"# {file.stem}: ")
    assert "# What it is for: " in opening
    assert "# What a UI should show: " in opening
    scenario = load_scenario(file)
    assert scenario.name == file.stem
    assert scenario.description


def test_all_are_listed() -> None:
    """By name, in order."""
    assert [scenario.name for scenario in list_scenarios()] == [file.stem for file in FILES]


def test_found_by_name_and_by_path(tmp_path: Path) -> None:
    """A folder of the user's comes before the bundled ones."""
    assert find_scenario("calm")[1].parent == bundled_folder()
    own = tmp_path / "calm.toml"
    own.write_text('name = "calm"\nseed = 99')
    assert find_scenario("calm", tmp_path)[0].seed == 99
    assert find_scenario(str(own))[0].seed == 99


@pytest.mark.parametrize("name", ["clam", "flash_crash", "", ".", "..", "../calm", "a\0b", "x" * 5000, "ü", "/"])
def test_unknown_names(name: str) -> None:
    """One line that helps, whatever was asked for."""
    with pytest.raises(ScenarioError) as error:
        find_scenario(name)
    assert "\n" not in str(error.value)


def test_near_name_is_offered() -> None:
    """A slip of the finger is understood."""
    with pytest.raises(ScenarioError, match="did you mean calm"):
        find_scenario("clam")


def test_schema_is_one() -> None:
    """Editors can use it: each key has a description."""
    schema = scenario_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    sections = [schema, *schema["$defs"].values()]
    for section in sections:
        for key, value in section.get("properties", {}).items():
            assert key == "kind" or "description" in value, (section.get("title"), key)


def test_schema_takes_json_scenarios() -> None:
    """What the schema allows and forbids is what the model does, for a few of each."""
    validator = jsonschema.Draft202012Validator(scenario_schema())
    good = {
        "name": "x",
        "start": "2025-01-06T14:00:00Z",
        "phases": [{"name": "a", "for": "90s", "drift": "-3%", "volatility": 2}],
        "events": [{"kind": "target", "at": "1m", "price": 70000}],
    }
    assert list(validator.iter_errors(good)) == []
    for bad in ({"nam": 1}, {"phases": [{"name": "a", "volatility": -1}]}, {"events": [{"kind": "x", "at": 0}]}):
        assert list(validator.iter_errors({"name": "x", **bad}))
