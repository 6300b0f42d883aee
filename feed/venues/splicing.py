"""Join of a book's updates with snapshots that come beside them, by the venue's numbers of changes.

A snapshot that was fetched while updates came in has some of them already. Those are dropped, and the ones behind it
are applied to it. Updates that do not follow each other end the book until the next snapshot.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import NamedTuple

from feed.venues.events import Event, Levels, Note, VenueBookEnd, VenueBookSnapshot, VenueBookUpdate

__all__ = ["KEPT_UPDATES", "SplicedBook"]

KEPT_UPDATES = 3000
"""Number of updates kept for a snapshot that comes after them: five minutes of ten a second."""


class _Kept(NamedTuple):
    """Update with the number of the change that it follows, at the latest; None if the venue does not give it."""

    follows: int | None
    update: VenueBookUpdate
    last: int


class SplicedBook:
    """Position in the book of one symbol.

    Attributes:
        joined: whether a snapshot and all updates behind it are known.
        had_snapshot: whether there has ever been a snapshot.
    """

    def __init__(self) -> None:
        self.joined = False
        self.had_snapshot = False
        # The last number of the stream of updates, and that of the book, which may be ahead of it.
        self._last: int | None = None
        self._position = self._cut = -1
        self._kept: deque[_Kept] = deque(maxlen=KEPT_UPDATES)

    def update(self, event: VenueBookUpdate, last: int, follows: int | None) -> Iterator[Event]:
        """Yield the events of an update.

        Args:
            event: the update.
            last: the number of its last change.
            follows: the number of the change before its first one; None if the venue does not give it.
        """
        front = self._front()
        if front is not None and follows is not None and follows > front:
            yield from self._gap(event, front, follows)
        elif self._last is not None and follows is not None and last <= self._last:
            text = f"update id {last} comes after {self._last}: it was there, or is late"
            yield Note("duplicate", event.symbol, text, "book", self._last, event.first_id or last)
            yield replace(event, applies=False)
            return
        if self._last is not None and follows is not None and follows > self._last:
            # A snapshot stood in for what is missing here: what was kept does not reach an older snapshot any more.
            self._kept.clear()
        self._last = last
        self._kept.append(_Kept(follows, event, last))
        applies = self.joined and last > self._cut
        if applies:
            self._position = max(last, self._position)
        yield event if applies else replace(event, applies=False)

    def snapshot(self, event: VenueBookSnapshot, number: int) -> Iterator[Event]:
        """Yield the events of a snapshot whose last change has this number."""
        later = [kept for kept in self._kept if kept.last > number]
        if not self._reaches(number, later):
            yield from self._too_old(event, number, later)
            return
        self.joined = self.had_snapshot = True
        self._cut = number
        self._position = later[-1].last if later else number
        if not later:
            yield replace(event, last_id=number)
            return
        updates = [kept.update for kept in later]
        bids = _applied(event.bids, (update.bids for update in updates), descending=True)
        asks = _applied(event.asks, (update.asks for update in updates), descending=False)
        yield replace(event, bids=bids, asks=asks, last_id=self._position, snapshot_id=number)

    def end(self, symbol: str, reason: str) -> Iterator[Event]:
        """Yield the end of the book, if it is known: updates may be missing from here on."""
        self._last = None
        self._kept.clear()
        if self.joined:
            self.joined = False
            yield VenueBookEnd(symbol, None, reason)

    def _front(self) -> int | None:
        """Return the number up to which nothing is missing."""
        if self.joined:
            return self._position if self._last is None else max(self._position, self._last)
        return self._last

    def _reaches(self, number: int, later: list[_Kept]) -> bool:
        """Tell whether every update behind a snapshot's number is known, up to where the book is."""
        front = self._front()
        if front is None or number >= front:
            return True
        if not later or later[-1].last < front:
            return False
        # Without the number that it follows, what was before the first known update cannot be told.
        follows = later[0].follows if later[0].follows is not None else self._kept[0].last
        return follows <= number

    def _gap(self, event: VenueBookUpdate, front: int, follows: int) -> Iterator[Event]:
        text = f"update id {follows + 1} comes after {front}: the changes between are missing"
        yield Note("gap", event.symbol, text, "book", front, follows + 1)
        yield from self.end(event.symbol, text)

    def _too_old(self, event: VenueBookSnapshot, number: int, later: list[_Kept]) -> Iterator[Event]:
        first = later[0].update.first_id if later else None
        known = f"the known updates begin with {first}" if first is not None else "the updates behind it are unknown"
        text = f"a snapshot ends with update id {number}, and {known}: it is left out"
        yield Note("old-snapshot", event.symbol, text, "book", number, first)


def _applied(levels: Levels, changes: Iterable[Levels], *, descending: bool) -> Levels:
    """Return the levels of a side after changes, best first."""
    known = {float(price): (price, size) for price, size in levels}
    for changed in changes:
        for price, size in changed:
            if size.strip("0."):
                known[float(price)] = (price, size)
            else:
                known.pop(float(price), None)
    return tuple(known[price] for price in sorted(known, reverse=descending))
