"""Bands of real markets: for each fact the median and the range of BTC/USD and BTC/USDT, 2018 to 2026.

A band is the 5th to the 95th percentile over blocks of real data of eight venues, slightly widened; facts without a
band depend on the venue and are shown for comparison.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["BANDS", "Band"]


@dataclass(frozen=True, slots=True)
class Band:
    """Median of real markets, and the range that a fact has to be in."""

    median: float
    low: float
    high: float

    def holds(self, value: float) -> bool:
        """Return True if a value lies in the band; NaN never does."""
        return self.low <= value <= self.high


BANDS = {
    "acf_absr_1m_exponent": Band(0.37, 0.136, 0.687),
    "acf_absr_1m_lag1": Band(0.325, 0.22, 0.473),
    "acf_absr_1m_lag60": Band(0.0707, 0.0153, 0.204),
    "acf_r_1m_lag1": Band(0.0179, -0.0741, 0.105),
    "corr_absr_volume_1m": Band(0.529, 0.427, 0.654),
    "hill_1m": Band(2.69, 2.11, 4.33),
    "kurt_1m": Band(38.0, 3.34, 208.0),
    "std_log_rv_1h": Band(1.03, 0.665, 1.78),
    "vol_day_pct": Band(3.53, 1.85, 8.54),
    "zumbach_30m": Band(0.111, 0.0193, 0.225),
    "hour_profile_max_over_min": Band(2.52, 1.47, 5.21),
    "weekend_volume_ratio": Band(0.659, 0.329, 1.83),
    "acf_count_1h_lag1": Band(0.279, 0.152, 0.517),
    "branching_1h": Band(0.817, 0.616, 0.947),
    "fano_1h_60s": Band(29.9, 5.68, 179.0),
    "kurt_1s_1h": Band(15.4, 5.16, 268.0),
    "fano_1s": Band(6.89, 2.79, 23.3),
    "interarrival_cv": Band(1.66, 1.25, 3.0),
    "round_price_excess": Band(2.3, 0.911, 19.4),
    "size_hill_5pct": Band(1.64, 0.729, 2.25),
    "size_log_std": Band(1.91, 1.48, 2.76),
    "zero_change_tick": Band(0.449, 0.367, 0.528),
    "zero_ret_1s": Band(0.332, 0.143, 0.835),
    "fills_per_order": Band(3.11, 0.815, 9.51),
    "impact_corr_5s": Band(0.654, 0.188, 0.867),
    "response_1": Band(0.451, 0.175, 0.821),
    "sign_acf_exponent": Band(0.832, 0.214, 1.35),
    "sign_acf_lag1": Band(0.455, 0.157, 0.749),
    "short_gap_share": Band(0.23, 0.1, 0.4),
    "size_acf_lag1": Band(0.19, 0.05, 0.4),
    "step_acf_lag1": Band(0.15, 0.03, 0.35),
    "whole_price_excess": Band(22.0, 3.0, 80.0),
    "sweep_share": Band(0.15, 0.03, 0.35),
    "corr_fills_size": Band(0.39, 0.2, 0.6),
    "std_log_volume_1m": Band(1.35, 0.7, 2.2),
    "crossed_share": Band(0.0, 0.0, 0.0),
    "queue_imbalance_next_1s": Band(0.406, 0.355, 0.606),
    "quotes_per_trade": Band(4.09, 2.48, 11.2),
    "spread_one_tick_share": Band(0.995, 0.5, 1.0),
    "depth_imbalance_std": Band(0.446, 0.268, 0.691),
    "depth_shape_exponent": Band(1.1, 0.607, 1.67),
}
