"""Groups and audiences: who shares a stream's bytes, and who shares every byte. `Fanout` fills and empties them."""

from __future__ import annotations

from feed.delivery.recall import Form, Recall
from feed.delivery.subscriber import Subscriber
from feed.protocol.effects import Stream

__all__ = ["Audience", "Group"]


class Group:
    """The readers of one stream in one form.

    Args:
        stream: the stream.
        form: the form of its frames.
        recall: gives what a reader missed, which makes the group conflated; None makes it lossless.
        seq: the stream's last.

    Attributes:
        size: how many readers there are.
        audiences: those that may be written to directly.
        queued: the others, in the order in which they were queued.
        diverted: how many of these take frames one by one.
    """

    __slots__ = (
        "_form",
        "_recall",
        "audiences",
        "diverted",
        "is_conflated",
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
        self.seq = seq
        self.size = 0
        # When a message was last written, in monotonic ns: one of no bytes is not.
        self.written_at = 0
        self.audiences: dict[Audience, None] = {}
        self.queued: dict[Subscriber, None] = {}
        self.diverted = 0

    def __len__(self) -> int:
        return self.size

    def queue(self, reader: Subscriber) -> None:
        """Take in a reader that may not be written to directly."""
        self.queued[reader] = None
        self.diverted += reader.detour is not None

    def unqueue(self, reader: Subscriber) -> None:
        """Let such a reader go, if it is there."""
        if reader in self.queued:
            del self.queued[reader]
            self.diverted -= reader.detour is not None

    def newest(self, since: int) -> bytes:
        """The message that stands for all behind `since`. Only of a conflated group."""
        assert self._recall is not None
        return self._recall.newest(self.stream, since, self._form)

    def missed(self, since: int, until: int) -> list[bytes]:
        """All messages behind `since` up to `until`, or none where one of them is not kept."""
        assert self._recall is not None
        frames = self._recall.missed(self.stream, since, until - since, self._form)
        return frames if len(frames) == until - since else []


class Audience:
    """Readers that listen to exactly the same groups, and may be written to directly. They share what is staged.

    Args:
        groups: the groups.

    Attributes:
        ask_at: when they are asked next how far they have got.
        staged: what is written to all of them next.
    """

    __slots__ = ("_index", "ask_at", "descriptors", "groups", "is_conflated", "readers", "staged")

    def __init__(self, groups: frozenset[Group]) -> None:
        self.groups = groups
        self.is_conflated = any(group.is_conflated for group in groups)
        self.ask_at = 0
        self.staged: list[bytes] = []
        self.readers: list[Subscriber] = []
        self.descriptors: list[int] = []
        self._index: dict[Subscriber, int] = {}

    def add(self, reader: Subscriber, descriptor: int) -> None:
        """Take a reader in."""
        self._index[reader] = len(self.readers)
        self.readers.append(reader)
        self.descriptors.append(descriptor)

    def discard(self, reader: Subscriber) -> None:
        """Let a reader go."""
        index = self._index.pop(reader)
        # The last one takes the place that is free now, so that nobody else moves.
        last, descriptor = self.readers.pop(), self.descriptors.pop()
        if last is not reader:
            self.readers[index], self.descriptors[index] = last, descriptor
            self._index[last] = index
