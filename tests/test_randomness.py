"""Words by name and place, and what is made of them."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from feed import randomness
from feed.randomness import (
    RandomStream,
    exp2,
    exponential,
    exponentials,
    log2,
    normal,
    normals,
    powers,
    uniform,
    uniforms,
)

Draw = Callable[[NDArray[np.uint64]], NDArray[np.float64]]
MANY = 400_000


@given(st.integers(0, 5000), st.integers(0, 500))
def test_words_can_be_read_from_anywhere(first: int, count: int) -> None:
    """A row read from the middle is the same as one read from its beginning."""
    stream = RandomStream(7, "any")
    assert (stream.words(first, count) == stream.words(0, first + count)[first:]).all()


def test_words_go_on_below_zero() -> None:
    """The past has words too, and they are not those of the future."""
    stream = RandomStream(7, "any")
    words = stream.words(-5000, 10_000)
    assert (stream.words(-3, 6) == words[4997:5003]).all()
    assert len(np.unique(words)) == len(words)


def test_next_is_one_row() -> None:
    """What `next` gives depends on what was read before, not on how the reads of others were cut."""
    one, other = RandomStream(7, "any"), RandomStream(7, "any")
    assert (one.next(3) == other.next(3)).all()
    assert (one.next(8) == other.next(8)).all()


@pytest.mark.parametrize(
    "other",
    [RandomStream(8, "any"), RandomStream(7, "other"), RandomStream(7, "any", 1), RandomStream(7, "any", -1)],
    ids=["seed", "name", "block", "past"],
)
def test_streams_have_nothing_in_common(other: RandomStream) -> None:
    """Another seed, name or block is another row."""
    words = RandomStream(7, "any").words(0, 1000)
    assert not np.isin(other.words(0, 1000), words).any()


def test_the_words_are_those_of_every_machine() -> None:
    """Philox of the hashed name: if this changes, every market does."""
    assert RandomStream(1, "golden", 3).words(2, 3).tolist() == GOLDEN_WORDS


GOLDEN_WORDS = [16431462086020642915, 3597995423982399057, 12776237428780442978]


@pytest.mark.parametrize("draw", [normal, normals])
def test_normals_are_normal(draw: Draw) -> None:
    """Mean, spread and both tails of a standard normal."""
    z = draw(RandomStream(1, "normal").words(0, MANY))
    assert abs(z.mean()) < 0.01
    assert z.std() == pytest.approx(1, abs=0.01)
    assert (z**4).mean() == pytest.approx(3, abs=0.1)
    for threshold in (1.0, 2.0, 3.0, 3.7):
        expected = math.erfc(threshold / math.sqrt(2)) / 2 * len(z)
        assert (z > threshold).sum() == pytest.approx(expected, abs=5 * math.sqrt(expected))
        assert (z < -threshold).sum() == pytest.approx(expected, abs=5 * math.sqrt(expected))


@pytest.mark.parametrize("draw", [exponential, exponentials])
def test_exponentials_are_exponential(draw: Draw) -> None:
    """Positive, mean and variance 1, and the tail of e ** -x."""
    x = draw(RandomStream(1, "exponential").words(0, MANY))
    assert (x > 0).all()
    assert x.mean() == pytest.approx(1, abs=0.01)
    assert x.var() == pytest.approx(1, abs=0.03)
    assert (x > 5).mean() == pytest.approx(math.exp(-5), rel=0.15)


@pytest.mark.parametrize("draw", [uniform, uniforms])
def test_uniforms_never_touch_the_edges(draw: Draw) -> None:
    """Also for the words of all zeros and all ones."""
    edges = np.array([0, 2**64 - 1], np.uint64)
    u = np.concatenate([draw(edges), draw(RandomStream(1, "uniform").words(0, MANY))])
    assert (u > 0).all()
    assert (u < 1).all()
    assert u.mean() == pytest.approx(0.5, abs=0.005)


@pytest.mark.parametrize("draw", [normal, normals, exponential, exponentials])
def test_the_most_extreme_words_are_finite(draw: Draw) -> None:
    """All zeros and all ones give numbers."""
    assert np.isfinite(draw(np.array([0, 2**64 - 1, 2**32 - 1, 2**63], np.uint64))).all()


def test_powers_and_logarithms() -> None:
    """As good as the machine's own, to the last digits, or to five where that is said."""
    x = normal(RandomStream(1, "x").words(0, 10_000)) * 20
    assert exp2(x) == pytest.approx(np.exp2(x), rel=1e-14)
    assert powers(x) == pytest.approx(np.exp2(np.clip(x, -60, 60)), rel=2e-5)
    assert log2(exp2(x)) == pytest.approx(x, abs=1e-13)
    assert powers(np.array([-1e9, 1e9])) == pytest.approx([2.0**-60, 2.0**60])


def test_every_public_name_is_there() -> None:
    """What the module declares, it has."""
    assert sorted(randomness.__all__) == randomness.__all__
    assert all(hasattr(randomness, name) for name in randomness.__all__)
