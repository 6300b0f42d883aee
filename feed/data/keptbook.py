"""Order book of a reader, maintained from messages, and its checksum. Without numpy, for clients that have none.

The checksum is that of Kraken v2: the CRC32 of the ten best asks and then the ten best bids, the best first; each level
is its price and then its size as written, without the point and without leading zeros, all concatenated.
"""

from __future__ import annotations

import zlib
from bisect import bisect_left, insort
from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

__all__ = ["CHECKED_LEVELS", "BookSide", "KeptBook", "checksum_of", "text_digits"]

CHECKED_LEVELS = 10
"""Number of levels of each side that the checksum covers."""

V = TypeVar("V", str, float)


def checksum_of(digits: Iterable[str]) -> int:
    """Return the checksum of a book, an unsigned number of 32 bits.

    Args:
        digits: the digits of each level that the checksum covers.
    """
    return zlib.crc32("".join(digits).encode())


def text_digits(price: str, size: str) -> str:
    """Return the digits of a level from its price and size as text on the wire."""
    return price.replace(".", "").lstrip("0") + size.replace(".", "").lstrip("0")


class BookSide(Generic[V]):
    """Side of a book, best first.

    Args:
        sign: 1 for asks, -1 for bids.
        depth: the number of levels kept; 0 for all.
    """

    def __init__(self, sign: int, depth: int) -> None:
        self._sign = sign
        self._depth = depth
        # Sorted by signed price, so the best is always first; a float distinguishes all prices that occur.
        self._keys: list[float] = []
        self._levels: dict[float, tuple[V, V]] = {}

    def __len__(self) -> int:
        return len(self._keys)

    def apply(self, changes: Iterable[tuple[V, V]]) -> None:
        """Set each level, or remove it if its size is 0; levels beyond the depth are dropped."""
        for price, size in changes:
            key = self._sign * float(price)
            if float(size) == 0:
                self._drop(key)
                continue
            if key not in self._levels:
                insort(self._keys, key)
            self._levels[key] = (price, size)
        while self._depth and len(self._keys) > self._depth:
            del self._levels[self._keys.pop()]

    def best(self, count: int | None = None) -> tuple[tuple[V, V], ...]:
        """Return the best `count` levels, or all of them."""
        return tuple(self._levels[key] for key in self._keys[:count])

    def _drop(self, key: float) -> None:
        if self._levels.pop(key, None) is not None:
            del self._keys[bisect_left(self._keys, key)]


class KeptBook(Generic[V]):
    """Order book maintained from messages, for its checksum.

    Args:
        depth: the number of levels of a side kept; 0 for all.
        digits: function that returns the digits of a level's price and size.
    """

    def __init__(self, depth: int, digits: Callable[[V, V], str]) -> None:
        self._digits: Callable[[V, V], str] = digits
        self.bids: BookSide[V] = BookSide(-1, depth)
        self.asks: BookSide[V] = BookSide(1, depth)

    def apply(self, bids: Iterable[tuple[V, V]], asks: Iterable[tuple[V, V]]) -> None:
        """Apply the levels of a snapshot to an empty book, or changes."""
        self.bids.apply(bids)
        self.asks.apply(asks)

    def checksum(self) -> int:
        """Return the checksum of the current book."""
        return checksum_of(
            [self._digits(*level) for side in (self.asks, self.bids) for level in side.best(CHECKED_LEVELS)]
        )
