"""Bitfinex's candles, in which the close comes before the extremes; nothing in the files shows this order."""

from __future__ import annotations

from feed.importing.presets import Preset, bar_preset

__all__ = ["BITFINEX"]

BITFINEX = bar_preset(
    "bitfinex-candles",
    "Bitfinex: time, open, close, high, low, volume",
    Preset({"time": 0, "open": 1, "close": 2, "high": 3, "low": 4, "volume": 5}, width=6),
    lambda _: None,
)
