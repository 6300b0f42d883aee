"""Names of a tick's columns, in the order in which every table, file and frame has them."""

from __future__ import annotations

__all__ = ["NUMBERS", "PRICES", "QUOTE", "SIZES"]

QUOTE = ("bid", "bid_size", "ask", "ask_size")
"""The best bid and ask."""

NUMBERS = ("price", "size", *QUOTE, "volume")
"""What is a decimal outside and an integer inside."""

PRICES = ("price", "bid", "ask")
"""Those that count steps of the tick size."""

SIZES = ("size", "bid_size", "ask_size", "volume")
"""Those that count steps of the lot size."""
