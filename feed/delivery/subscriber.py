"""One connection: written to directly, through its outbox while something waits, or held until it answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from feed.delivery.deferred import Deferred
from feed.delivery.framing import ping_frame
from feed.delivery.outbox import Outbox
from feed.delivery.pulse import GRACE, STALL, Pulse

if TYPE_CHECKING:
    from feed.delivery.audience import Audience
    from feed.delivery.fanout import Fanout
    from feed.delivery.group import Group

__all__ = ["Subscriber"]

MAX_LOSSLESS = 64 * 1024
"""Bytes of lossless messages that wait behind conflated ones; then all of them go out, however late the reader is."""


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
        "_deferred",
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
        self.audience: Audience | None = None
        self._pulse: Pulse | None = None
        # Nothing conflated is sent until the reader has answered, and nothing lossless that comes behind it.
        self._held = False
        self._deferred = Deferred()
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
        if not group.is_conflated:
            # It gets all that was published while it listened.
            self.release()
        del self.groups[group]
        group.size -= 1
        if self.direct:
            self._fanout.moved(self)
        else:
            del group.queued[self]
            if group.is_conflated:
                self._deferred.drop(group)

    def leave_all(self) -> None:
        """Leave every group: the connection is closing or gone, and what is staged for it is not sent any more."""
        self._fanout.take_out(self)
        for group in self.groups:
            group.size -= 1
            group.queued.pop(self, None)
        self.groups.clear()
        self._deferred.clear()
        self.direct = False
        self.descriptor = None
        self._fanout.backlog.discard(self)
        self._fanout.released(self)

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

    def take(self, group: Group, data: bytes, since: int) -> bool:
        """Take framed bytes that come behind message `since`, or note that they wait; whether they count as sent.

        What waits keeps its place: what comes behind it waits as well. Only `Group` calls this.
        """
        if group not in self.groups:
            # It was closed a moment ago.
            return False
        if not self._deferred:
            if not group.is_conflated:
                self.outbox.write(data)
                return True
            if not self._misses():
                group.queued[self] = group.seq
                self.outbox.write(data)
                self._was_written_to()
                return True
        elif self._missed_at is None:
            self._missed_at = self._fanout.settled_at
        self._deferred.add(group, since, group.seq, data)
        if group.is_conflated:
            return False
        self._fanout.deferring(self)
        return True

    @property
    def may_wait_longer(self) -> bool:
        """Whether lossless messages may still wait; where the socket is full it makes no difference to them."""
        return self.outbox.waiting > 0 and self._deferred.lossless < MAX_LOSSLESS

    @property
    def holds_too_much(self) -> bool:
        """Whether so much of it is lossless that it has to go out now."""
        return self._deferred.lossless >= MAX_LOSSLESS

    def release(self) -> None:
        """Whatever waits is sent now, so that nothing comes in front of it: lossless messages do not wait for long."""
        if self._deferred.lossless:
            self._give()
            self.outbox.check_room(self._deferred.lossless)

    # How far it has got.

    @property
    def is_behind(self) -> bool:
        """Whether something waits for it here, or in buffers of its own: then only the newest is worth sending."""
        return bool(self._deferred) or self._is_busy

    @property
    def _is_busy(self) -> bool:
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

    def _misses(self) -> bool:
        """Whether it misses what is published now."""
        if not self._is_busy:
            return False
        if self._missed_at is None:
            self._missed_at = self._fanout.settled_at
        return True

    def _was_written_to(self) -> None:
        """A conflated message went through the outbox; who was late is asked behind each."""
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
        late, missed = self._was_late(now), len(self._deferred) > 0
        self._give()
        if self.outbox.closed:
            return
        if missed and late:
            self._ask_and_hold(now)
        elif not self._deferred and not (missed and self.outbox.waiting):
            self._fanout.backlog.discard(self)
            if not late:
                self._go_direct()

    def _give(self) -> None:
        """What it missed, in the order in which it was published, as far as there is room for it."""
        # What was published within a moment is given as a whole: it is not old, and the reader has got this far.
        span = 0 if self._missed_at is None else self._fanout.settled_at - self._missed_at
        whole = span <= self._patience or span <= self._patience + self._round_trip()
        deferred, outbox = self._deferred, self.outbox
        while deferred and not outbox.closed:
            frames, reached = deferred.take(outbox.room, whole=whole)
            for group, seq in reached.items():
                if self in group.queued:
                    group.queued[self] = seq
            outbox.write(frames)
            if outbox.waiting:
                break
        if not deferred:
            self._missed_at = None
            self._patience = STALL
        if not deferred.lossless:
            self._fanout.released(self)

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
