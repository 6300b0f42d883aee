"""Names of a tick's columns, grouped by unit."""

from __future__ import annotations

__all__ = ["DECIMALS", "PRICES", "QUOTES", "SIZES"]

PRICES = ("price", "bid", "ask")
"""Columns of prices, in ticks."""

SIZES = ("size", "bid_size", "ask_size", "volume")
"""Columns of sizes, in lots."""

DECIMALS = ("price", "size", "bid", "bid_size", "ask", "ask_size", "volume")
"""Columns of prices and sizes, in display order."""

QUOTES = ("bid", "bid_size", "ask", "ask_size")
"""Columns of the best bid and ask."""
