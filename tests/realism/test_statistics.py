"""The statistics, on rows whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from feed.realism import statistics
from feed.realism.bars import zumbach

DICE = np.asarray(np.sin(np.arange(1, 20_001) ** 2 * 12.9898) * 43758.5453 % 1)
"""Twenty thousand numbers that look uniform."""
EMPTY = np.empty(0)


def normals() -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Ten thousand numbers that look normal."""
    return np.asarray(np.sqrt(-2 * np.log(DICE[::2] + 1e-12)) * np.cos(2 * np.pi * DICE[1::2]))


def test_autocorrelation_of_what_has_none() -> None:
    """Noise has none, and a row that is the same two places on has all."""
    assert abs(statistics.autocorrelation(normals(), 1)) < 0.03
    assert statistics.autocorrelation(np.tile([1.0, -1.0], 500), 2) == pytest.approx(1, abs=0.01)
    assert statistics.autocorrelation(np.tile([1.0, -1.0], 500), 1) == pytest.approx(-1, abs=0.01)


def test_decay_exponent_of_long_memory() -> None:
    """Short memory decays faster than long memory."""
    noise = normals()
    short = np.convolve(noise, 0.5 ** np.arange(20), "valid")
    slow = np.convolve(noise, (1 + np.arange(400.0)) ** -0.8, "valid")
    lags = (1, 2, 3, 5, 8, 13)
    assert statistics.decay_exponent(short, lags) > 1.0
    assert 0.1 < statistics.decay_exponent(slow, lags) < 0.6


@pytest.mark.parametrize("index", [1.5, 3.0])
def test_hill_of_a_pareto_tail(index: float) -> None:
    """The index that the tail was made with."""
    assert statistics.hill((1 - DICE) ** (-1 / index), 0.05) == pytest.approx(index, rel=0.12)


def test_moments() -> None:
    """Normal: none; exponential: 6 and 2."""
    assert statistics.kurtosis(normals()) == pytest.approx(0, abs=0.2)
    assert statistics.kurtosis(-np.log(1 - DICE)) == pytest.approx(6, abs=1.5)
    assert statistics.skewness(-np.log(1 - DICE)) == pytest.approx(2, abs=0.2)


def test_counts_and_waits() -> None:
    """A Poisson process has 1 for both, a clock has 0."""
    times = np.cumsum(-np.log(1 - DICE))
    counts = np.bincount(times.astype(int)).astype(float)
    assert statistics.fano(counts) == pytest.approx(1, abs=0.06)
    assert statistics.variation(np.diff(times)) == pytest.approx(1, abs=0.03)
    assert statistics.variation(np.ones(10)) == 0


def test_rank_correlation_sees_order_alone() -> None:
    """Any growing function is all the same."""
    assert statistics.rank_correlation(DICE, np.exp(20 * DICE)) == pytest.approx(1)
    assert statistics.rank_correlation(DICE, -(DICE**3)) == pytest.approx(-1)
    assert statistics.rank_correlation(np.array([1.0, 1, 2, 2]), np.array([1.0, 1, 2, 2])) == pytest.approx(1)


def test_time_has_no_arrow_in_noise() -> None:
    """A row and its reversal have opposite asymmetries."""
    noise = normals()
    trend = np.abs(np.convolve(noise, np.ones(20), "full")[: len(noise)]) / 20
    fed = noise * (0.2 + 5 * trend)
    assert zumbach(fed, 30) == pytest.approx(-zumbach(fed[::-1], 30), abs=0.02)
    assert abs(zumbach(noise, 30)) < 0.1


@pytest.mark.parametrize(
    "value",
    [
        statistics.autocorrelation(np.ones(9), 1),
        statistics.autocorrelation(np.full(9, np.nan), 1),
        statistics.correlation(EMPTY, EMPTY),
        statistics.correlation(np.ones(9), np.arange(9.0)),
        statistics.decay_exponent(np.ones(9), (1, 2)),
        statistics.hill(EMPTY, 0.05),
        statistics.kurtosis(EMPTY),
        statistics.fano(np.zeros(5)),
        statistics.variation(EMPTY),
    ],
)
def test_too_little_is_no_number(value: float) -> None:
    """NaN, and no warning."""
    assert np.isnan(value)
