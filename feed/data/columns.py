"""Names of a tick's columns, by what their numbers count."""

from __future__ import annotations

__all__ = ["DECIMALS", "PRICES", "QUOTES", "SIZES"]

PRICES = ("price", "bid", "ask")
"""Columns of prices, which count ticks."""

SIZES = ("size", "bid_size", "ask_size", "volume")
"""Columns of sizes, which count lots."""

DECIMALS = ("price", "size", "bid", "bid_size", "ask", "ask_size", "volume")
"""Both, in the order in which they are shown."""

QUOTES = ("bid", "bid_size", "ask", "ask_size")
"""The touch."""
