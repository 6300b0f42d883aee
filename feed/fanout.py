"""The same bytes to many sockets, as fast as Python can.

While nothing waits in a subscriber's own buffer, its socket is written to directly; that is the whole cost of a
delivery. A socket that takes less than everything moves its subscriber to the queued ones, where each write goes
through the subscriber's outbox with its bounds, until that has drained.

Messages are staged, and then flushed. Those who listen to exactly the same groups are one audience: what was staged
for it is joined once, and each of its sockets is written to once, however many messages and streams that is.

A group is lossless or conflated. In a conflated one nothing is kept for those for whom something waits: when they
have drained they get one message that stands for all that they missed, and says how many those were.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from feed.outbox import Outbox

__all__ = ["Backlog", "Fanout", "Group", "Subscriber"]


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


class Subscriber:
    """One connection as the fan-out sees it.

    Args:
        outbox: its bounded way out.
        descriptor: a socket that may be written to directly while nothing waits, or None to always use the outbox.
        fanout: who writes to it.
    """

    __slots__ = ("_fanout", "audience", "descriptor", "direct", "groups", "outbox")

    def __init__(self, outbox: Outbox, descriptor: int | None, fanout: Fanout) -> None:
        self._fanout = fanout
        self.outbox = outbox
        self.descriptor = descriptor
        self.direct = descriptor is not None
        self.groups: dict[Group, None] = {}
        self.audience: _Audience | None = None

    def enter(self, group: Group) -> None:
        """Join a group. Doing so twice changes nothing."""
        if group in self.groups:
            return
        self.groups[group] = None
        group.size += 1
        if self.direct:
            self._fanout.moved(self)
        else:
            group.queued[self] = group.seq

    def leave(self, group: Group) -> None:
        """Leave a group, if in it."""
        if group not in self.groups:
            return
        del self.groups[group]
        group.size -= 1
        if self.direct:
            self._fanout.moved(self)
        else:
            del group.queued[self]

    def leave_all(self) -> None:
        """Leave every group: the connection is closing or gone, and what is staged for it is not sent any more."""
        self._fanout.take_out(self)
        for group in self.groups:
            group.size -= 1
            group.queued.pop(self, None)
        self.groups.clear()
        self.direct = False
        self.descriptor = None
        self._fanout.backlog.discard(self)

    def queue(self) -> None:
        """Something waits: from now on go through the outbox."""
        self._fanout.backlog.add(self)
        if not self.direct:
            return
        self.direct = False
        staged = self._fanout.take_out(self)
        for group in self.groups:
            group.queued[self] = group.seq
        if staged:
            # It has been published, so it comes before what the outbox gets from now on.
            self.outbox.write(staged)

    def drained(self) -> None:
        """Nothing waits any more: once it has what it missed, the socket may be written to directly again."""
        self.outbox.drained()
        for group in tuple(self.groups):
            if group.catch_up(self) and self.outbox.waiting:
                # The others take their turn before this one does so again.
                del self.groups[group]
                self.groups[group] = None
                return
        self._fanout.backlog.discard(self)
        if self.direct or self.descriptor is None:
            return
        self.direct = True
        for group in self.groups:
            del group.queued[self]
        self._fanout.moved(self)


class Group:
    """The subscribers of one stream in one wire variant. Joining and leaving are O(1).

    Args:
        fanout: who writes to them.
        newest: makes the message that stands for all behind a `seq`; None makes the group lossless.
        seq: the stream's last.
    """

    __slots__ = ("_fanout", "_newest", "audiences", "queued", "seq", "size")

    def __init__(self, fanout: Fanout, newest: Callable[[int], bytes] | None = None, seq: int = 0) -> None:
        self._fanout = fanout
        self._newest = newest
        self.seq = seq
        self.size = 0
        # Of those that may be written to directly.
        self.audiences: dict[_Audience, None] = {}
        # The others, with the `seq` that each of them has.
        self.queued: dict[Subscriber, int] = {}

    def __len__(self) -> int:
        return self.size

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
        if subscriber.outbox.waiting:
            return False
        if self.queued.get(subscriber) != before:
            self.catch_up(subscriber)
            return False
        self.queued[subscriber] = self.seq
        subscriber.outbox.write(data)
        return True

    def catch_up(self, subscriber: Subscriber) -> bool:
        """Give a queued subscriber what stands for all that it missed; returns whether that was anything."""
        since = self.queued.get(subscriber, self.seq)
        if self._newest is None or since == self.seq:
            return False
        self.queued[subscriber] = self.seq
        subscriber.outbox.write(self._newest(since))
        return True


class _Audience:
    """Subscribers that listen to exactly the same groups, and may be written to directly. They share what is staged."""

    __slots__ = ("_index", "descriptors", "groups", "staged", "subscribers")

    def __init__(self, groups: frozenset[Group]) -> None:
        self.groups = groups
        self.staged: list[bytes] = []
        self.subscribers: list[Subscriber] = []
        self.descriptors: list[int] = []
        self._index: dict[Subscriber, int] = {}

    def add(self, subscriber: Subscriber, descriptor: int) -> None:
        self._index[subscriber] = len(self.subscribers)
        self.subscribers.append(subscriber)
        self.descriptors.append(descriptor)

    def discard(self, subscriber: Subscriber) -> None:
        index = self._index.pop(subscriber)
        # The last one takes the place that is free now, so that nobody else moves.
        last, descriptor = self.subscribers.pop(), self.descriptors.pop()
        if last is not subscriber:
            self.subscribers[index], self.descriptors[index] = last, descriptor
            self._index[last] = index


class Fanout:
    """Everybody who listens to the groups of one hub.

    Attributes:
        backlog: those for whom something waits.
        touched: the audiences for which something is staged.
        writes: how many writes were made, ever.
    """

    __slots__ = ("_audiences", "_moved", "backlog", "touched", "writes")

    def __init__(self) -> None:
        self.backlog = Backlog()
        self.touched: list[_Audience] = []
        self.writes = 0
        self._audiences: dict[frozenset[Group], _Audience] = {}
        # Those whose groups have changed, and whose audience is looked for when the next message comes.
        self._moved: dict[Subscriber, None] = {}

    def moved(self, subscriber: Subscriber) -> None:
        """Its groups have changed, or it may be written to directly again. Only `Subscriber` calls this."""
        self._moved[subscriber] = None

    def take_out(self, subscriber: Subscriber) -> bytes:
        """It may not be written to directly any more; returns what is staged for it. Only `Subscriber` calls this."""
        self._moved.pop(subscriber, None)
        audience = subscriber.audience
        if audience is None:
            return b""
        self._part(subscriber, audience)
        return b"".join(audience.staged)

    def settle(self) -> None:
        """Everybody who may be written to directly is in the right audience. To be called before anything is staged."""
        if not self._moved:
            return
        if self.touched:
            # It was published for those who listened then.
            self.flush()
        moved, self._moved = self._moved, {}
        for subscriber in moved:
            if subscriber.audience is not None:
                self._part(subscriber, subscriber.audience)
            if subscriber.groups and subscriber.descriptor is not None:
                self._admit(subscriber, subscriber.descriptor)

    def flush(self) -> None:
        """Write what is staged: once to each socket.

        Never blocks, never raises for what a socket does.
        """
        touched = self.touched
        if not touched:
            return
        self.touched = []
        descriptors: list[int] = []
        pieces: list[bytes] = []
        for audience in touched:
            staged = audience.staged
            piece = staged[0] if len(staged) == 1 else b"".join(staged)
            staged.clear()
            descriptors += audience.descriptors
            pieces += [piece] * len(audience.descriptors)
        count = len(descriptors)
        self.writes += count
        taken: list[int] = []
        while (done := len(taken)) < count:
            try:
                if done:
                    taken.extend(map(os.write, descriptors[done:], pieces[done:]))
                else:
                    taken.extend(map(os.write, descriptors, pieces))
            except OSError:
                # A full or a dead socket. What came before it in the list has been written and is kept by extend().
                taken.append(0)
        if taken != list(map(len, pieces)):
            everybody = [subscriber for audience in touched for subscriber in audience.subscribers]
            self._queue_rest(
                [(to, piece[n:]) for to, piece, n in zip(everybody, pieces, taken, strict=True) if n != len(piece)]
            )

    def _queue_rest(self, rests: list[tuple[Subscriber, bytes]]) -> None:
        for subscriber, rest in rests:
            subscriber.queue()
            subscriber.outbox.write(rest)
            if not subscriber.outbox.waiting:
                # The socket had room again by then, so nobody will call to say so.
                subscriber.drained()

    def _admit(self, subscriber: Subscriber, descriptor: int) -> None:
        groups = frozenset(subscriber.groups)
        audience = self._audiences.get(groups)
        if audience is None:
            audience = self._audiences[groups] = _Audience(groups)
            for group in subscriber.groups:
                group.audiences[audience] = None
        audience.add(subscriber, descriptor)
        subscriber.audience = audience

    def _part(self, subscriber: Subscriber, audience: _Audience) -> None:
        subscriber.audience = None
        audience.discard(subscriber)
        if not audience.subscribers:
            del self._audiences[audience.groups]
            for group in audience.groups:
                del group.audiences[audience]
