"""Trades and bars in any layout, by a mapping of columns, which defaults to usual names."""

from __future__ import annotations

from feed.importing.format import Beginning
from feed.importing.names import BAR_NAMES, TRADE_NAMES, alike_names
from feed.importing.presets import bar_preset, trade_preset

__all__ = ["BARS", "TRADES"]


def _bars(beginning: Beginning) -> str | None:
    found = {key for key, usual in BAR_NAMES.items() if alike_names(beginning.names, usual, key)}
    closes = alike_names(beginning.names, BAR_NAMES["close"][:-2], "close")
    # A price is a close only in bars with all the others.
    whole = {"high", "low", "close"} <= found and (closes or "open" in found)
    return "it has the columns high, low and close" if whole else None


def _trades(beginning: Beginning) -> str | None:
    names = alike_names(beginning.names, TRADE_NAMES["price"], "price")
    return f"it has a column {names[0]}" if names else None


TRADES = trade_preset("trades", "trades, CSV or Parquet, by a mapping of columns", None, _trades)

BARS = bar_preset("bars", "bars, CSV or Parquet, by a mapping of columns", None, _bars)
