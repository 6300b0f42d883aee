"""Statistics behind the facts. Each takes arrays and returns NaN if there is too little data."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "autocorrelation",
    "correlation",
    "decay_exponent",
    "fano",
    "hill",
    "kurtosis",
    "rank_correlation",
    "skewness",
    "variation",
]

Floats = NDArray[np.float64]


def autocorrelation(values: Floats, lag: int) -> float:
    """Correlate a series with itself `lag` places on, by its overall mean and variance; NaN values are left out."""
    centred = values - np.nanmean(values) if np.isfinite(values).any() else values
    product, square = centred[lag:] * centred[:-lag], centred * centred
    power = np.nanmean(square) if np.isfinite(square).any() else np.nan
    if not power > 0 or not np.isfinite(product).any():
        return float("nan")
    return float(np.nanmean(product) / power)


def correlation(x: Floats, y: Floats) -> float:
    """Return Pearson's correlation of the pairs in which both are finite."""
    both = np.isfinite(x) & np.isfinite(y)
    x, y = x[both], y[both]
    if len(x) < 3 or x.std() == 0 or y.std() == 0:
        return float("nan")
    return float(np.corrcoef(x, y)[0, 1])


def rank_correlation(x: Floats, y: Floats) -> float:
    """Return Spearman's correlation: Pearson's of the ranks, ties sharing their mean rank."""
    both = np.isfinite(x) & np.isfinite(y)
    return correlation(_ranks(x[both]), _ranks(y[both]))


def _ranks(values: Floats) -> Floats:
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    mean: Floats = np.cumsum(count) - (count - 1) / 2.0
    return mean[place]


def decay_exponent(values: Floats, lags: tuple[int, ...]) -> float:
    """Fit the b of autocorrelation ~ lag ** -b, by least squares over the lags at which it is positive."""
    known = [(lag, autocorrelation(values, lag)) for lag in lags if lag < len(values) // 2]
    points = np.array([(lag, value) for lag, value in known if value > 0])
    if len(points) < 3:
        return float("nan")
    x, y = np.log(points).T
    return float(-np.polyfit(x, y, 1)[0])


def hill(values: Floats, share: float) -> float:
    """Return Hill's index of the upper tail: the largest `share` of the positive values."""
    tail = np.sort(values[values > 0])[::-1]
    count = int(len(tail) * share)
    if count < 5 or not tail[count] > 0:
        return float("nan")
    mean = float(np.mean(np.log(tail[:count] / tail[count])))
    return 1.0 / mean if mean > 0 else float("nan")


def kurtosis(values: Floats) -> float:
    """Return the excess kurtosis: 0 for a normal distribution."""
    return _moment(values, 4) - 3.0


def skewness(values: Floats) -> float:
    """Return the third standardised moment: negative if falls are sharper than rises."""
    return _moment(values, 3)


def _moment(values: Floats, power: int) -> float:
    finite = values[np.isfinite(values)]
    if len(finite) < 4 or finite.std() == 0:
        return float("nan")
    return float(np.mean(((finite - finite.mean()) / finite.std()) ** power))


def fano(counts: Floats) -> float:
    """Return variance over mean of counts: 1 for a Poisson process, more if events come in bursts."""
    return float(counts.var() / counts.mean()) if len(counts) > 1 and counts.mean() > 0 else float("nan")


def variation(values: Floats) -> float:
    """Return standard deviation over mean: 1 for the waiting times of a Poisson process."""
    return float(values.std() / values.mean()) if len(values) > 2 and values.mean() > 0 else float("nan")
