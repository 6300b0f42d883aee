"""A file takes what others in its folder have."""

from __future__ import annotations

from pathlib import Path

import pytest

from feed.errors import ScenarioError
from feed.scenario.load import load_scenario


def write(folder: Path, name: str, text: str) -> Path:
    """A file with that text."""
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return path


def test_lists_grow_and_values_give_way(tmp_path: Path) -> None:
    """What is included comes first; where both have a value, the including file's counts."""
    write(
        tmp_path,
        "base.toml",
        'name="base"\nseed=3\n[market]\norders_per_second=9\ncorrelation=0\n[[symbols]]\nsymbol="A"',
    )
    write(tmp_path, "more.json", '{"name": "more", "events": [{"kind": "jump", "at": 1}]}')
    path = write(
        tmp_path,
        "own.toml",
        'name="own"\ninclude=["base.toml","more.json"]\n[market]\norders_per_second=2\n[[symbols]]\nsymbol="B"',
    )
    scenario = load_scenario(path)
    assert scenario.name == "own"
    assert scenario.seed == 3
    assert scenario.market.orders_per_second == 2
    assert scenario.market.correlation == 0
    assert [symbol.symbol for symbol in scenario.symbols] == ["A", "B"]
    assert [event.kind for event in scenario.events] == ["jump"]


def test_included_files_include_from_below(tmp_path: Path) -> None:
    """Each path is relative to the file that it stands in."""
    write(tmp_path, "parts/inner.toml", "seed = 5")
    write(tmp_path, "parts/outer.toml", 'include = ["inner.toml"]')
    assert load_scenario(write(tmp_path, "own.toml", 'name="own"\ninclude=["parts/outer.toml"]')).seed == 5


@pytest.mark.parametrize(
    ("include", "says"),
    [
        ("own.toml", "includes itself"),
        ("loop.toml", "includes itself"),
        ("../secret.toml", "outside"),
        ("/etc/passwd", "outside"),
        ("none.toml", "No such file"),
        ("bad.toml", "not TOML"),
        ("", "is a folder"),
    ],
)
def test_bad_includes(tmp_path: Path, include: str, says: str) -> None:
    """Loops, other folders, and files that are no scenarios."""
    folder = tmp_path / "folder"
    folder.mkdir()
    write(tmp_path, "secret.toml", "seed = 5")
    write(folder, "loop.toml", 'include = ["own.toml"]')
    write(folder, "bad.toml", "seed =")
    with pytest.raises(ScenarioError, match=says):
        load_scenario(write(folder, "own.toml", f'name="own"\ninclude=["{include}"]'))


def test_a_link_does_not_lead_out(tmp_path: Path) -> None:
    """A symbolic link counts as where it leads."""
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "link.toml").symlink_to(write(tmp_path, "secret.toml", "seed = 5"))
    with pytest.raises(ScenarioError, match="outside"):
        load_scenario(write(folder, "own.toml", 'name="own"\ninclude=["link.toml"]'))


def test_too_many(tmp_path: Path) -> None:
    """Files that include two others each do not go on for ever."""
    for depth in range(12):
        write(tmp_path, f"{depth}.toml", f'include = ["{depth + 1}.toml", "{depth + 1}.toml"]')
    write(tmp_path, "12.toml", "seed = 1")
    with pytest.raises(ScenarioError, match="one file too many"):
        load_scenario(write(tmp_path, "own.toml", 'name="own"\ninclude=["0.toml"]'))
