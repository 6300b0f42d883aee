"""Dialects that a URL may choose, by name."""

from __future__ import annotations

from feed.dialects.base import Dialect, Form
from feed.dialects.binance.dialect import BinanceDialect
from feed.dialects.bitfinex.dialect import BitfinexDialect
from feed.dialects.coinbase.dialect import CoinbaseDialect
from feed.dialects.coinbase_advanced.dialect import AdvancedDialect
from feed.dialects.kraken_v2.dialect import KrakenDialect
from feed.dialects.native.dialect import NativeDialect

__all__ = ["DIALECTS", "NATIVE", "PLAIN"]

NATIVE = NativeDialect()

_KNOWN: tuple[Dialect, ...] = (
    NATIVE,
    BinanceDialect(),
    CoinbaseDialect(),
    AdvancedDialect(),
    BitfinexDialect(),
    KrakenDialect(),
)

DIALECTS = {dialect.name: dialect for dialect in _KNOWN}

PLAIN = Form(NATIVE)
"""Default form of the native dialect."""
