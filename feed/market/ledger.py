"""Ordered log of a market's commands: scenario, seed and log together reproduce every byte."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from feed.market.commands import Entry

__all__ = ["ConflictError", "Ledger", "MemoryLedger"]

KEPT_ENTRIES = 10_000
"""The most entries kept of one market."""


class ConflictError(Exception):
    """Error when another command came first: decide again on the newest state."""


class Ledger(Protocol):
    """Store for the log of one market. Its order is the order in which commands take effect."""

    async def append(self, entry: Entry) -> int:
        """Add an entry; return its number once it counts. Raise `ConflictError` if another entry has that number."""

    def follow(self, obey: Callable[[Entry], None]) -> None:
        """Pass each entry that counts to `obey` from now on, in order."""

    def entries(self) -> Sequence[Entry]:
        """Return the entries that are kept, in order."""


class MemoryLedger:
    """Log in memory, for a market played by this process alone."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._followers: list[Callable[[Entry], None]] = []
        self._newest = 0

    async def append(self, entry: Entry) -> int:
        """Add an entry, and pass it to all followers at once."""
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
        """Pass each entry to `obey` from now on."""
        self._followers.append(obey)

    def entries(self) -> Sequence[Entry]:
        """Return the entries that are kept, in order."""
        return tuple(self._entries)
