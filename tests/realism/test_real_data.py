"""The facts of real files are what is known of their venues: the definitions are the usual ones."""

from __future__ import annotations

import numpy as np
import pyarrow.parquet as pq
import pytest

from feed.realism.scoreboard import Fact, days_of, measure, measure_bars
from feed.realism.table import FillTable, MinuteBars
from feed.units import MILLISECOND
from tests.support.real_data import real_file


def columns(name: str) -> dict[str, np.ndarray[tuple[int], np.dtype[np.float64]]]:
    """The columns of a Parquet file."""
    table = pq.read_table(real_file(name))
    return {key: np.asarray(table[key]) for key in table.column_names}


def by_name(facts: list[Fact]) -> dict[str, float]:
    """The values."""
    return {fact.name: fact.value for fact in facts}


def test_binance_spot_2022() -> None:
    """Six hours of trades against the medians of the venue in that year."""
    data = columns("binance_spot_btcusdt_20220115_00-06_trades.parquet")
    fills = FillTable(data["timestamp"].astype(np.int64) * MILLISECOND, data["price"], data["quantity"])
    facts = by_name(measure(days_of(fills)))
    assert facts["trades_per_s"] == pytest.approx(4.84, rel=0.2)
    assert facts["interarrival_cv"] == pytest.approx(1.41, rel=0.1)
    assert facts["fano_1s"] == pytest.approx(4.04, rel=0.2)
    assert facts["zero_ret_1s"] == pytest.approx(0.341, abs=0.07)
    assert facts["zero_change_tick"] == pytest.approx(0.494, abs=0.03)
    assert facts["bounce_reversal_share"] == pytest.approx(0.681, abs=0.03)
    assert facts["size_log_std"] == pytest.approx(1.85, rel=0.05)
    assert facts["size_hill_5pct"] == pytest.approx(1.4, rel=0.15)
    assert facts["size_top10_values_share"] == pytest.approx(0.113, abs=0.03)
    assert facts["round_price_excess"] == pytest.approx(5.43, rel=0.3)


def test_bitfinex_2018() -> None:
    """Two months of one-minute bars against the weekly medians of the venue."""
    data = columns("bitfinex_btcusd_201803_201804_1m.parquet")
    minute = (data["time_ms"] // 60_000).astype(np.int64)
    every = np.arange(int(minute[0]), int(minute[-1]) + 1, dtype=np.int64)
    last = np.searchsorted(minute, every, side="right") - 1
    volume = np.where(minute[last] == every, data["volume"].astype(float)[last], 0.0)
    facts = by_name(measure_bars(MinuteBars(every, data["close"].astype(float)[last], volume)))
    assert facts["hill_1m"] == pytest.approx(2.68, rel=0.15)
    assert facts["acf_absr_1m_lag1"] == pytest.approx(0.325, abs=0.05)
    assert facts["acf_absr_1m_lag60"] == pytest.approx(0.0665, abs=0.04)
    assert facts["acf_absr_1m_exponent"] == pytest.approx(0.376, abs=0.1)
    assert facts["corr_absr_volume_1m"] == pytest.approx(0.54, abs=0.05)
    assert facts["std_log_rv_1h"] == pytest.approx(1.0, abs=0.2)
    assert facts["weekend_volume_ratio"] == pytest.approx(0.588, abs=0.25)
