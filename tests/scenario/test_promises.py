"""What the bundled scenarios say in their opening comments is what their markets do, for each of 20 seeds."""

from __future__ import annotations

import pytest

from feed.scenario.find import bundled_folder, find_scenario
from tests.scenario.promises import PROMISES, keeps, values_of
from tests.scenario.sight import Sight

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
    said = [(name, promise.words) for name, made in PROMISES.items() for promise in made]
    unsaid = [(name, words) for name, words in said if words not in opening(name)]
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


@pytest.mark.parametrize("name", PROMISES)
def test_the_bundled_seed_is_an_ordinary_one(name: str) -> None:
    """Who serves the scenario as it is sees what is usual, within a third more or less."""
    seen = Sight(name, find_scenario(name)[0].seed)
    for promise in PROMISES[name]:
        figure = promise.figure(seen)
        assert promise.base is not None or promise.low <= figure <= promise.high, promise.words
        if promise.usual is not None:
            figure /= 1.0 if promise.base is None else promise.base(seen)
            low, high = (bound + side * abs(bound) / 3 for bound, side in zip(promise.usual, (-1, 1), strict=True))
            assert low <= figure <= high, promise.words
