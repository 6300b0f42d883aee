"""Inference of data missing from a file of trades: the taker's side, and a quote one tick wide."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from feed.data.ticks import BUY

__all__ = ["held_quotes", "synthetic_quotes", "tick_rule"]

Ints = NDArray[np.int64]


def tick_rule(price: Ints, last_price: int, last_side: int) -> Ints:
    """Return the taker's side from prices: up is a buy, down a sell, unchanged keeps the previous side."""
    signs = np.sign(np.diff(price, prepend=last_price or price[0]))
    moved = np.where(signs != 0, np.arange(1, len(signs) + 1), 0)
    latest = np.maximum.accumulate(moved)
    return np.concatenate(([last_side], signs))[latest].astype(np.int64)


def synthetic_quotes(price: Ints, side: Ints) -> tuple[Ints, Ints]:
    """Return the best bid and ask, one tick apart, at which the taker traded: a buy at the ask, a sell at the bid."""
    bid = np.where(side == BUY, price - 1, price)
    return bid, bid + 1


def held_quotes(price: Ints, side: Ints, bid: Ints, ask: Ints) -> tuple[Ints, Ints]:
    """Return quotes that hold their trades: widened to the price, or one tick wide where they are crossed."""
    held = np.minimum(bid, price), np.maximum(ask, price)
    made = synthetic_quotes(price, side)
    good = held[0] < held[1]
    return np.where(good, held[0], made[0]), np.where(good, held[1], made[1])
