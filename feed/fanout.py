"""The same bytes to many sockets, as fast as Python can.

While nothing waits in a subscriber's own buffer, its socket is written to directly; that is the whole cost of a
delivery. A socket that takes less than everything moves its subscriber to the queued ones, where each write goes
through the subscriber's outbox with its bounds, until that has drained.

Messages are staged, and then flushed. Those who listen to exactly the same groups are one audience: what was staged
for it is joined once, and each of its sockets is written to once, however many messages and streams that is.

A group is lossless or conflated. In a conflated one nothing is kept for those for whom something waits: when they
have drained they get one message that stands for all that they missed, and says how many those were. The same holds
for readers whose socket takes everything but who are slow to answer a question (`feed.pulse`): they are held.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable

from feed.clock import Clock
from feed.dialects.framing import ping_frame
from feed.outbox import Outbox
from feed.pulse import GRACE, INTERVAL, SHARE, STALL, TURN, Pulse

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


def _no_time() -> int:
    return 0


class Subscriber:
    """One connection as the fan-out sees it.

    Args:
        outbox: its bounded way out.
        descriptor: a socket that may be written to directly while nothing waits, or None to always use the outbox.
        fanout: who writes to it.
        round_trip: how long the network takes there and back, ns; asked seldom.
    """

    __slots__ = (
        "_fanout",
        "_held",
        "_missed_at",
        "_patience",
        "_pulse",
        "_round_trip",
        "audience",
        "descriptor",
        "direct",
        "groups",
        "outbox",
    )

    def __init__(
        self, outbox: Outbox, descriptor: int | None, fanout: Fanout, round_trip: Callable[[], int] = _no_time
    ) -> None:
        self._fanout = fanout
        self._round_trip = round_trip
        self.outbox = outbox
        self.descriptor = descriptor
        self.direct = descriptor is not None
        self.groups: dict[Group, None] = {}
        self.audience: _Audience | None = None
        self._pulse: Pulse | None = None
        # Nothing conflated is sent until the reader has answered.
        self._held = False
        # When the first message was published that it has not got for that.
        self._missed_at: int | None = None
        # Of so much, as time, it gets all.
        self._patience = STALL

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
        now = self._fanout.clock.now()
        if not self._held and self.is_late(now):
            self._hold(now)
        if not self._held:
            self._catch_up(now)

    # How far it has got.

    @property
    def is_behind(self) -> bool:
        """Whether something waits for it here, or in buffers of its own: then only the newest is worth sending."""
        return self._held or self.outbox.waiting > 0 or self.is_late(self._fanout.clock.now())

    @property
    def is_asked(self) -> bool:
        """Whether an answer is to be expected."""
        return self._pulse is not None and self._pulse.is_open

    def is_late(self, now: int) -> bool:
        """Whether its answer takes longer than it should."""
        pulse = self._pulse
        return pulse is not None and pulse.is_late(now) and pulse.is_late(now, self._round_trip())

    def ask(self) -> None:
        """Ask the reader how far it has got, unless that was done a moment ago."""
        now = self._fanout.clock.now()
        if self._fanout.measures and (self._pulse is None or self._pulse.may_be_asked(now)):
            self._ask(now)

    def asked(self, number: int, now: int) -> None:
        """A question goes out with what is written directly. Only `Fanout` calls this."""
        if self._pulse is None:
            self._pulse = Pulse()
        self._pulse.ask(number, now)

    def hold(self, now: int) -> None:
        """Its answer takes too long: newer messages of conflated streams wait, and replace each other, until then."""
        self._hold(now)
        self.queue()

    def answered(self, number: int) -> None:
        """The reader has got as far as question `number`."""
        now, pulse = self._fanout.clock.now(), self._pulse
        if pulse is None or not pulse.hear(number, now):
            return
        if self._held:
            self._held = False
            if pulse.took > GRACE and pulse.took > GRACE + self._round_trip():
                pulse.note_late(now)
        if not self.direct and not self.outbox.waiting:
            if self._missed_at is not None:
                # What was sent behind the question may not have been seen either.
                self._missed_at = min(self._missed_at, pulse.asked_at)
            self._catch_up(now)

    @property
    def is_new(self) -> bool:
        """Whether it has been asked and has never answered."""
        return self._pulse is not None and self._pulse.is_new

    def wait_no_longer(self) -> None:
        """Who has not answered by now never will, as it seems: it gets what it missed, and is not measured."""
        if self._pulse is None or not self._pulse.is_new:
            return
        self._pulse.is_mute = True
        if self._held:
            self._held = False
            self._missed_at = None
            if not self.outbox.waiting:
                self._catch_up(self._fanout.clock.now())

    def misses(self) -> bool:
        """Whether it misses what is published now. Only `Group` calls this."""
        now = self._fanout.settled_at
        if not self._held and not self.outbox.waiting and not self.is_late(now):
            return False
        if self._missed_at is None:
            self._missed_at = now
        return True

    def was_written_to(self) -> None:
        """A conflated message went through the outbox; who was late is asked behind each. Only `Group` calls this."""
        now, pulse = self._fanout.clock.now(), self._pulse
        if pulse is None:
            return
        if pulse.was_late(now):
            self._ask_and_hold(now)
        elif pulse.may_be_asked(now):
            # Not that it matters, but its answer is when it may be written to directly again.
            self._ask(now)

    def _was_late(self, now: int) -> bool:
        return self._pulse is not None and self._pulse.was_late(now)

    def _hold(self, now: int) -> None:
        self._held = True
        if self._pulse is not None:
            self._patience = self._pulse.patience(now)
            self._pulse.note_late(now)

    def _catch_up(self, now: int) -> None:
        late, missed = self._was_late(now), False
        # What was published within a moment is given as a whole: it is not old, and the reader has got this far.
        span = 0 if self._missed_at is None else self._fanout.settled_at - self._missed_at
        whole = span <= self._patience or span <= self._patience + self._round_trip()
        for group in tuple(self.groups):
            if not group.catch_up(self, whole=whole):
                continue
            missed = True
            if self.outbox.waiting or (late and not whole):
                # The others take their turn before this one does so again.
                del self.groups[group]
                self.groups[group] = None
                break
        else:
            self._missed_at = None
            self._patience = STALL
        if missed and late:
            self._ask_and_hold(now)
        elif not (missed and self.outbox.waiting):
            self._fanout.backlog.discard(self)
            if not late:
                self._go_direct()

    def _go_direct(self) -> None:
        if self.direct or self.descriptor is None:
            return
        self.direct = True
        for group in self.groups:
            del group.queued[self]
        self._fanout.moved(self)

    def _ask_and_hold(self, now: int) -> None:
        self._held = True
        self._fanout.backlog.add(self)
        self._ask(now)

    def _ask(self, now: int) -> None:
        number = self._fanout.next_question()
        self.asked(number, now)
        self.outbox.write(ping_frame(b"%d" % number))


class Group:
    """The subscribers of one stream in one wire variant. Joining and leaving are O(1).

    Args:
        fanout: who writes to them.
        newest: makes the message that stands for all behind a `seq`; None makes the group lossless.
        missed: gives all of them, or nothing where that can't be.
        seq: the stream's last.
    """

    __slots__ = ("_fanout", "_missed", "_newest", "audiences", "is_conflated", "queued", "seq", "size")

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
        self.is_conflated = newest is not None
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


class _Audience:
    """Subscribers that listen to exactly the same groups, and may be written to directly. They share what is staged."""

    __slots__ = ("_index", "ask_at", "descriptors", "groups", "is_conflated", "staged", "subscribers")

    def __init__(self, groups: frozenset[Group]) -> None:
        self.groups = groups
        self.is_conflated = any(group.is_conflated for group in groups)
        # When they are asked next how far they have got.
        self.ask_at = 0
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

    Args:
        clock: real time.

    Attributes:
        backlog: those for whom something waits.
        touched: the audiences for which something is staged.
        writes: how many writes were made, ever.
        settled_at: when the last message was published, in monotonic ns.
        measures: whether readers are asked how far they have got; not where the market itself waits for them.
    """

    __slots__ = (
        "_asked",
        "_audiences",
        "_conflated",
        "_moved",
        "_questions",
        "backlog",
        "clock",
        "measures",
        "settled_at",
        "touched",
        "writes",
    )

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.backlog = Backlog()
        self.touched: list[_Audience] = []
        self.writes = 0
        self.settled_at = 0
        self.measures = True
        self._audiences: dict[frozenset[Group], _Audience] = {}
        # Those whose groups have changed, and whose audience is looked for when the next message comes.
        self._moved: dict[Subscriber, None] = {}
        # Audiences that were asked how far they have got: when all should have answered, and whether that is
        # looked at again.
        self._asked: deque[tuple[int, _Audience, bool]] = deque()
        self._questions = 0
        # How many may be asked.
        self._conflated = 0

    def next_question(self) -> int:
        """The number of a question. Only `Subscriber` calls this."""
        self._questions += 1
        return self._questions

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

    def settle(self, lag: int = 0) -> None:
        """Everybody who may be written to directly is in the right audience. To be called before anything is staged.

        Args:
            lag: how long ago that should have been, ns: then answers of readers may be there that nobody has seen yet.
        """
        self.settled_at = self.clock.now()
        if self.touched and (self._moved or self._asked):
            # It was published for those who listened then.
            self.flush()
        if self._asked:
            self._hold_late(lag)
        if not self._moved:
            return
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
            if audience.is_conflated and self.measures:
                piece += self._question(audience)
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

    def _question(self, audience: _Audience) -> bytes:
        """A question for a whole audience, when it is time for one."""
        now = self.clock.now()
        if now < audience.ask_at:
            return b""
        audience.ask_at = now + max(INTERVAL, self._conflated * SHARE)
        self._asked.append((now + GRACE, audience, False))
        number = self.next_question()
        for subscriber in audience.subscribers:
            subscriber.asked(number, now)
        return ping_frame(b"%d" % number)

    def _hold_late(self, lag: int) -> None:
        now = self.settled_at
        while self._asked and self._asked[0][0] < now:
            _, audience, again = self._asked.popleft()
            waited_for = [subscriber for subscriber in audience.subscribers if subscriber.is_asked]
            late = [subscriber for subscriber in waited_for if subscriber.is_late(now)]
            if late and lag > TURN and not again:
                self._asked.append((now + TURN, audience, True))
                continue
            for subscriber in late:
                subscriber.hold(now)
            if len(late) < len(waited_for):
                # Some are far away.
                self._asked.append((now + GRACE, audience, False))

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
        self._conflated += audience.is_conflated
        subscriber.audience = audience

    def _part(self, subscriber: Subscriber, audience: _Audience) -> None:
        subscriber.audience = None
        audience.discard(subscriber)
        self._conflated -= audience.is_conflated
        if not audience.subscribers:
            del self._audiences[audience.groups]
            for group in audience.groups:
                del group.audiences[audience]
