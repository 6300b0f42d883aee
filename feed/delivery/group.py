"""One stream in one wire variant: who gets its messages now, and who gets them later."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from feed.delivery.audience import Audience
    from feed.delivery.fanout import Fanout
    from feed.delivery.subscriber import Subscriber

__all__ = ["Group"]


class Group:
    """The subscribers of one stream in one wire variant. Joining and leaving are O(1).

    Args:
        fanout: who writes to them.
        newest: makes the message that stands for all behind a `seq`; None makes the group lossless.
        missed: gives all behind a `seq` up to another one, or nothing where that can't be.
        seq: the stream's last.
    """

    __slots__ = ("_fanout", "_missed", "_newest", "audiences", "queued", "seq", "size")

    def __init__(
        self,
        fanout: Fanout,
        newest: Callable[[int], bytes] | None = None,
        missed: Callable[[int, int], bytes] | None = None,
        seq: int = 0,
    ) -> None:
        self._fanout = fanout
        self._newest = newest
        self._missed = missed
        self.seq = seq
        self.size = 0
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

        Never blocks, never raises for what a socket does. Nobody may have entered or left since the fan-out settled.
        """
        before, self.seq = self.seq, seq
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
        written = sum([subscriber.take(self, data, before) for subscriber in list(self.queued)])
        self._fanout.writes += written
        return written

    def newest(self, since: int) -> bytes:
        """The message that stands for all behind `since`. Only of a conflated group."""
        assert self._newest is not None
        return self._newest(since)

    def missed(self, since: int, until: int) -> bytes:
        """All messages behind `since` up to `until`, or nothing where one is not kept."""
        return b"" if self._missed is None else self._missed(since, until)
