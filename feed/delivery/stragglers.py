"""Handling of slow readers: progress pings, waiting for answers, and delivery of missed messages."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from feed.delivery.backlog import Due, Origin
from feed.delivery.counters import HubCounters
from feed.delivery.subscriber import Subscriber
from feed.units import MILLISECOND

__all__ = ["Stragglers"]

MAX_WAIT = 250 * MILLISECOND
"""The time a lossless message waits behind conflated ones for a reader that does not answer."""


class Stragglers:
    """Readers with messages waiting.

    Args:
        counters: totals to which deliveries to these readers are added.

    Attributes:
        deferring: readers with lossless messages waiting, each with the time since which the first of them waits.
        on_none: called when the last waiting reader is removed.
    """

    __slots__ = ("_backlog", "_counters", "_questions", "deferring", "on_none")

    def __init__(self, counters: HubCounters) -> None:
        self._counters = counters
        self._backlog: set[Subscriber] = set()
        self.deferring: dict[Subscriber, int] = {}
        self._questions = 0
        self.on_none: Callable[[], None] | None = None

    def __len__(self) -> int:
        return len(self._backlog)

    def add(self, reader: Subscriber) -> None:
        """Note that a reader has messages waiting."""
        self._backlog.add(reader)

    def discard(self, reader: Subscriber) -> None:
        """Remove a reader that has nothing waiting any more, or is gone."""
        self.deferring.pop(reader, None)
        if reader in self._backlog:
            self._backlog.discard(reader)
            if not self._backlog and self.on_none is not None:
                self.on_none()

    def release_overdue(self, now: int) -> None:
        """Send lossless messages that have waited too long, before more is published."""
        # Here and not when it is staged: by now all that stands for what was published before is known.
        overdue = now - MAX_WAIT
        for reader, since in list(self.deferring.items()):
            if reader.holds_too_much or (since < overdue and not reader.may_wait_longer):
                self.release(reader, now)

    def hand(
        self, reader: Subscriber, origin: Origin, frames: Sequence[bytes], *, since: int, seq: int, now: int
    ) -> bool:
        """Hand a reader the messages after `since` up to `seq`, published now; return True if they count as sent."""
        if not reader.take(origin, frames, since, seq, now):
            if not origin.is_conflated:
                self.deferring.setdefault(reader, now)
            return not origin.is_conflated
        if origin.is_conflated and reader.is_measured:
            if reader.was_late(now):
                # A late reader is sent a ping after each message.
                self._ask_and_hold(reader, now)
            elif reader.may_be_asked(now):
                # Its answer marks the time when it may be written to directly again.
                self.ask(reader, now)
        return True

    def release(self, reader: Subscriber, published_at: int) -> None:
        """Send a reader's waiting messages now, if lossless ones are among them, so that nothing overtakes those."""
        if reader.deferred.lossless:
            self._give(reader, published_at)
            reader.outbox.check_room(reader.deferred.lossless)

    def release_all(self, published_at: int) -> None:
        """Send the waiting messages of every reader with lossless ones among them."""
        for reader in list(self.deferring):
            self.release(reader, published_at)

    def next_question(self) -> int:
        """Return the number of the next progress ping."""
        self._questions += 1
        return self._questions

    def ask(self, reader: Subscriber, now: int) -> None:
        """Send a reader a progress ping."""
        reader.ask(self.next_question(), now)

    def catch_up(self, reader: Subscriber, now: int, published_at: int) -> bool:
        """Send a reader the messages it missed, as far as there is room; return True if it may be written to directly.

        The last of these messages was published at `published_at`.
        """
        late, missed = reader.was_late(now), len(reader.deferred) > 0
        self._give(reader, published_at)
        if reader.outbox.closed:
            return False
        if missed and late:
            self._ask_and_hold(reader, now)
        elif not reader.deferred and not (missed and reader.outbox.blocked):
            self.discard(reader)
            return not late and reader.may_go_direct
        return False

    def _give(self, reader: Subscriber, published_at: int) -> None:
        self._count(reader.give(published_at))
        if not reader.deferred.lossless:
            self.deferring.pop(reader, None)

    def _count(self, given: Sequence[Due]) -> None:
        """Count delivered conflated messages; lossless ones were counted when they were published."""
        counters = self._counters
        for entry in given:
            if entry.origin.is_conflated:
                counters.deliveries += len(entry.frames)
                counters.delivered_bytes += entry.size
                counters.skipped += entry.seq - entry.since - len(entry.frames)
                counters.writes += 1

    def _ask_and_hold(self, reader: Subscriber, now: int) -> None:
        reader.hold_until_answer()
        self._backlog.add(reader)
        self.ask(reader, now)
