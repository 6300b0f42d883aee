"""A client's copy of a book, checked against the server's checksum after every message. No sockets and no clocks."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

__all__ = ["Book", "BookLevel"]

BookLevel = tuple[float, float]
"""Price and size."""

CHECKED = 10
"""Levels of a side that the checksum covers."""


class Book:
    """The best levels of a symbol, as the messages of the channel `book` make it.

    Args:
        symbol: such as `BTC/USD`.
        depth: levels of a side.
        price_decimals, size_decimals: what the server writes numbers with; the checksum is of their text.
    """

    def __init__(self, symbol: str, depth: int, price_decimals: int, size_decimals: int) -> None:
        self.symbol = symbol
        self.depth = depth
        self.seq = 0
        self.timestamp = 0
        self.valid = False
        """Whether the last checksum was right; False before the first snapshot."""
        self._decimals = (price_decimals, size_decimals)
        self._bids: dict[float, float] = {}
        self._asks: dict[float, float] = {}

    @property
    def bids(self) -> list[BookLevel]:
        """The best first."""
        return sorted(self._bids.items(), reverse=True)

    @property
    def asks(self) -> list[BookLevel]:
        """The best first."""
        return sorted(self._asks.items())

    @property
    def spread(self) -> float:
        """The best ask less the best bid; NaN where a side is empty."""
        return min(self._asks) - max(self._bids) if self._asks and self._bids else float("nan")

    def apply(self, seq: int, data: Mapping[str, Any], *, snapshot: bool) -> bool:
        """Take a message; returns whether the book is right behind it.

        Without a snapshot before it, and behind a checksum that was wrong, only a snapshot makes it right again.
        """
        if snapshot:
            self._bids, self._asks = {}, {}
        elif not self.valid:
            return False
        _change(self._bids, data["bids"])
        _change(self._asks, data["asks"])
        self.seq, self.timestamp = seq, data["timestamp"]
        self.valid = self.checksum == data["checksum"]
        return self.valid

    @property
    def checksum(self) -> int:
        """CRC32 of the ten best asks and then the ten best bids: the digits of each price and size."""
        levels = (*self.asks[:CHECKED], *self.bids[:CHECKED])
        return zlib.crc32("".join(map(self._digits, levels)).encode())

    def _digits(self, level: BookLevel) -> str:
        pairs = zip(level, self._decimals, strict=True)
        return "".join(f"{value:.{decimals}f}".replace(".", "").lstrip("0") for value, decimals in pairs)


def _change(side: dict[float, float], levels: Iterable[Sequence[float | str]]) -> None:
    for price, size in levels:
        if float(size) == 0:
            side.pop(float(price), None)
        else:
            side[float(price)] = float(size)
