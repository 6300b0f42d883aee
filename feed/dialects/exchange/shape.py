"""Levels that name their own side, for faults that cross a book."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

__all__ = ["cross_levels"]


def cross_levels(levels: list[Any], side: int | str, price: int | str, size: int | str, *, bid: str) -> bool:
    """Put a bid in front, a tenth above every level; return whether there was one to begin with.

    Args:
        levels: the levels of a message; each is a list or an object.
        side: the place of the side in a level.
        price: the place of the price.
        size: the place of the size.
        bid: the name of the side that buys.
    """
    if not levels:
        return False
    highest = max((Decimal(str(level[price])) for level in levels), default=Decimal(0))
    level = levels[0].copy()
    level[side], level[price], level[size] = bid, str((highest * 11 / 10).quantize(highest)), "1.0"
    levels.insert(0, level)
    return True
