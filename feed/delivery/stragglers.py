"""Readers that are not written to directly: asked how far they have got, waited for, and given what they missed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from feed.delivery.counters import HubCounters
from feed.delivery.deferred import Due, Origin
from feed.delivery.subscriber import Subscriber
from feed.units import MILLISECOND

__all__ = ["Stragglers"]

MAX_WAIT = 250 * MILLISECOND
"""So long a lossless message waits behind conflated ones for a reader that does not answer."""


class Stragglers:
    """The readers for whom something waits. Where a method returns whether, it is if one may be written to directly.

    Args:
        counters: counts what they are given.

    Attributes:
        deferring: for whom lossless messages wait, and since when the first of them has.
        on_none: called when nothing waits for anybody any more.
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
        """Note that something waits for a reader."""
        self._backlog.add(reader)

    def discard(self, reader: Subscriber) -> None:
        """Note that nothing waits for a reader any more, or that it is gone."""
        self.deferring.pop(reader, None)
        if reader in self._backlog:
            self._backlog.discard(reader)
            if not self._backlog and self.on_none is not None:
                self.on_none()

    def release_overdue(self, now: int) -> None:
        """Release what has waited too long, before more is published."""
        # Here and not when it is staged: by now all that stands for what was published before is known.
        overdue = now - MAX_WAIT
        for reader, since in list(self.deferring.items()):
            if reader.holds_too_much or (since < overdue and not reader.may_wait_longer):
                self.release(reader, now)

    def hand(
        self, reader: Subscriber, origin: Origin, frames: Sequence[bytes], *, since: int, seq: int, now: int
    ) -> bool:
        """Hand a reader what is published now, behind `since` and up to `seq`; returns whether that counts as sent."""
        if not reader.take(origin, frames, since, seq, now):
            if not origin.is_conflated:
                self.deferring.setdefault(reader, now)
            return not origin.is_conflated
        if origin.is_conflated and reader.is_measured:
            if reader.was_late(now):
                # It is asked behind each message.
                self._ask_and_hold(reader, now)
            elif reader.may_be_asked(now):
                # Not that it matters, but its answer is when it may be written to directly again.
                self.ask(reader, now)
        return True

    def release(self, reader: Subscriber, published_at: int) -> None:
        """Send what waits now, so that nothing comes in front of it: lossless messages do not wait for long."""
        if reader.deferred.lossless:
            self._give(reader, published_at)
            reader.outbox.check_room(reader.deferred.lossless)

    def release_all(self, published_at: int) -> None:
        """The same, for everybody."""
        for reader in list(self.deferring):
            self.release(reader, published_at)

    def next_question(self) -> int:
        """The number of a question."""
        self._questions += 1
        return self._questions

    def ask(self, reader: Subscriber, now: int) -> None:
        """Ask a reader how far it has got."""
        reader.ask(self.next_question(), now)

    def catch_up(self, reader: Subscriber, now: int, published_at: int) -> bool:
        """Give a reader what it missed, as far as it has room; the last of that was published at `published_at`."""
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
        """Lossless messages were counted when they were published."""
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
