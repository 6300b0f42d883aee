"""Facts of one-minute bars: tails and memory of returns, volatility over days, and the shape of days and weeks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from feed.realism import statistics
from feed.realism.table import MinuteBars

__all__ = ["LAGS", "bar_facts", "week_facts"]

Floats = NDArray[np.float64]

LAGS = (1, 2, 3, 5, 8, 13, 21, 34, 60, 90, 150, 240, 400)
"""Lags, in minutes, at which the memory of volatility is measured."""


def bar_facts(bars: MinuteBars) -> dict[str, float]:
    """Compute the facts of returns, best on 7 days."""
    r = _returns(bars)
    size = np.abs(r)
    return {
        "vol_day_pct": float(np.nanstd(r) * np.sqrt(1440) * 100),
        "kurt_1m": statistics.kurtosis(r),
        "skew_1m": statistics.skewness(r),
        "hill_1m": statistics.hill(size, 0.05),
        "acf_r_1m_lag1": statistics.autocorrelation(r, 1),
        "acf_absr_1m_lag1": statistics.autocorrelation(size, 1),
        "acf_absr_1m_lag60": statistics.autocorrelation(size, 60),
        "acf_absr_1m_exponent": statistics.decay_exponent(size, LAGS),
        "corr_absr_volume_1m": statistics.rank_correlation(size, bars.volume[1:]),
        "leverage_1m": statistics.correlation(r[:-1], size[1:]),
        "std_log_rv_1h": _hourly_spread(r),
        "zero_ret_1m": float(np.mean(r == 0)),
        "zumbach_30m": zumbach(r, 30),
        "std_log_volume_1m": _spread_of_log(bars.volume),
        "acf_volume_1m_lag1": statistics.autocorrelation(np.log1p(bars.volume), 1),
        "kurt_1h": statistics.kurtosis(_summed(r, 60)),
        "variance_ratio_30m": _variance_ratio(r, 30),
    }


def week_facts(bars: MinuteBars) -> dict[str, float]:
    """Compute the facts of the hour of day and the day of week, which need whole weeks."""
    r = np.abs(_returns(bars))
    minute = bars.minute[1:]
    hour = minute // 60 % 24
    profile = np.array([np.nanmean(r[hour == h]) if (hour == h).any() else np.nan for h in range(24)])
    weekend = (bars.minute // 1440 + 3) % 7 >= 5
    inside, outside = bars.volume[weekend], bars.volume[~weekend]
    low = np.nanmin(profile)
    return {
        "hour_profile_max_over_min": float(np.nanmax(profile) / low) if low > 0 else float("nan"),
        "weekend_volume_ratio": float(inside.mean() / outside.mean())
        if len(inside) and outside.mean() > 0
        else float("nan"),
    }


def zumbach(r: Floats, length: int) -> float:
    """Compute the time asymmetry: correlation of past trends with volatility minus past volatility with trends.

    Source: Zumbach, Time reversal invariance in finance, 2009.
    """
    trend = np.square(_rolling(r, length))
    noise = _rolling(r * r, length)
    forward = statistics.correlation(trend[:-length], noise[length:])
    return forward - statistics.correlation(noise[:-length], trend[length:])


def _spread_of_log(volume: Floats) -> float:
    """Return the standard deviation of the log of the volume of minutes with trades."""
    traded = volume[volume > 0]
    return float(np.std(np.log(traded))) if len(traded) else float("nan")


def _returns(bars: MinuteBars) -> Floats:
    return np.diff(np.log(bars.close))


def _rolling(values: Floats, length: int) -> Floats:
    sums = np.concatenate([[0.0], np.cumsum(np.nan_to_num(values))])
    result: Floats = sums[length:] - sums[:-length]
    return result


def _summed(values: Floats, length: int) -> Floats:
    whole = len(values) // length * length
    result: Floats = np.nan_to_num(values[:whole]).reshape(-1, length).sum(axis=1)
    return result


def _hourly_spread(r: Floats) -> float:
    variance = _summed(r * r, 60)
    return float(np.std(np.log(variance[variance > 0]))) if (variance > 0).sum() > 2 else float("nan")


def _variance_ratio(r: Floats, length: int) -> float:
    single = float(np.nanvar(r))
    return float(np.var(_summed(r, length)) / (length * single)) if single > 0 else float("nan")
