"""Stages messages for audiences, and writes them: the hot path."""

from __future__ import annotations

import os
from collections import deque

from feed.clock import Clock
from feed.delivery.audience import Audience
from feed.delivery.backlog import Backlog
from feed.delivery.framing import ping_frame
from feed.delivery.group import Group
from feed.delivery.pulse import GRACE, INTERVAL, SHARE, TURN
from feed.delivery.subscriber import Subscriber
from feed.units import MILLISECOND

__all__ = ["Fanout"]

MAX_WAIT = 250 * MILLISECOND
"""So long a lossless message waits behind conflated ones for a reader that does not answer."""


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
        "_deferring",
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
        self.touched: list[Audience] = []
        self.writes = 0
        self.settled_at = 0
        self.measures = True
        self._audiences: dict[frozenset[Group], Audience] = {}
        # Those whose groups have changed, and whose audience is looked for when the next message comes.
        self._moved: dict[Subscriber, None] = {}
        # Audiences that were asked how far they have got: when all should have answered, and whether that is
        # looked at again.
        self._asked: deque[tuple[int, Audience, bool]] = deque()
        self._questions = 0
        # How many may be asked.
        self._conflated = 0
        # For whom lossless messages wait, and since when the first of them has.
        self._deferring: dict[Subscriber, int] = {}

    def next_question(self) -> int:
        """The number of a question. Only `Subscriber` calls this."""
        self._questions += 1
        return self._questions

    def moved(self, subscriber: Subscriber) -> None:
        """Its groups have changed, or it may be written to directly again. Only `Subscriber` calls this."""
        self._moved[subscriber] = None

    def deferring(self, subscriber: Subscriber) -> None:
        """A lossless message waits behind others. Only `Subscriber` calls this."""
        self._deferring.setdefault(subscriber, self.settled_at)

    def released(self, subscriber: Subscriber) -> None:
        """None waits for it any more. Only `Subscriber` calls this."""
        self._deferring.pop(subscriber, None)

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
        if self._deferring:
            self._release_overdue()
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
        writes = map(os.write, descriptors, pieces)
        while len(taken) < count:
            try:
                taken.extend(writes)
            except OSError:
                # A full or a dead socket. What came before it has been written and is kept by extend().
                taken.append(0)
        if taken != list(map(len, pieces)):
            everybody = [subscriber for audience in touched for subscriber in audience.subscribers]
            self._queue_rest(
                [(to, piece[n:]) for to, piece, n in zip(everybody, pieces, taken, strict=True) if n != len(piece)]
            )

    def _question(self, audience: Audience) -> bytes:
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

    def _release_overdue(self) -> None:
        # Here and not when it is staged: by now all that stands for what was published before is known.
        overdue = self.settled_at - MAX_WAIT
        for subscriber, since in list(self._deferring.items()):
            if subscriber.holds_too_much or (since < overdue and not subscriber.may_wait_longer):
                subscriber.release()

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
            audience = self._audiences[groups] = Audience(groups)
            for group in subscriber.groups:
                group.audiences[audience] = None
        audience.add(subscriber, descriptor)
        self._conflated += audience.is_conflated
        subscriber.audience = audience

    def _part(self, subscriber: Subscriber, audience: Audience) -> None:
        subscriber.audience = None
        audience.discard(subscriber)
        self._conflated -= audience.is_conflated
        if not audience.subscribers:
            del self._audiences[audience.groups]
            for group in audience.groups:
                del group.audiences[audience]
