"""Facts of fills and orders: their times, their sizes, and the effect of their side on the price."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from feed.realism import statistics
from feed.realism.table import FillTable, merged
from feed.units import HOUR, SECOND

__all__ = ["hour_facts", "side_facts", "window_facts"]

Floats = NDArray[np.float64]

SIGN_LAGS = (1, 2, 3, 5, 8, 13, 21, 34, 55, 89)


def hour_facts(start: int, fills: FillTable) -> dict[str, float]:
    """Compute the facts of an hour, second by second, from market time `start`."""
    counts = _counts(start, fills, HOUR // SECOND)
    r = np.diff(np.log(_last_prices(start, fills, HOUR // SECOND)))
    minutes = counts.reshape(60, 60).sum(axis=1)
    fano = statistics.fano(minutes)
    return {
        "acf_count_1h_lag1": statistics.autocorrelation(counts, 1),
        "acf_count_1h_lag10": statistics.autocorrelation(counts, 10),
        "fano_1h_60s": fano,
        # Branching ratio of a Hawkes process: the share of events that earlier events have caused.
        "branching_1h": 1.0 - 1.0 / np.sqrt(fano) if fano > 1 else 0.0,
        "kurt_1s_1h": statistics.kurtosis(r),
        "acf_absr_1s_lag1": statistics.autocorrelation(np.abs(r), 1),
        "acf_absr_1s_lag30": statistics.autocorrelation(np.abs(r), 30),
        "corr_absr_count_1s": statistics.rank_correlation(np.abs(r), counts[1:]),
    }


def window_facts(start: int, fills: FillTable) -> dict[str, float]:
    """Compute the facts of five minutes from market time `start`."""
    counts = _counts(start, fills, 300)
    r = np.diff(np.log(_last_prices(start, fills, 300)))
    orders = merged(fills)
    change = np.diff(orders.price)
    return {
        "trades_per_s": len(fills) / 300,
        "fano_1s": statistics.fano(counts),
        "interarrival_cv": statistics.variation(np.diff(orders.time).astype(np.float64)),
        "short_gap_share": _short_gaps(np.diff(orders.time).astype(np.float64)),
        "step_acf_lag1": statistics.autocorrelation(np.abs(change), 1),
        "size_acf_lag1": statistics.autocorrelation(np.log(np.maximum(orders.size, 1e-12)), 1),
        "zero_ret_1s": float(np.mean(r == 0)),
        "acf_r_1s_lag1": statistics.autocorrelation(r, 1),
        "kurt_1s": statistics.kurtosis(r),
        "zero_change_tick": float(np.mean(change == 0)) if len(change) else float("nan"),
        "bounce_reversal_share": _reversals(change),
        "signature_1s_over_30s": _signature(r),
        "same_time_share": float(np.mean(np.diff(fills.time) == 0)),
        **_size_facts(fills.size),
        "round_price_excess": _round_prices(fills.price, 100),
        "whole_price_excess": _round_prices(fills.price, 1000),
    }


def side_facts(start: int, fills: FillTable) -> dict[str, float]:
    """Compute the facts of five minutes of orders with sides, from market time `start`."""
    if fills.side is None:
        return {}
    orders = merged(fills)
    assert orders.side is not None  # merged keeps what there is
    sign = orders.side.astype(np.float64)
    impact = _impact(start, orders, sign)
    return {
        "fills_per_order": len(fills) / len(orders),
        **_sweeps(fills, orders),
        "sign_acf_lag1": statistics.autocorrelation(sign, 1),
        "sign_acf_lag10": statistics.autocorrelation(sign, 10),
        "sign_acf_exponent": statistics.decay_exponent(sign, SIGN_LAGS),
        **_responses(orders.price, sign),
        **impact,
    }


def _counts(start: int, fills: FillTable, seconds: int) -> Floats:
    return np.bincount((fills.time - start) // SECOND, minlength=seconds).astype(np.float64)[:seconds]


def _last_prices(start: int, fills: FillTable, seconds: int) -> Floats:
    """Return the last price at the end of each second; the first price if there was none yet."""
    edges = start + np.arange(1, seconds + 1, dtype=np.int64) * SECOND
    last = np.searchsorted(fills.time, edges, side="left") - 1
    return fills.price[np.maximum(last, 0)]


def _reversals(change: Floats) -> float:
    """Return the share of successive price changes that reverse the one before."""
    moves = np.sign(change[change != 0])
    return float(np.mean(moves[1:] != moves[:-1])) if len(moves) > 10 else float("nan")


def _signature(r: Floats) -> float:
    """Return the variance per second at 1 s over that at 30 s: above 1 if prices bounce, below if they trend."""
    whole = len(r) // 30 * 30
    coarse = r[:whole].reshape(-1, 30).sum(axis=1)
    return float(np.mean(r * r) / (np.mean(coarse * coarse) / 30)) if coarse.any() else float("nan")


def _size_facts(size: Floats) -> dict[str, float]:
    size = size[size > 0]
    _, counts = np.unique(size, return_counts=True)
    return {
        "size_log_std": float(np.std(np.log(size))) if len(size) else float("nan"),
        "size_hill_5pct": statistics.hill(size, 0.05),
        "size_top10_values_share": float(np.sort(counts)[-10:].sum() / len(size)) if len(size) else float("nan"),
    }


def _short_gaps(gaps: Floats) -> float:
    """Return the share of times between orders that are shorter than a twentieth of their mean."""
    return float(np.mean(gaps < 0.05 * gaps.mean())) if len(gaps) else float("nan")


def _sweeps(fills: FillTable, orders: FillTable) -> dict[str, float]:
    """Return the share of orders that take from several prices, and the correlation of fills and size."""
    new = np.diff(fills.time, prepend=fills.time[0] - 1) != 0
    if fills.side is not None:
        new |= np.diff(fills.side, prepend=0) != 0
    first = np.flatnonzero(new)
    counts = np.diff(first, append=len(fills)).astype(np.float64)
    several = np.maximum.reduceat(fills.price, first) > np.minimum.reduceat(fills.price, first)
    return {
        "sweep_share": float(np.mean(several)),
        "corr_fills_size": statistics.rank_correlation(counts, orders.size),
    }


def _round_prices(price: Floats, whole: int) -> float:
    """Return the frequency of prices on a whole so many of their finest steps, as a multiple of chance."""
    step = _step(price)
    ticks = np.round(price / step).astype(np.int64)
    return float(np.mean(ticks % whole == 0) * whole)


def _step(price: Floats) -> float:
    """Return the finest decimal step that the prices are written in."""
    for decimals in range(9):
        if np.all(np.abs(np.round(price, decimals) - price) < 1e-9 * np.maximum(price, 1.0)):
            return float(10.0**-decimals)
    return 1e-9


def _responses(price: Floats, sign: Floats) -> dict[str, float]:
    """Return the mean move with an order's sign, from its price to that of the next orders, in standard deviations
    of one change."""
    scale = float(np.diff(price).std()) if len(price) > 30 else 0.0
    if scale == 0:
        return {"response_1": float("nan"), "response_20_over_1": float("nan")}
    one = float(np.mean((price[1:] - price[:-1]) * sign[1:]) / scale)
    before = price[:-21]
    twenty = float(np.mean((price[20:-1] - before) * sign[1:-20]) / scale)
    return {"response_1": one, "response_20_over_1": twenty / one if one > 0 else float("nan")}


def _impact(start: int, orders: FillTable, sign: Floats) -> dict[str, float]:
    """Relate the signed flow of five seconds to their return: correlation, and the exponent of its growth."""
    cell = (orders.time - start) // (5 * SECOND)
    flow = np.bincount(cell, weights=sign * orders.size, minlength=60)[:60].astype(np.float64)
    count = np.bincount(cell, weights=sign, minlength=60)[:60].astype(np.float64)
    edges = start + np.arange(0, 61, dtype=np.int64) * 5 * SECOND
    last = np.maximum(np.searchsorted(orders.time, edges, side="left") - 1, 0)
    r = np.diff(np.log(orders.price[last]))
    both = (flow != 0) & (np.sign(flow) == np.sign(r))
    slope = np.polyfit(np.log(np.abs(flow[both])), np.log(np.abs(r[both])), 1)[0] if both.sum() > 10 else np.nan
    return {
        "impact_corr_5s": statistics.rank_correlation(flow, r),
        "impact_count_corr_5s": statistics.correlation(count, r),
        "impact_exponent_5s": float(slope),
    }
