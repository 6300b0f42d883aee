"""What is kept between messages to see whether one is missing: numbers in a row, and a book with its checksum."""

from __future__ import annotations

import zlib
from bisect import bisect_left, insort
from collections.abc import Iterator

from feed.venues.events import Levels, Note

__all__ = ["BookSide", "ConsecutiveIds", "KeptBook"]

CHECKED = 10
"""So many levels of a side are in Kraken's checksum."""


class ConsecutiveIds:
    """Numbers that each symbol counts one by one."""

    def __init__(self, stream: str, name: str = "trade id") -> None:
        self._stream = stream
        self._name = name
        self._last: dict[str, int] = {}

    def check(self, symbol: str, first: int, last: int | None = None) -> Iterator[Note]:
        """A note where `first` to `last` do not come right behind those before."""
        before = self._last.get(symbol)
        end = first if last is None else last
        self._last[symbol] = end if before is None else max(end, before)
        if before is None or first == before + 1:
            return
        if first > before + 1:
            text = f"{self._name} {first} comes after {before}: {first - before - 1} are missing"
            yield Note("gap", symbol, text, self._stream, before, first)
        elif end <= before:
            text = f"{self._name} {first} comes after {before}: it was there, or is late"
            yield Note("duplicate", symbol, text, self._stream, before, first)

    def forget(self, symbol: str) -> None:
        """The next number of this symbol may be any."""
        self._last.pop(symbol, None)


class BookSide:
    """One side of a book, best first.

    Args:
        sign: 1 for asks, -1 for bids.
        depth: so many levels are kept; 0 for all.
    """

    def __init__(self, sign: int, depth: int) -> None:
        self._sign = sign
        self._depth = depth
        # By signed price, so that the best is always first; a float tells apart all prices that there are.
        self._keys: list[float] = []
        self._levels: dict[float, tuple[str, str]] = {}

    def apply(self, changes: Levels) -> None:
        """Set, or take away where the size is 0; what falls below the depth is forgotten."""
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

    def best(self, count: int) -> Levels:
        """The first levels."""
        return tuple(self._levels[key] for key in self._keys[:count])

    def _drop(self, key: float) -> None:
        if self._levels.pop(key, None) is not None:
            del self._keys[bisect_left(self._keys, key)]


class KeptBook:
    """A book that follows a venue's messages, for its checksum."""

    def __init__(self, depth: int) -> None:
        self.bids = BookSide(-1, depth)
        self.asks = BookSide(1, depth)

    def apply(self, bids: Levels, asks: Levels) -> None:
        """Levels of a snapshot into an empty book, or changes."""
        self.bids.apply(bids)
        self.asks.apply(asks)

    def checksum(self) -> int:
        """CRC32 of Kraken: the digits of the ten best asks, then bids, without points and leading zeros."""
        rows = (*self.asks.best(CHECKED), *self.bids.best(CHECKED))
        return zlib.crc32("".join(_digits(price) + _digits(size) for price, size in rows).encode())


def _digits(text: str) -> str:
    return text.replace(".", "").lstrip("0")
