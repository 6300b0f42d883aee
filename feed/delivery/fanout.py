"""Staging and writing of messages for audiences: the hot path."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Sequence

from feed.clock import Clock
from feed.delivery.audiences import Audiences
from feed.delivery.counters import HubCounters
from feed.delivery.framing import ping_frame
from feed.delivery.group import Audience, Group
from feed.delivery.pulse import LATE_AFTER, MIN_PING_INTERVAL, PING_INTERVAL_A_READER, RECHECK_AFTER
from feed.delivery.stragglers import Stragglers
from feed.delivery.subscriber import Detour, Subscriber

__all__ = ["Fanout"]


class Fanout:
    """Readers of the groups of one hub, with the staging and writing of their messages.

    Args:
        clock: real time.

    Attributes:
        counters: totals of delivered messages.
        stragglers: the readers with messages waiting.
        measures: True if readers are sent progress pings; False if the market itself waits for them.
    """

    __slots__ = (
        "_asked",
        "_audiences",
        "_clock",
        "_groups_of",
        "_moved",
        "_published_at",
        "_touched",
        "counters",
        "measures",
        "memberships",
        "stragglers",
    )

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.counters = HubCounters()
        self.stragglers = Stragglers(self.counters)
        self.measures = True
        self._groups_of: dict[Subscriber, dict[Group, None]] = {}
        # The number of pairs of reader and group.
        self.memberships = 0
        self._audiences = Audiences()
        # The audiences with staged messages.
        self._touched: list[Audience] = []
        # Readers whose groups have changed; their audience is found when the next message comes.
        self._moved: dict[Subscriber, None] = {}
        # Audiences that were sent a progress ping: the time by which all should have answered, and whether the
        # check has been repeated.
        self._asked: deque[tuple[int, Audience, bool]] = deque()
        # The time the last message was published.
        self._published_at = 0

    # Membership.

    def enter(self, reader: Subscriber, group: Group) -> None:
        """Add a reader to a group. Doing so twice changes nothing."""
        groups = self._groups_of.get(reader)
        if groups is None:
            groups = self._groups_of[reader] = {}
        elif group in groups:
            return
        groups[group] = None
        group.size += 1
        self.memberships += 1
        if reader.direct:
            self._moved[reader] = None
        else:
            group.queue(reader)

    def leave(self, reader: Subscriber, group: Group) -> None:
        """Remove a reader from a group, if it is in it."""
        if not self._is_in(reader, group):
            return
        if reader.deferred.lossless and not group.is_conflated:
            # It gets all messages published while it was subscribed.
            self.release(reader)
            if not self._is_in(reader, group):
                # The release exceeded its bound, and it was dismissed.
                return
        del self._groups_of[reader][group]
        group.size -= 1
        self.memberships -= 1
        if reader.direct:
            self._moved[reader] = None
        else:
            group.unqueue(reader)
            if group.is_conflated:
                reader.deferred.drop(group)

    def dismiss(self, reader: Subscriber) -> None:
        """Remove a reader that closes or is gone from every group; its staged messages are not sent any more."""
        self._take_out(reader)
        for group in self._groups_of.pop(reader, ()):
            group.size -= 1
            self.memberships -= 1
            group.unqueue(reader)
        reader.deferred.clear()
        reader.direct = False
        reader.descriptor = None
        self.stragglers.discard(reader)

    def divert(self, reader: Subscriber, detour: Detour) -> None:
        """Hand a reader's frames to `detour` one by one from now on."""
        self._go_through_outbox(reader)
        for group in self._groups_of.get(reader, ()):
            group.diverted += reader.detour is None
        reader.divert(detour)
        self.resume(reader)

    def undivert(self, reader: Subscriber) -> None:
        """Remove a reader's detour, so that frames are written normally again."""
        if reader.detour is None:
            return
        for group in self._groups_of.get(reader, ()):
            group.diverted -= 1
        reader.divert(None)
        self.resume(reader)

    # Progress of readers.

    def queue(self, reader: Subscriber) -> None:
        """Send through a reader's outbox from now on, because it has messages waiting."""
        self.stragglers.add(reader)
        self._go_through_outbox(reader)

    def resume(self, reader: Subscriber) -> None:
        """Send a reader its missed messages, then write directly again; called when its socket has taken everything."""
        now = self._clock.now()
        if not reader.outbox.blocked and reader.drain(now):
            self._catch_up(reader, now)

    def hear(self, reader: Subscriber, number: int) -> None:
        """Process a reader's answer to progress ping `number`."""
        now = self._clock.now()
        if reader.hear(number, now):
            self._catch_up(reader, now)

    def stop_measuring(self, reader: Subscriber) -> None:
        """Stop measuring a reader that has never answered, and send it the messages it missed."""
        if reader.stop_measuring():
            self._catch_up(reader, self._clock.now())

    def ask(self, reader: Subscriber) -> None:
        """Send a reader a progress ping, unless one was sent a moment ago."""
        now = self._clock.now()
        if self.measures and reader.may_be_asked(now):
            self.stragglers.ask(reader, now)

    def release(self, reader: Subscriber) -> None:
        """Send a reader's waiting messages of lossless groups, so that nothing overtakes them."""
        self.stragglers.release(reader, self._published_at)

    def release_all(self) -> None:
        """Send all readers' waiting messages of lossless groups."""
        self.stragglers.release_all(self._published_at)

    def hold(self, reader: Subscriber, now: int) -> None:
        """Keep newer messages of conflated streams for a reader whose answer takes too long."""
        reader.hold(now)
        self.queue(reader)

    # Publishing.

    def settle(self, lag: int = 0) -> None:
        """Put every reader that may be written to directly in its audience. To be called before anything is staged.

        Args:
            lag: the delay of this call, ns; with a delay, answers of readers may have arrived unseen.
        """
        now = self._published_at = self._clock.now()
        if self.stragglers.deferring:
            self.stragglers.release_overdue(now)
        if self._touched and (self._moved or self._asked):
            # The staged messages are for the readers of the time they were published.
            self.flush()
        if self._asked:
            self._hold_late(now, lag)
        if not self._moved:
            return
        moved, self._moved = self._moved, {}
        for reader in moved:
            self._audiences.part(reader)
            groups = self._groups_of.get(reader)
            if groups and reader.descriptor is not None:
                self._audiences.admit(reader, reader.descriptor, frozenset(groups))

    def stage(self, group: Group, data: bytes, seq: int = 0, frames: Sequence[bytes] = ()) -> int:
        """Stage framed bytes, up to message `seq`, for all readers of a group; return the number of readers served now.

        Never blocks, never raises for what a socket does. Nobody may have entered or left since the fan-out settled.
        Empty bytes mean that the form has no representation of a message: it counts as received without a write.

        Args:
            frames: the same data as separate frames; needed if there are diverted readers.
        """
        before, group.seq = group.seq, seq
        if not data:
            return 0
        for audience in group.audiences:
            if not audience.staged:
                self._touched.append(audience)
            audience.staged.append(data)
        if not group.queued:
            return group.size
        direct = group.size - len(group.queued)
        return direct + self._hand_to_queued(group, data, frames, before)

    def flush(self) -> None:
        """Write the staged messages, once to each socket.

        Never blocks, never raises for what a socket does.
        """
        touched = self._touched
        if not touched:
            return
        self._touched = []
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
        self.counters.writes += count
        taken: list[int] = []
        writes = map(os.write, descriptors, pieces)
        while len(taken) < count:
            try:
                taken.extend(writes)
            except OSError:
                # A full or a dead socket. The writes before it are done, and extend() keeps their results.
                taken.append(0)
        if taken != list(map(len, pieces)):
            everybody = [reader for audience in touched for reader in audience.readers]
            self._queue_rest(
                [(to, piece[n:]) for to, piece, n in zip(everybody, pieces, taken, strict=True) if n != len(piece)]
            )

    def _hand_to_queued(self, group: Group, data: bytes, frames: Sequence[bytes], since: int) -> int:
        hand, queued, seq, now, written = self.stragglers.hand, group.queued, group.seq, self._published_at, 0
        # The readers queued at the beginning: a write may close some of them.
        for reader in list(queued):
            if reader not in queued:
                continue
            if reader.takes_all and not group.is_conflated:
                reader.outbox.write(data)
                written += 1
            else:
                pieces = (data,) if reader.detour is None else frames or (data,)
                written += hand(reader, group, pieces, since=since, seq=seq, now=now)
        self.counters.writes += written
        return written

    def _queue_rest(self, rests: list[tuple[Subscriber, bytes]]) -> None:
        for reader, rest in rests:
            self.queue(reader)
            reader.outbox.write(rest)
            # The socket may already have room again, and no callback would follow.
            self.resume(reader)

    # Progress pings.

    def _question(self, audience: Audience) -> bytes:
        """Return a progress ping for a whole audience, or b"" if none is due."""
        now = self._clock.now()
        if now < audience.ask_at:
            return b""
        audience.ask_at = now + max(MIN_PING_INTERVAL, self._audiences.conflated * PING_INTERVAL_A_READER)
        self._asked.append((now + LATE_AFTER, audience, False))
        number = self.stragglers.next_question()
        for reader in audience.readers:
            reader.expect(number, now)
        return ping_frame(b"%d" % number)

    def _hold_late(self, now: int, lag: int) -> None:
        while self._asked and self._asked[0][0] < now:
            _, audience, again = self._asked.popleft()
            waited_for = [reader for reader in audience.readers if reader.is_asked]
            late = [reader for reader in waited_for if reader.is_late(now)]
            if late and lag > RECHECK_AFTER and not again:
                self._asked.append((now + RECHECK_AFTER, audience, True))
                continue
            for reader in late:
                self.hold(reader, now)
            if len(late) < len(waited_for):
                # Some readers have a long round trip.
                self._asked.append((now + LATE_AFTER, audience, False))

    # Audiences and queues.

    def _catch_up(self, reader: Subscriber, now: int) -> None:
        if self.stragglers.catch_up(reader, now, self._published_at) and not reader.direct:
            reader.direct = True
            for group in self._groups_of.get(reader, ()):
                group.unqueue(reader)
            self._moved[reader] = None

    def _go_through_outbox(self, reader: Subscriber) -> None:
        if not reader.direct:
            return
        reader.direct = False
        staged = self._take_out(reader)
        for group in self._groups_of.get(reader, ()):
            group.queue(reader)
        if staged:
            # These messages are published, so they precede everything that the outbox gets from now on.
            reader.outbox.write(staged)

    def _take_out(self, reader: Subscriber) -> bytes:
        """Remove a reader from its audience, and return the bytes staged for it."""
        self._moved.pop(reader, None)
        audience = self._audiences.part(reader)
        return b"" if audience is None else b"".join(audience.staged)

    def _is_in(self, reader: Subscriber, group: Group) -> bool:
        return group in self._groups_of.get(reader, ())
