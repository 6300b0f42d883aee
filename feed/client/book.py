"""Client-side order book, checked against the server's checksum after every message. No sockets and no clocks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from feed.data.keptbook import KeptBook

__all__ = ["Book", "BookLevel"]

BookLevel = tuple[float, float]
"""Price and size."""


class Book:
    """Best levels of a symbol, built from the messages of the channel `book`.

    Args:
        symbol: such as `BTC/USD`.
        depth: levels of a side.
        price_decimals, size_decimals: decimals of the server's numbers; the checksum covers their text.
    """

    def __init__(self, symbol: str, depth: int, price_decimals: int, size_decimals: int) -> None:
        self.symbol = symbol
        self.depth = depth
        self.seq = 0
        self.timestamp = 0
        self.valid = False
        """Validity by the last checksum; False before the first snapshot."""
        self._decimals = (price_decimals, size_decimals)
        self._kept = self._empty()

    @property
    def bids(self) -> list[BookLevel]:
        """Bid levels, the best first."""
        return list(self._kept.bids.best())

    @property
    def asks(self) -> list[BookLevel]:
        """Ask levels, the best first."""
        return list(self._kept.asks.best())

    @property
    def spread(self) -> float:
        """Best ask less the best bid; NaN where a side is empty."""
        sides = self._kept.asks.best(1), self._kept.bids.best(1)
        return sides[0][0][0] - sides[1][0][0] if all(sides) else float("nan")

    def apply(self, seq: int, data: Mapping[str, Any], *, snapshot: bool) -> bool:
        """Apply a message; return whether the book is valid after it.

        Before the first snapshot, and after a wrong checksum, only a snapshot makes it valid again.
        """
        if snapshot:
            self._kept = self._empty()
        elif not self.valid:
            return False
        self._kept.apply(_floats(data["bids"]), _floats(data["asks"]))
        self.seq, self.timestamp = seq, data["timestamp"]
        self.valid = self.checksum == data["checksum"]
        return self.valid

    @property
    def checksum(self) -> int:
        """Return the checksum of the book, with the digits that the server writes."""
        return self._kept.checksum()

    def _empty(self) -> KeptBook[float]:
        # The server removes levels beyond its depth, so nothing needs to be cut here.
        return KeptBook(0, self._digits)

    def _digits(self, price: float, size: float) -> str:
        pairs = zip((price, size), self._decimals, strict=True)
        return "".join(f"{value:.{decimals}f}".replace(".", "").lstrip("0") for value, decimals in pairs)


def _floats(levels: Iterable[Sequence[float | str]]) -> list[BookLevel]:
    return [(float(price), float(size)) for price, size in levels]
