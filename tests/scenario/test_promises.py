"""What the bundled scenarios say in their opening comments is what their markets do, for each of 20 seeds."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from feed.scenario.find import bundled_folder, find_scenario
from tests.scenario.promises import FEW_SEEDS, PROMISES, SEEDS, keeps, values_of
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


def broken(name: str, seeds: Iterable[int], slack: float = 0) -> list[tuple[str, float, float, float]]:
    """The promises that are not kept: the words, the least, the usual and the greatest figure."""
    return [
        (promise.words, min(found.values), found.usual, max(found.values))
        for promise, found in zip(PROMISES[name], values_of(name, seeds), strict=True)
        if not keeps(promise, found, slack)
    ]


@pytest.mark.parametrize("name", PROMISES)
def test_promises_are_kept(name: str) -> None:
    """By every seed where they are a script's; what is left to chance is within a third of what is usual."""
    assert broken(name, FEW_SEEDS, 1 / 3) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", PROMISES)
def test_promises_are_kept_by_twenty_seeds(name: str) -> None:
    """The same for many, and what is left to chance is usually as it is told."""
    assert broken(name, SEEDS) == []


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
