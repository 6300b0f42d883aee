"""Groups (readers sharing a stream's bytes) and audiences (readers sharing all bytes), both managed by `Fanout`."""

from __future__ import annotations

from feed.delivery.recall import Form, Recall
from feed.delivery.subscriber import Subscriber
from feed.protocol.effects import Stream

__all__ = ["Audience", "Group"]


class Group:
    """Readers of one stream in one form.

    Args:
        stream: the stream.
        form: the form of its frames.
        recall: source of missed messages, which makes the group conflated; None makes it lossless.
        seq: the last `seq` of the stream.

    Attributes:
        size: the number of readers.
        audiences: the audiences of readers that may be written to directly.
        queued: the other readers, in the order in which they were queued.
        diverted: the number of queued readers that take frames one by one.
        is_measurable: False if no progress pings may be sent to its readers.
    """

    __slots__ = (
        "_form",
        "_recall",
        "audiences",
        "diverted",
        "is_conflated",
        "is_measurable",
        "queued",
        "seq",
        "size",
        "stream",
        "written_at",
    )

    def __init__(self, stream: Stream, form: Form = None, recall: Recall | None = None, seq: int = 0) -> None:
        self._form = form
        self._recall = recall
        self.stream = stream
        self.is_conflated = recall is not None
        self.is_measurable = True
        self.seq = seq
        self.size = 0
        # The time a message was last written, in monotonic ns; empty messages do not count.
        self.written_at = 0
        self.audiences: dict[Audience, None] = {}
        self.queued: dict[Subscriber, None] = {}
        self.diverted = 0

    def __len__(self) -> int:
        return self.size

    def queue(self, reader: Subscriber) -> None:
        """Add a reader that may not be written to directly."""
        self.queued[reader] = None
        self.diverted += reader.detour is not None

    def unqueue(self, reader: Subscriber) -> None:
        """Remove a queued reader, if it is there."""
        if reader in self.queued:
            del self.queued[reader]
            self.diverted -= reader.detour is not None

    def newest(self, since: int) -> bytes:
        """Return the message that stands for all messages after `since`; for conflated groups only."""
        assert self._recall is not None
        return self._recall.newest(self.stream, since, self._form)

    def missed(self, since: int, until: int) -> list[bytes]:
        """Return all messages after `since` up to `until`, or an empty list if one of them is no longer kept."""
        assert self._recall is not None
        frames = self._recall.missed(self.stream, since, until - since, self._form)
        return frames if len(frames) == until - since else []


class Audience:
    """Readers of exactly the same groups that may be written to directly and share the staged bytes.

    Args:
        groups: the groups.

    Attributes:
        ask_at: the time of the next progress ping.
        staged: the bytes to be written to all of them next.
    """

    __slots__ = ("_index", "ask_at", "descriptors", "groups", "is_conflated", "readers", "staged")

    def __init__(self, groups: frozenset[Group]) -> None:
        self.groups = groups
        # Progress pings show which readers of conflated groups are late.
        self.is_conflated = any(group.is_conflated and group.is_measurable for group in groups)
        self.ask_at = 0
        self.staged: list[bytes] = []
        self.readers: list[Subscriber] = []
        self.descriptors: list[int] = []
        self._index: dict[Subscriber, int] = {}

    def add(self, reader: Subscriber, descriptor: int) -> None:
        """Add a reader with its socket's descriptor."""
        self._index[reader] = len(self.readers)
        self.readers.append(reader)
        self.descriptors.append(descriptor)

    def discard(self, reader: Subscriber) -> None:
        """Remove a reader."""
        index = self._index.pop(reader)
        # The last reader moves to the free place, so that no other one moves.
        last, descriptor = self.readers.pop(), self.descriptors.pop()
        if last is not reader:
            self.readers[index], self.descriptors[index] = last, descriptor
            self._index[last] = index
