"""Twin of a real market: a scenario with the price, the steps, the rate and the volatility of a file."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from feed.realism.table import FillTable, MinuteBars, bars_of, merged
from feed.units import SECOND

__all__ = ["twin_of"]

Floats = NDArray[np.float64]

MINUTES_A_DAY = 1440
FILLS_AN_ORDER = 2.7
USUAL_RATE = 5.0
DIGITS = 4
MOST_DECIMALS = 8
RATES = (0.001, 2000.0)
SIZE_SHARE = 0.21
"""Median size of an order as a share of the mean size of a fill."""


def twin_of(real: FillTable | MinuteBars) -> dict[str, Any]:
    """Return a scenario, as its file says it, that is set to a file's price, tick, rate and volatility."""
    fills = real if isinstance(real, FillTable) else None
    bars = bars_of(real) if isinstance(real, FillTable) else real
    prices = bars.close if fills is None else fills.price
    tick = _step(prices)
    start = (Decimal(str(round(float(prices[0]), MOST_DECIMALS))) / tick).to_integral_value() * tick
    symbol = {
        "symbol": "TWIN",
        "start_price": str(start),
        "tick_size": str(tick),
        "lot_size": "0.00000001",
        "order_size": _order_size(real),
    }
    rate = USUAL_RATE if fills is None else _rate(fills)
    market = {"orders_per_second": rate, "daily_volatility": f"{_volatility(bars) * 100:.4g}%"}
    return {"name": "twin", "market": market, "symbols": [symbol]}


def _rate(fills: FillTable) -> float:
    orders = merged(fills)
    seconds = max((int(orders.time[-1]) - int(orders.time[0])) / SECOND, 1.0)
    return _rounded(min(max(len(orders) / seconds, RATES[0]), RATES[1]))


def _order_size(real: FillTable | MinuteBars) -> float:
    if isinstance(real, FillTable):
        return max(_rounded(float(real.size.mean()) * SIZE_SHARE), 1e-8)
    fills = float(np.median(real.volume)) / (USUAL_RATE * FILLS_AN_ORDER * 60.0)
    return max(_rounded(fills * SIZE_SHARE), 1e-8)


def _volatility(bars: MinuteBars) -> float:
    """Return the standard deviation of a day's return from that of a minute's."""
    traded = bars.close[bars.volume > 0]
    r = np.diff(np.log(traded))
    return min(float(np.sqrt(np.mean(r * r) * MINUTES_A_DAY)) if len(r) else 0.0, 1.0)


def _step(prices: Floats) -> Decimal:
    """Return the finest decimal step that the prices are written in."""
    for decimals in range(MOST_DECIMALS):
        if np.all(np.abs(np.round(prices, decimals) - prices) < 1e-9 * np.maximum(prices, 1.0)):
            return Decimal(1).scaleb(-decimals)
    return Decimal(1).scaleb(-MOST_DECIMALS)


def _rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")
