"""Every mistake in a file is found, named by its key, and never anything but a ScenarioError."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feed.errors import ScenarioError
from feed.scenario.load import load_scenario, scenario_digest, scenario_from
from feed.scenario.model import Scenario

HEAD = 'name = "x"\n'


def problems(document: object) -> dict[str, str]:
    """What is wrong with a document: place to the whole line."""
    with pytest.raises(ScenarioError) as error:
        scenario_from(document, "test")
    return {problem.where: str(problem) for problem in error.value.problems}


def write(folder: Path, name: str, text: str | bytes) -> Path:
    """A file with that text."""
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


WRONG: list[tuple[str, dict[str, Any], str, str]] = [
    ("unknown key", {"sed": 3}, "sed", "did you mean seed?"),
    ("unknown key in a phase", {"phases": [{"name": "a", "volatilty": 2}]}, "phases[0].volatilty", "volatility"),
    ("key of another event", {"events": [{"kind": "jump", "at": 0, "for": 3}]}, "events[0].for", "unknown key"),
    ("kind", {"events": [{"kind": "flashcrash", "at": 0}]}, "events[0].kind", "did you mean flash-crash?"),
    ("no kind", {"events": [{"at": 0}]}, "events[0].kind", "one of overlay, jump"),
    ("missing", {"phases": [{}]}, "phases[0].name", "is missing"),
    ("bare number as percentage", {"phases": [{"name": "a", "drift": 3}]}, "phases[0].drift", "%"),
    ("huge percentage", {"phases": [{"name": "a", "drift": "99999%"}]}, "phases[0].drift", "-99% to 1000%"),
    ("crash upwards", {"events": [{"kind": "flash-crash", "at": 0, "size": "8%"}]}, "events[0].size", "below 0%"),
    ("negative factor", {"phases": [{"name": "a", "activity": -1}]}, "phases[0].activity", "0.01"),
    ("nan", {"phases": [{"name": "a", "spread": float("nan")}]}, "phases[0].spread", "finite"),
    ("inf", {"market": {"orders_per_second": float("inf")}}, "market.orders_per_second", "2000"),
    ("text as number", {"market": {"orders_per_second": "many"}}, "market.orders_per_second", "number"),
    ("duration", {"duration": "soon"}, "duration", "1h30m"),
    ("no duration", {"duration": 0}, "duration", "from 1s"),
    ("too short", {"events": [{"kind": "burst", "at": 0, "for": "1ms"}]}, "events[0].for", "at least 1s"),
    ("status", {"phases": [{"name": "a", "status": "closed"}]}, "phases[0].status", "online, halted"),
    ("format", {"format": 2}, "format", "must be 1"),
    ("name", {"name": "Ünder"}, "name", "lower case"),
    ("seed", {"seed": 1.5}, "seed", "whole number"),
    ("seed true", {"seed": True}, "seed", "whole number"),
    ("negative seed", {"seed": -1}, "seed", "at least 0"),
    ("start", {"start": "2300-01-01"}, "start", "2200"),
    ("no symbols", {"symbols": []}, "symbols", "at least one"),
    ("list as table", {"market": []}, "market", "[market] in single brackets"),
    ("table as list", {"phases": {"name": "a"}}, "phases", "[[phases]] in double brackets"),
    ("twice", {"symbols": [{"symbol": "A"}, {"symbol": "A"}]}, "symbols[1].symbol", "twice"),
    (
        "tick over price",
        {"symbols": [{"symbol": "A", "tick_size": 99999}]},
        "symbols[0].start_price",
        "steps of tick_size",
    ),
    ("off the grid", {"symbols": [{"symbol": "A", "start_price": 1.005}]}, "symbols[0].start_price", "whole number"),
    ("zero tick", {"symbols": [{"symbol": "A", "tick_size": 0}]}, "symbols[0].tick_size", "positive"),
    ("nan tick", {"symbols": [{"symbol": "A", "tick_size": float("nan")}]}, "symbols[0].tick_size", "positive"),
    ("small order", {"symbols": [{"symbol": "A", "lot_size": 1}]}, "symbols[0].order_size", "smaller than lot_size"),
    ("overlap", {"phases": [{"name": "a", "for": 60}, {"name": "b", "at": 30}]}, "phases[1].at", "use events"),
    ("endless first", {"phases": [{"name": "a"}, {"name": "b"}]}, "phases[0].for", "only the last"),
    (
        "strange symbol",
        {"events": [{"kind": "jump", "at": 0, "symbols": ["BTC/USDT"]}]},
        "events[0].symbols",
        "BTC/USD",
    ),
    ("far target", {"events": [{"kind": "target", "at": 0, "price": 0.01}]}, "events[0].price", "out of range"),
    ("tick off grid", {"ticks": [{"at": 0, "price": 1.005, "size": 1}]}, "ticks[0].price", "the nearest is 1.01"),
    ("nothing to repeat", {"repeat": 3}, "repeat", "nothing to repeat"),
    ("repeat endless", {"repeat": 2, "phases": [{"name": "a"}]}, "phases[0].for", "has an end"),
    ("source and phases", {"source": {"file": "a.csv"}, "phases": [{"name": "a"}]}, "phases", "replayed file"),
    ("include without file", {"include": ["a.toml"]}, "include", "needs a scenario"),
    ("include number", {"include": 3}, "include", "not a list"),
]


@pytest.mark.parametrize(("document", "where", "says"), [case[1:] for case in WRONG], ids=[case[0] for case in WRONG])
def test_mistake_is_named(document: dict[str, Any], where: str, says: str) -> None:
    """The key where it is, and a hint that helps."""
    found = problems({"name": "x", **document})
    assert where in found, found
    assert says in found[where]


def test_all_mistakes_at_once() -> None:
    """Nobody corrects a file one mistake at a time."""
    document = {"nam": "x", "seed": "one", "phases": [{"name": "a", "drift": "x"}, {"nome": "b", "spread": 0}]}
    assert set(problems(document)) == {
        "name", "nam", "seed", "phases[0].drift", "phases[1].name", "phases[1].nome", "phases[1].spread",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is empty"),
        ("  \n", "is empty"),
        ("name = ?", "bad.toml:1: column 8"),
        ("a = 1\na = 2\n", "bad.toml:2: "),
        (b"\xff\xfe\x00", "not UTF-8"),
        (b"\x89PNG\r\n\x1a\n", "not UTF-8"),
        ("x = " + "[" * 20_000, "nested too deeply"),
        ("[[phases]]\n" * 20_000, "and 19951 more"),
    ],
    ids=["empty", "blank", "half", "twice", "utf16", "png", "deep", "many"],
)
def test_bad_toml(tmp_path: Path, text: str | bytes, says: str) -> None:
    """One clear line, with its place where there is one."""
    with pytest.raises(ScenarioError, match=says):
        load_scenario(write(tmp_path, "bad.toml", text))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "bad.json:1: column 2"),
        ("[]", "table of keys"),
        ("3", "table of keys"),
        ("null", "table of keys"),
        ('{"name": "x", "name": "y"}', "there twice"),
        ('{"name": "x", "seed": NaN}', "not a number in JSON"),
        ('{"name": "x", "seed": ' + "9" * 5000 + "}", "digit"),
        ("[" * 100_000, "nested too deeply"),
        ('{"name": "\\ud800"}', "name"),
    ],
    ids=["half", "list", "number", "null", "twice", "nan", "long", "deep", "surrogate"],
)
def test_bad_json(tmp_path: Path, text: str, says: str) -> None:
    """The traps of JSON."""
    with pytest.raises(ScenarioError, match=says):
        load_scenario(write(tmp_path, "bad.json", text))


def test_bad_paths(tmp_path: Path) -> None:
    """What is no file at all."""
    for path, says in [
        (tmp_path, "is a folder"),
        (tmp_path / "none.toml", "No such file"),
        (tmp_path / "none.toml" / "x", "cannot be read"),
        (Path("a\0b.toml"), "null"),
        (Path("a" * 5000 + ".toml"), "cannot be read"),
    ]:
        with pytest.raises(ScenarioError, match=says):
            load_scenario(path)


def test_huge_file(tmp_path: Path) -> None:
    """More than 16 MiB are not even parsed."""
    with pytest.raises(ScenarioError, match="16 MiB"):
        load_scenario(write(tmp_path, "huge.toml", HEAD + "#" * 17 * 1024 * 1024))


def test_toml_and_json_are_the_same(tmp_path: Path) -> None:
    """One model behind both, a byte order mark or not."""
    toml = HEAD + 'start = 2025-01-06T14:00:00Z\n[[phases]]\nname = "a"\nfor = "90s"\ndrift = "-3%"\n'
    document = {
        "name": "x",
        "start": "2025-01-06T14:00:00Z",
        "phases": [{"name": "a", "for": 90, "drift": "-3%"}],
    }
    one = load_scenario(write(tmp_path, "a.toml", b"\xef\xbb\xbf" + toml.encode()))
    other = load_scenario(write(tmp_path, "a.json", json.dumps(document)))
    assert one == other
    assert scenario_digest(one) == scenario_digest(other)


def test_digest_is_of_what_the_market_depends_on() -> None:
    """Not of how the scenario is called; of everything else."""

    def digest(**keys: Any) -> str:
        return scenario_digest(scenario_from({"name": "x", **keys}, "test"))

    base = digest()
    assert digest(name="y", description="another") == base
    others = [
        digest(seed=2),
        digest(symbols=[{"symbol": "BTC/USD", "tick_size": 0.1}]),
        digest(market={"orders_per_second": 4}),
        digest(events=[{"kind": "jump", "at": 3}]),
        digest(start="2025-01-07"),
    ]
    assert len({base, *others}) == 1 + len(others)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12) | st.sampled_from(["1m", "3%"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from([*Scenario.model_fields, "kind", "at", "for", "price", "size"]) | st.text(max_size=8)


@settings(max_examples=120, deadline=None)
@given(st.dictionaries(KEYS, JSON_VALUES | st.lists(st.dictionaries(KEYS, JSON_VALUES, max_size=5), max_size=3)))
def test_nothing_but_scenario_errors(document: dict[str, Any]) -> None:
    """Whatever is in a document, it is a scenario or a list of its mistakes."""
    try:
        scenario = scenario_from(document, "test")
    except ScenarioError as error:
        said = [problem.message for problem in error.problems]
    else:
        said = [scenario_digest(scenario)]
    assert said
    assert all(said)
