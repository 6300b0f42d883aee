"""Tickers of both interfaces of Coinbase: which changes are told, at once or in batches."""

from __future__ import annotations

from feed.data.rows import TickerRow
from feed.dialects.base import Kind
from feed.units import SECOND

__all__ = ["is_due"]

BATCH_EVERY = 5 * SECOND
"""The market time between two messages of `ticker_batch`."""


def is_due(it: TickerRow, kind: Kind, skipped: int, batch: bool) -> bool:
    """Tell whether a ticker is sent: once there has been a trade, and in a batch at its times or after a loss."""
    if not it.last:
        return False
    return not batch or kind == "state" or skipped > 0 or (it.time + 1) % BATCH_EVERY == 0
