"""Trades and bars in any layout, by a mapping of columns, which defaults to usual names."""

from __future__ import annotations

from feed.importing.columns import folded
from feed.importing.format import Beginning
from feed.importing.presets import BAR_NAMES, TRADE_NAMES, bar_preset, trade_preset

__all__ = ["BARS", "TRADES"]


def _bars(beginning: Beginning) -> str | None:
    found = {key for key, usual in BAR_NAMES.items() if _named(beginning, usual) is not None}
    return "it has the columns high, low and close" if {"high", "low", "close"} <= found else None


def _trades(beginning: Beginning) -> str | None:
    price = _named(beginning, TRADE_NAMES["price"])
    return None if price is None else f"it has a column {price}"


def _named(beginning: Beginning, usual: tuple[str, ...]) -> str | None:
    """Return the column of the file that has one of these names."""
    known = {folded(name): name for name in beginning.names}
    return next((known[folded(name)] for name in usual if folded(name) in known), None)


TRADES = trade_preset("trades", "trades, CSV or Parquet, by a mapping of columns", None, _trades)

BARS = bar_preset("bars", "bars, CSV or Parquet, by a mapping of columns", None, _bars)
