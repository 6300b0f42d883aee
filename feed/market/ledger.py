"""The ordered log of a market's commands: whoever has scenario, seed and log can make every byte again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from feed.market.commands import Entry

__all__ = ["ConflictError", "Ledger", "MemoryLedger"]

KEPT_ENTRIES = 10_000
"""Most entries that are kept of one market."""


class ConflictError(Exception):
    """Another command came first: decide anew on the newest state."""


class Ledger(Protocol):
    """Where the log of one market is kept. Its order is the order in which commands take effect."""

    async def append(self, entry: Entry) -> int:
        """Add an entry; returns its number once it counts. Raises `ConflictError` where another one has that number."""

    def follow(self, obey: Callable[[Entry], None]) -> None:
        """From now on give each entry that counts to `obey`, in order."""

    def entries(self) -> Sequence[Entry]:
        """The entries that are kept, in order."""


class MemoryLedger:
    """The log of a market that this process alone plays."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._followers: list[Callable[[Entry], None]] = []
        self._newest = 0

    async def append(self, entry: Entry) -> int:
        """Add an entry, and let the market obey at once."""
        if entry.number != self._newest + 1:
            raise ConflictError
        self._newest = entry.number
        self._entries.append(entry)
        if len(self._entries) > KEPT_ENTRIES:
            del self._entries[: KEPT_ENTRIES // 10]
        for obey in self._followers:
            obey(entry)
        return entry.number

    def follow(self, obey: Callable[[Entry], None]) -> None:
        """From now on give each entry to `obey`."""
        self._followers.append(obey)

    def entries(self) -> Sequence[Entry]:
        """The entries that are kept, in order."""
        return tuple(self._entries)
