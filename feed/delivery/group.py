"""One stream in one form of the wire: who gets its messages now, and who gets them later."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from feed.delivery.audience import Audience
    from feed.delivery.fanout import Fanout
    from feed.delivery.subscriber import Subscriber

__all__ = ["Group"]


class Group:
    """The subscribers of one stream in one form of the wire. Joining and leaving are O(1).

    Args:
        fanout: who writes to them.
        newest: makes the message that stands for all behind a `seq`; None makes the group lossless.
        missed: gives all of them, or nothing where that can't be.
        seq: the stream's last.
    """

    __slots__ = ("_fanout", "_missed", "_newest", "audiences", "queued", "seq", "size", "written_at")

    def __init__(
        self,
        fanout: Fanout,
        newest: Callable[[int], bytes] | None = None,
        missed: Callable[[int], bytes] | None = None,
        seq: int = 0,
    ) -> None:
        self._fanout = fanout
        self._newest = newest
        self._missed = missed
        self.seq = seq
        self.size = 0
        # When a message was last written, in monotonic ns: one of no bytes is not.
        self.written_at = 0
        # Of those that may be written to directly.
        self.audiences: dict[Audience, None] = {}
        # The others, with the `seq` that each of them has.
        self.queued: dict[Subscriber, int] = {}

    def __len__(self) -> int:
        return self.size

    @property
    def is_conflated(self) -> bool:
        """Whether only the newest message matters to who does not keep up."""
        return self._newest is not None

    def stage(self, data: bytes, seq: int = 0) -> int:
        """Take framed bytes, up to message `seq`, for all who may have them now; returns how many those are.

        No bytes say that a message is nothing to them: they have it without being written to.

        Never blocks, never raises for what a socket does. Nobody may have entered or left since the fan-out settled.
        """
        before, self.seq = self.seq, seq
        if not data:
            self.queued.update((each, seq) for each, known in self.queued.items() if known == before)
            return 0
        for audience in self.audiences:
            if not audience.staged:
                self._fanout.touched.append(audience)
            audience.staged.append(data)
        if not self.queued:
            return self.size
        direct = self.size - len(self.queued)
        return direct + self._write_to_queued(data, before)

    def _write_to_queued(self, data: bytes, before: int) -> int:
        # Those that are queued when the write begins: it may close some of them.
        queued = list(self.queued)
        if self._newest is None:
            for subscriber in queued:
                subscriber.outbox.write(data)
            written = len(queued)
        else:
            written = sum([self._write_if_idle(subscriber, data, before) for subscriber in queued])
        self._fanout.writes += written
        return written

    def _write_if_idle(self, subscriber: Subscriber, data: bytes, before: int) -> bool:
        """For a socket that may not be written to directly: it is among the queued although nothing waits for it."""
        if subscriber.misses():
            return False
        if self.queued.get(subscriber) != before:
            self.catch_up(subscriber)
            return False
        self.queued[subscriber] = self.seq
        subscriber.outbox.write(data)
        subscriber.was_written_to()
        return True

    def catch_up(self, subscriber: Subscriber, *, whole: bool = False) -> bool:
        """Give a queued subscriber what it missed, as a whole or in one message; returns whether that was anything."""
        since = self.queued.get(subscriber, self.seq)
        if self._newest is None or since == self.seq:
            return False
        self.queued[subscriber] = self.seq
        data = self._missed(since) if whole and self._missed is not None else b""
        if not data or len(data) > subscriber.outbox.room:
            data = self._newest(since)
        subscriber.outbox.write(data)
        return True
