"""`feed` on a market of many symbols, each with a tick at the same distances. A file of trades has only one symbol.

Run with the number of symbols, the ticks a second of each, and then what `feed` takes.
"""

from __future__ import annotations

import importlib
import sys
from decimal import Decimal

from feed.data.ticks import Instrument
from feed.service import serving as service
from feed.units import SECOND
from tests.support.sources import MetronomeSource

__all__ = ["many_symbols"]

BATCH_SECONDS = 2


def many_symbols(symbols: int, rate: int) -> None:
    """From now on every scenario is one of so many symbols."""
    names = (f"S{number}/USD" for number in range(symbols))
    instruments = tuple(Instrument(name, Decimal("0.01"), Decimal("0.00001")) for name in names)
    source = MetronomeSource(instruments, every=SECOND // rate, batch=rate * BATCH_SECONDS)
    vars(service)["open_source"] = lambda *_: source


if __name__ == "__main__":
    many_symbols(int(sys.argv.pop(1)), int(sys.argv.pop(1)))
    importlib.import_module("feed.cli").main()
