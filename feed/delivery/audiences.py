"""Audiences of a fan-out: which readers share every byte, so that one write of the same bytes serves each of them."""

from __future__ import annotations

from feed.delivery.group import Audience, Group
from feed.delivery.subscriber import Subscriber

__all__ = ["Audiences"]


class Audiences:
    """Audiences by their groups, made when their first reader enters and forgotten with their last one.

    Attributes:
        conflated: the number of readers that may be sent progress pings.
    """

    __slots__ = ("_audience_of", "_by_groups", "conflated")

    def __init__(self) -> None:
        self.conflated = 0
        self._audience_of: dict[Subscriber, Audience] = {}
        self._by_groups: dict[frozenset[Group], Audience] = {}

    def admit(self, reader: Subscriber, descriptor: int, groups: frozenset[Group]) -> None:
        """Add a reader to the audience of its groups."""
        audience = self._by_groups.get(groups)
        if audience is None:
            audience = self._by_groups[groups] = Audience(groups)
            for group in groups:
                group.audiences[audience] = None
        audience.add(reader, descriptor)
        self.conflated += audience.is_conflated
        self._audience_of[reader] = audience

    def part(self, reader: Subscriber) -> Audience | None:
        """Remove a reader from its audience, and return that; None if it is in none."""
        audience = self._audience_of.pop(reader, None)
        if audience is None:
            return None
        audience.discard(reader)
        self.conflated -= audience.is_conflated
        if not audience.readers:
            del self._by_groups[audience.groups]
            for group in audience.groups:
                del group.audiences[audience]
        return audience
