"""A reader's own book, as the contract tells to keep one: independent of how the server makes it."""

from __future__ import annotations

import zlib
from decimal import Decimal
from typing import Any

from feed.data.ticks import Instrument
from tests.support.sources import BTC

Level = tuple[Decimal, Decimal]


class ReaderBook:
    """Apply the `data` of snapshots and updates; each checksum is checked."""

    def __init__(self, instrument: Instrument = BTC) -> None:
        self._instrument = instrument
        self.bids: dict[Decimal, Decimal] = {}
        self.asks: dict[Decimal, Decimal] = {}

    def apply(self, kind: str, data: dict[str, Any]) -> None:
        """One message."""
        if kind == "snapshot":
            self.bids, self.asks = {}, {}
        for side, levels in ((self.bids, data["bids"]), (self.asks, data["asks"])):
            for price, size in levels:
                assert price > 0
                assert size >= 0
                if size == 0:
                    assert side.pop(price, None) is not None, f"{price} is taken away and was not there"
                else:
                    assert side.get(price) != size, f"{price} is said again and has not changed"
                    side[price] = size
        assert max(len(self.bids), len(self.asks)) <= data["depth"]
        assert not self.bids or not self.asks or max(self.bids) < min(self.asks), "the book is crossed"
        assert data["checksum"] == self.checksum, data["timestamp"]

    @property
    def best_bids(self) -> list[Level]:
        """The best first."""
        return sorted(self.bids.items(), reverse=True)

    @property
    def best_asks(self) -> list[Level]:
        """The best first."""
        return sorted(self.asks.items())

    @property
    def touch(self) -> tuple[Decimal, Decimal, Decimal, Decimal]:
        """Bid, its size, ask, its size."""
        return (*self.best_bids[0], *self.best_asks[0])

    @property
    def checksum(self) -> int:
        """As the exchange that the contract names describes it: with the text of the numbers."""
        text = ""
        for price, size in (*self.best_asks[:10], *self.best_bids[:10]):
            for value, decimals in (
                (price, self._instrument.price_decimals),
                (size, self._instrument.size_decimals),
            ):
                text += f"{value:.{decimals}f}".replace(".", "").lstrip("0")
        return zlib.crc32(text.encode())
