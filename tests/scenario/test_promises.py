"""What the bundled scenarios say in their opening comments is what their markets do, for each of 20 seeds."""

from __future__ import annotations

import pytest

from feed.scenario.find import bundled_folder
from tests.scenario.promises import PROMISES, keeps, values_of

FILES = sorted(bundled_folder().glob("*.toml"))


def opening(name: str) -> str:
    """The opening comment and the description of a scenario, in one line."""
    text = (bundled_folder() / f"{name}.toml").read_text()
    comment = text[: text.index("\n\n")].replace("#", " ")
    description = next(line for line in text.splitlines() if line.startswith("description"))
    return " ".join(f"{comment} {description}".split())


def test_every_bundled_scenario_has_its_promises() -> None:
    """None is left out, and no words are tested that nobody can read."""
    assert set(PROMISES) == {file.stem for file in FILES}
    unsaid = [
        (name, promise.words)
        for name, made in PROMISES.items()
        for promise in made
        if promise.words not in opening(name)
    ]
    assert unsaid == []


@pytest.mark.parametrize("name", PROMISES)
def test_promises_are_kept(name: str) -> None:
    """By every seed where they are a script's, and usually where they are left to chance."""
    broken = [
        (promise.words, min(found.values), found.usual, max(found.values))
        for promise, found in zip(PROMISES[name], values_of(name), strict=True)
        if not keeps(promise, found)
    ]
    assert broken == []
