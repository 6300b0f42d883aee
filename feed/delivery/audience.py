"""Those who share every byte."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from feed.delivery.group import Group
    from feed.delivery.subscriber import Subscriber

__all__ = ["Audience"]


class Audience:
    """Subscribers that listen to exactly the same groups, and may be written to directly. They share what is staged."""

    __slots__ = ("_index", "ask_at", "descriptors", "groups", "is_conflated", "staged", "subscribers")

    def __init__(self, groups: frozenset[Group]) -> None:
        self.groups = groups
        self.is_conflated = any(group.is_conflated for group in groups)
        # When they are asked next how far they have got.
        self.ask_at = 0
        self.staged: list[bytes] = []
        self.subscribers: list[Subscriber] = []
        self.descriptors: list[int] = []
        self._index: dict[Subscriber, int] = {}

    def add(self, subscriber: Subscriber, descriptor: int) -> None:
        """Take somebody in."""
        self._index[subscriber] = len(self.subscribers)
        self.subscribers.append(subscriber)
        self.descriptors.append(descriptor)

    def discard(self, subscriber: Subscriber) -> None:
        """Let somebody go."""
        index = self._index.pop(subscriber)
        # The last one takes the place that is free now, so that nobody else moves.
        last, descriptor = self.subscribers.pop(), self.descriptors.pop()
        if last is not subscriber:
            self.subscribers[index], self.descriptors[index] = last, descriptor
            self._index[last] = index
