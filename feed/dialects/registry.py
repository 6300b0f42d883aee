"""Dialects that a URL may choose, by name."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping

from feed.dialects.base import Dialect, Form
from feed.dialects.native.dialect import NativeDialect

__all__ = ["DIALECTS", "NATIVE", "PLAIN"]

NATIVE = NativeDialect()

EXCHANGES = {
    "binance": "feed.dialects.binance.dialect:BinanceDialect",
    "coinbase": "feed.dialects.coinbase.dialect:CoinbaseDialect",
    "coinbase-advanced": "feed.dialects.coinbase_advanced.dialect:AdvancedDialect",
    "bitfinex": "feed.dialects.bitfinex.dialect:BitfinexDialect",
    "kraken": "feed.dialects.kraken_v2.dialect:KrakenDialect",
}
"""Dialects of exchanges by name, each with its module and class."""


class _Dialects(Mapping[str, Dialect]):
    """The native dialect and those of exchanges, each of which is imported when somebody speaks it."""

    def __init__(self) -> None:
        self._loaded: dict[str, Dialect] = {NATIVE.name: NATIVE}

    def __getitem__(self, name: str) -> Dialect:
        found = self._loaded.get(name)
        if found is None:
            module, _, kind = EXCHANGES[name].partition(":")
            found = self._loaded[name] = getattr(importlib.import_module(module), kind)()
        return found

    def __iter__(self) -> Iterator[str]:
        return iter((NATIVE.name, *EXCHANGES))

    def __len__(self) -> int:
        return 1 + len(EXCHANGES)


DIALECTS = _Dialects()

PLAIN = Form(NATIVE)
"""Default form of the native dialect."""
