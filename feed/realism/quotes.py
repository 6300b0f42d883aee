"""Facts of the best bid and ask: the spread, and the imbalance of sizes as a forecast of the next second."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from feed.realism import statistics
from feed.realism.table import FillTable, Quotes
from feed.units import SECOND

__all__ = ["quote_facts", "quotes_of"]

Floats = NDArray[np.float64]


def quotes_of(fills: FillTable) -> Quotes | None:
    """Return the quotes that fills carry, the last one of each time: within a sweep the quote is not final."""
    if not len(fills) or fills.bid is None or fills.ask is None:
        return None
    last = fills[np.append(np.flatnonzero(np.diff(fills.time)), len(fills) - 1)]
    assert last.bid is not None
    assert last.ask is not None
    return Quotes(last.time, last.bid, last.ask, last.bid_size, last.ask_size)


def quote_facts(start: int, quotes: Quotes) -> dict[str, float]:
    """Compute the facts of five minutes of quotes from market time `start`."""
    if not len(quotes):
        return {}
    bid, ask = quotes.bid, quotes.ask
    spread = ask - bid
    one = float(spread[spread > 0].min()) if (spread > 0).any() else float("nan")
    facts = {
        "crossed_share": float(np.mean(spread <= 0)),
        "spread_one_tick_share": float(np.mean(spread < 1.5 * one)),
        "spread_median_bps": float(np.median(spread / bid) * 1e4),
    }
    if quotes.bid_size is not None and quotes.ask_size is not None:
        imbalance = (quotes.bid_size - quotes.ask_size) / (quotes.bid_size + quotes.ask_size)
        facts["queue_imbalance_next_1s"] = _foretold(start, quotes.time, (bid + ask) / 2, imbalance)
        facts["touch_imbalance_std"] = float(imbalance.std())
    return facts


def _foretold(start: int, time: NDArray[np.int64], mid: Floats, imbalance: Floats) -> float:
    """Return the correlation of the imbalance at each whole second with the move of the mid price in the next."""
    edges = start + np.arange(300, dtype=np.int64) * SECOND
    edges = edges[edges > time[0]]
    now = np.searchsorted(time, edges, side="right") - 1
    later = np.searchsorted(time, edges + SECOND, side="right") - 1
    return statistics.correlation(imbalance[now], mid[later] - mid[now])
