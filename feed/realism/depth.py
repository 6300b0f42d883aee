"""Facts of the levels behind the best bid and ask: their size, shape and imbalance."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from feed.data.book import Books, Ladder
from feed.data.ticks import Instrument
from feed.realism.table import Quotes
from feed.units import MINUTE, SECOND

__all__ = ["BookSight"]

Floats = NDArray[np.float64]

LEVELS = 100
NEAR = 20
"""Number of levels per side for the imbalance and the share of the best level."""
DISTANCES = (1.0, 2.0, 5.0, 10.0)
"""Distances from the mid price, in basis points, at which the depth is measured."""
SAMPLES = 30
"""Number of books sampled from five minutes."""


class BookSight:
    """Order book of a market, for measurement.

    Args:
        books: the source of the book.
        instrument: its tick and lot size.
        quotes: for a book that is recorded only now and then, the quotes that were recorded at each change.
    """

    def __init__(self, books: Books, instrument: Instrument, quotes: Quotes | None = None) -> None:
        self._books = books
        self._quotes = quotes
        self._tick, self._lot = float(instrument.tick_size), float(instrument.lot_size)

    def facts(self, start: int, trades: int) -> tuple[Quotes, dict[str, float]]:
        """Return the quotes of five minutes from market time `start`, and the facts of the levels behind them.

        Args:
            trades: the number of trades in that time.
        """
        depth = self._books.during(start, start + 5 * MINUTE)
        quotes = depth.quotes
        rows = np.searchsorted(quotes.time, start + np.arange(1, SAMPLES + 1) * 10 * SECOND) - 1
        ladders = [ladder for row in rows.tolist() if row >= 0 for ladder in depth.ladders(row, row + 1, LEVELS)]
        tick, lot = self._tick, self._lot
        columns = [(quotes.bid, tick), (quotes.ask, tick), (quotes.bid_size, lot), (quotes.ask_size, lot)]
        told = Quotes(quotes.time, *(steps.astype(np.float64) * size for steps, size in columns))
        if self._quotes is not None:
            told = self._quotes.between(start, start + 5 * MINUTE)
        return told, {"quotes_per_trade": len(told) / max(trades, 1), **self._shape(ladders)}

    def _shape(self, ladders: Sequence[Ladder]) -> dict[str, float]:
        if not ladders:
            return {}
        near = np.array([[_total(side[:NEAR]) for side in ladder] for ladder in ladders])
        touch = np.array([[side[0][1] for side in ladder] for ladder in ladders])
        within = np.array([self._within(ladder) for ladder in ladders])
        usual = np.median(within, axis=0)
        return {
            "depth_imbalance_std": float(((near[:, 0] - near[:, 1]) / near.sum(axis=1)).std()),
            "depth_top1_share_of_20": float(np.median(touch / near)),
            "depth_1bps": float(usual[0]),
            "depth_5bps": float(usual[2]),
            "depth_shape_exponent": _slope(np.log(DISTANCES), np.log(usual)),
        }

    def _within(self, ladder: Ladder) -> list[float]:
        """Return the mean size of a side up to each distance from the mid price; NaN beyond the last level."""
        sides = [np.array(side, np.float64) for side in ladder]
        mid = (sides[0][0, 0] + sides[1][0, 0]) / 2
        found = []
        for distance in DISTANCES:
            reach = mid * distance * 1e-4
            gaps = [np.abs(side[:, 0] - mid) for side in sides]
            known = all(float(gap[-1]) >= reach for gap in gaps)
            sizes = [float(side[gap <= reach, 1].sum()) for side, gap in zip(sides, gaps, strict=True)]
            found.append((sizes[0] + sizes[1]) / 2 * self._lot if known else float("nan"))
        return found


def _total(levels: Sequence[tuple[int, int]]) -> float:
    return float(sum(size for _, size in levels))


def _slope(x: Floats, y: Floats) -> float:
    """Return the slope of the line through the finite points; NaN for fewer than two."""
    finite = np.isfinite(y)
    if finite.sum() < 2:
        return float("nan")
    x, y = x[finite] - x[finite].mean(), y[finite] - y[finite].mean()
    return float((x * y).sum() / (x * x).sum())
