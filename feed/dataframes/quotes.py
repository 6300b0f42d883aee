"""The quote just before each tick, which every analysis of ticks and quotes uses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

__all__ = ["quote_before"]

_COLUMNS = ("bid", "bid_size", "ask", "ask_size", "bid_ticks", "bid_lots", "ask_ticks", "ask_lots")


def quote_before(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the quote just before each tick; any symbols.

    Columns, as far as the frame has them: `bid`, `bid_size`, `ask`, `ask_size` (floats), `bid_ticks`, `bid_lots`,
    `ask_ticks`, `ask_lots` (exact).

    The ticks of a recorded venue have it (`attrs["quotes"]` is `before`): the last quote that was recorded before them.
    Any other tick has the quote that it leaves. A trade changes nothing but the level that it takes from: before it,
    that level had its price, and its size besides what is left.
    """
    before = frame[[name for name in _COLUMNS if name in frame]].copy()
    if frame.attrs.get("quotes") == "before":
        return before
    buy = (frame["side"] == "buy").to_numpy()
    for side, taken in (("ask", buy), ("bid", ~buy)):
        exact = f"{side}_ticks" in frame
        level, price = (frame[f"{side}_ticks"], frame["price_ticks"]) if exact else (frame[side], frame["price"])
        left = taken & (level == price).to_numpy()
        for name, own in ((f"{side}_size", "size"), (f"{side}_lots", "size_lots")):
            if name in before:
                rest = np.where(left, before[name], 0)
                before[name] = np.where(taken, _sum(rest, frame[own].to_numpy()), before[name])
        for name, own in ((side, "price"), (f"{side}_ticks", "price_ticks")):
            if name in before:
                before[name] = np.where(taken, frame[own], before[name])
    return before


def _sum(one: NDArray[Any], other: NDArray[Any]) -> NDArray[Any]:
    """Return sums of sizes, rounded to valid ones: the sum of two floats has digits that neither has."""
    total: NDArray[Any] = one + other
    return np.round(total, 12) if total.dtype.kind == "f" else total
