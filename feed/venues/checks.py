"""Check of consecutive ids across messages, to detect missing ones."""

from __future__ import annotations

from collections.abc import Iterator

from feed.venues.events import Note

__all__ = ["ConsecutiveIds"]


class ConsecutiveIds:
    """Ids that are consecutive for each symbol."""

    def __init__(self, stream: str, name: str = "trade id") -> None:
        self._stream = stream
        self._name = name
        self._last: dict[str, int] = {}

    def check(self, symbol: str, first: int, last: int | None = None) -> Iterator[Note]:
        """Yield a note if `first` to `last` do not directly follow the ids before."""
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
        """Accept any number as the next one of this symbol."""
        self._last.pop(symbol, None)
