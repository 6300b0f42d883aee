"""Readership of a market's streams: which of them nobody reads any more, and since when."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from feed.delivery.hub import Topic
from feed.units import SECOND

__all__ = ["Readership"]

UNREAD_FOR = 10 * SECOND
"""The real time (ns) without a reader after which a stream is let go: time enough to come back after a cut."""


class Readership:
    """Count of those who read each stream, or will as soon as they have its past.

    Args:
        topics: the subscribers of each stream, by the stream's number.
    """

    def __init__(self, topics: Sequence[Topic]) -> None:
        self._topics = topics
        self._held: Counter[int] = Counter()
        self._unread_since: dict[int, int] = {}

    def hold(self, number: int) -> None:
        """Count one who reads a stream by whatever delivery, until `release`."""
        self._held[number] += 1

    def release(self, number: int) -> None:
        """Count one who has called `hold` no more."""
        self._held[number] -= 1

    def unread(self, active: Iterable[int], now: int) -> list[int]:
        """Return which of these streams nobody has read for `UNREAD_FOR`, as far as it was asked meanwhile."""
        found = []
        for number in active:
            if self._held[number] > 0 or self._topics[number].is_read:
                self._unread_since.pop(number, None)
            elif now - self._unread_since.setdefault(number, now) >= UNREAD_FOR:
                found.append(number)
        for number in found:
            del self._unread_since[number]
        return found
