"""The same bytes to many sockets, as fast as Python can.

While nothing waits in a subscriber's own buffer, its socket is written to directly; that is the whole cost of a
delivery. A socket that takes less than everything moves its subscriber to the queued ones, where each write goes
through the subscriber's outbox with its bounds, until that has drained.

A group is lossless or conflated. In a conflated one nothing is kept for those for whom something waits: when they
have drained they get one message that stands for all that they missed, and says how many those were.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from itertools import repeat

from feed.outbox import Outbox

__all__ = ["Backlog", "Group", "Subscriber"]


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
        backlog: told when something waits and when nothing does any more.
    """

    __slots__ = ("_backlog", "_direct", "_groups", "descriptor", "outbox")

    def __init__(self, outbox: Outbox, descriptor: int | None, backlog: Backlog) -> None:
        self._backlog = backlog
        self.outbox = outbox
        self.descriptor = descriptor
        self._direct = descriptor is not None
        self._groups: dict[Group, None] = {}

    def enter(self, group: Group) -> None:
        """Join a group. Doing so twice changes nothing."""
        if group not in self._groups:
            self._groups[group] = None
            group.add(self, direct=self._direct)

    def leave(self, group: Group) -> None:
        """Leave a group, if in it."""
        if group in self._groups:
            del self._groups[group]
            group.discard(self)

    def leave_all(self) -> None:
        """Leave every group: the connection is closing or gone. It can't be written to directly after that."""
        for group in self._groups:
            group.discard(self)
        self._groups.clear()
        self._direct = False
        self.descriptor = None
        self._backlog.discard(self)

    def queue(self) -> None:
        """Something waits: from now on go through the outbox."""
        self._backlog.add(self)
        self._move(direct=False)

    def drained(self) -> None:
        """Nothing waits any more: once it has what it missed, the socket may be written to directly again."""
        self.outbox.drained()
        for group in tuple(self._groups):
            if group.catch_up(self) and self.outbox.waiting:
                # The others take their turn before this one does so again.
                del self._groups[group]
                self._groups[group] = None
                return
        self._backlog.discard(self)
        self._move(direct=self.descriptor is not None)

    def _move(self, *, direct: bool) -> None:
        if direct is self._direct:
            return
        self._direct = direct
        for group in self._groups:
            group.discard(self)
            group.add(self, direct=direct)


class Group:
    """The subscribers of one stream in one wire variant. Joining and leaving are O(1).

    Args:
        newest: makes the message that stands for all behind a `seq`; None makes the group lossless.
        seq: the stream's last.
    """

    __slots__ = ("_descriptors", "_direct", "_index", "_newest", "_queued", "seq")

    def __init__(self, newest: Callable[[int], bytes] | None = None, seq: int = 0) -> None:
        self._newest = newest
        self.seq = seq
        self._direct: list[Subscriber] = []
        self._descriptors: list[int] = []
        self._index: dict[Subscriber, int] = {}
        # With the `seq` that each of them has.
        self._queued: dict[Subscriber, int] = {}

    def __len__(self) -> int:
        return len(self._direct) + len(self._queued)

    def __bool__(self) -> bool:
        return bool(self._direct or self._queued)

    def add(self, subscriber: Subscriber, *, direct: bool) -> None:
        """Take a subscriber in. Only `Subscriber` calls this."""
        if direct and subscriber.descriptor is not None:
            self._index[subscriber] = len(self._direct)
            self._direct.append(subscriber)
            self._descriptors.append(subscriber.descriptor)
        else:
            self._queued[subscriber] = self.seq

    def discard(self, subscriber: Subscriber) -> None:
        """Let a subscriber go. Only `Subscriber` calls this."""
        index = self._index.pop(subscriber, None)
        if index is None:
            self._queued.pop(subscriber, None)
            return
        # The last one takes the place that is free now, so that nobody else moves.
        last, descriptor = self._direct.pop(), self._descriptors.pop()
        if last is not subscriber:
            self._direct[index], self._descriptors[index] = last, descriptor
            self._index[last] = index

    def write(self, data: bytes, seq: int = 0) -> int:
        """Write framed bytes, up to message `seq`, to all who may have them now; returns how many those are.

        Never blocks, never raises for what a socket does.
        """
        before, self.seq = self.seq, seq
        # Those that are queued when the write begins; the ones that it makes so have had their share by then.
        queued = list(self._queued) if self._queued else ()
        readers = len(self._descriptors)
        if readers == 1:
            self._write_one(data)
        elif readers:
            self._write_direct(data)
        if not queued:
            return readers
        if self._newest is None:
            for subscriber in queued:
                subscriber.outbox.write(data)
            return readers + len(queued)
        return readers + sum([self._write_if_idle(subscriber, data, before) for subscriber in queued])

    def _write_if_idle(self, subscriber: Subscriber, data: bytes, before: int) -> bool:
        """For a socket that may not be written to directly: it is among the queued although nothing waits for it."""
        if subscriber.outbox.waiting:
            return False
        if self._queued.get(subscriber) != before:
            self.catch_up(subscriber)
            return False
        self._queued[subscriber] = self.seq
        subscriber.outbox.write(data)
        return True

    def catch_up(self, subscriber: Subscriber) -> bool:
        """Give a queued subscriber what stands for all that it missed; returns whether that was anything."""
        since = self._queued.get(subscriber, self.seq)
        if self._newest is None or since == self.seq:
            return False
        self._queued[subscriber] = self.seq
        subscriber.outbox.write(self._newest(since))
        return True

    def _write_one(self, data: bytes) -> None:
        try:
            sent = os.write(self._descriptors[0], data)
        except OSError:
            sent = 0
        if sent != len(data):
            self._queue_rest([(self._direct[0], sent)], data)

    def _write_direct(self, data: bytes) -> None:
        taken: list[int] = []
        count = len(self._descriptors)
        while len(taken) < count:
            rest = self._descriptors[len(taken) :] if taken else self._descriptors
            try:
                taken.extend(map(os.write, rest, repeat(data)))
            except OSError:
                # A full or a dead socket. What came before it in the list has been written and is kept by extend().
                taken.append(0)
        size = len(data)
        if taken.count(size) != count:
            self._queue_rest([(self._direct[i], sent) for i, sent in enumerate(taken) if sent != size], data)

    def _queue_rest(self, short: list[tuple[Subscriber, int]], data: bytes) -> None:
        for subscriber, sent in short:
            subscriber.queue()
            subscriber.outbox.write(data[sent:])
            if not subscriber.outbox.waiting:
                # The socket had room again by then, so nobody will call to say so.
                subscriber.drained()
