"""Who is waited for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from feed.delivery.subscriber import Subscriber

__all__ = ["Backlog"]


class Backlog:
    """The subscribers for whom something waits, so that a publisher can wait until there is none."""

    __slots__ = ("_waiting", "on_empty")

    def __init__(self) -> None:
        self._waiting: set[Subscriber] = set()
        self.on_empty: Callable[[], None] | None = None

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, subscriber: Subscriber) -> None:
        """Something waits for this subscriber."""
        self._waiting.add(subscriber)

    def discard(self, subscriber: Subscriber) -> None:
        """Nothing waits for it any more, or it is gone."""
        if subscriber in self._waiting:
            self._waiting.discard(subscriber)
            if not self._waiting and self.on_empty is not None:
                self.on_empty()
