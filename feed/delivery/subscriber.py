"""One reader: its way out, how far it has got by its own answers, and what waits for it. It knows nobody who writes.

Times are monotonic, in ns. Whoever calls acts on what is returned.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from feed.delivery.deferred import Deferred, Due, Origin
from feed.delivery.framing import frames_in, ping_frame
from feed.delivery.outbox import Outbox
from feed.delivery.pulse import GRACE, STALL, Pulse
from feed.faults.link import Parcel
from feed.protocol.effects import Stream

__all__ = ["Detour", "Subscriber"]

MAX_LOSSLESS = 64 * 1024
"""Bytes of lossless messages that wait behind conflated ones; then all of them go out, however late the reader is."""


def _no_time() -> int:
    return 0


class Detour(Protocol):
    """What takes a reader's frames one by one, and has them written when they may go."""

    def take(self, parcels: Iterable[Parcel]) -> None:
        """Take these, in order."""


class Subscriber:
    """One connection as delivery sees it: written to directly, through its outbox while something waits, or diverted.

    Args:
        outbox: its bounded way out.
        descriptor: a socket that may be written to directly while nothing waits, or None to always use the outbox.
        round_trip: how long the network takes there and back, ns; asked seldom.

    Attributes:
        direct: whether it is written to directly.
        deferred: what it is not ready for.
        detour: what takes its frames one by one, where there is such a thing. Such a reader is not measured: its
            answers would tell about the detour.
    """

    __slots__ = (
        "_held",
        "_missed_at",
        "_patience",
        "_pulse",
        "_round_trip",
        "deferred",
        "descriptor",
        "detour",
        "direct",
        "outbox",
    )

    def __init__(self, outbox: Outbox, descriptor: int | None, round_trip: Callable[[], int] = _no_time) -> None:
        self._round_trip = round_trip
        self.outbox = outbox
        self.descriptor = descriptor
        self.direct = descriptor is not None
        self.deferred = Deferred()
        self.detour: Detour | None = None
        self._pulse: Pulse | None = None
        # Nothing conflated is sent until the reader has answered, and nothing lossless that comes behind it.
        self._held = False
        # When the first message was published that it has not got for that.
        self._missed_at: int | None = None
        # Of so much, as time, it gets all.
        self._patience = STALL

    # What is written to it besides what is staged.

    def say(self, frames: bytes) -> None:
        """Write the frames of an event."""
        if self.detour is None:
            self.outbox.write(frames)
        else:
            self.detour.take([Parcel(frame, "event", None, 0, "") for frame in frames_in(frames)])

    def show(self, stream: Stream, seq: int, frames: Sequence[bytes]) -> None:
        """Write data frames of one stream, the last of them with this `seq`."""
        if self.detour is None:
            self.outbox.write(b"".join(frames))
        else:
            self.detour.take(_parcels(stream, seq, frames))

    def show_state(self, stream: Stream, seq: int, frames: bytes) -> None:
        """Write the frames of a snapshot, all of which stand for this `seq`."""
        if self.detour is None:
            self.outbox.write(frames)
        else:
            self.detour.take([Parcel(frame, "data", stream, seq, "") for frame in frames_in(frames)])

    def take(self, origin: Origin, frames: Sequence[bytes], since: int, seq: int, now: int) -> bool:
        """Write messages of an origin that were published now, behind `since`; False where they have to wait.

        What waits keeps its place: what comes behind it waits as well.
        """
        if not self.deferred:
            if not (origin.is_conflated and self._misses(now)):
                self.show(origin.stream, seq, frames)
                return True
        elif self._missed_at is None:
            self._missed_at = now
        self.deferred.add(origin, since, seq, frames)
        return False

    def give(self, published_at: int) -> list[Due]:
        """Write what it missed, in the order in which it was published, as far as there is room; returns that."""
        # What was published within a moment is given as a whole: it is not old, and the reader has got this far.
        span = 0 if self._missed_at is None else published_at - self._missed_at
        whole = span <= self._patience or span <= self._patience + self._round_trip()
        deferred, outbox = self.deferred, self.outbox
        given: list[Due] = []
        while deferred and not outbox.closed:
            due = deferred.take(outbox.room, whole=whole)
            given += due
            self._write(due)
            if outbox.blocked:
                break
        if not deferred:
            self._missed_at = None
            self._patience = STALL
        return given

    def divert(self, detour: Detour | None) -> None:
        """From now on have frames taken one by one, or, with None, no more. What waits is not lost."""
        self.detour = detour
        self._pulse = None
        self._held = False

    @property
    def takes_all(self) -> bool:
        """Whether lossless messages are written as they are: nothing waits that they must not overtake."""
        return self.detour is None and not self.deferred

    @property
    def may_go_direct(self) -> bool:
        """Whether there is a socket that may be written to directly when nothing waits."""
        return self.descriptor is not None and self.detour is None

    @property
    def may_wait_longer(self) -> bool:
        """Whether lossless messages may still wait; where the socket is full it makes no difference to them."""
        return self.outbox.blocked and not self.holds_too_much

    @property
    def holds_too_much(self) -> bool:
        """Whether so much of what waits is lossless that it has to go out now."""
        return self.deferred.lossless >= MAX_LOSSLESS

    # How far it has got.

    def is_behind(self, now: int) -> bool:
        """Whether something waits for it here, or in buffers of its own: then only the newest is worth sending."""
        return bool(self.deferred) or self._is_busy(now)

    @property
    def is_asked(self) -> bool:
        """Whether an answer is to be expected."""
        return self._pulse is not None and self._pulse.is_open

    @property
    def is_new(self) -> bool:
        """Whether it has been asked and has never answered."""
        return self._pulse is not None and self._pulse.is_new

    def is_late(self, now: int) -> bool:
        """Whether its answer takes longer than it should."""
        pulse = self._pulse
        return pulse is not None and pulse.is_late(now) and pulse.is_late(now, self._round_trip())

    def was_late(self, now: int) -> bool:
        """Whether it was not long ago that its answers took too long."""
        return self._pulse is not None and self._pulse.was_late(now)

    @property
    def is_measured(self) -> bool:
        """Whether it has ever been asked."""
        return self._pulse is not None

    def may_be_asked(self, now: int) -> bool:
        """Whether it is time for a question."""
        return self.detour is None and (self._pulse is None or self._pulse.may_be_asked(now))

    def expect(self, number: int, now: int) -> None:
        """Expect the answer to a question that goes out with what is written directly."""
        if self._pulse is None:
            self._pulse = Pulse()
        self._pulse.ask(number, now)

    def ask(self, number: int, now: int) -> None:
        """Ask the reader how far it has got."""
        self.expect(number, now)
        self.outbox.write(ping_frame(b"%d" % number))

    def hold(self, now: int) -> None:
        """Keep newer messages of conflated streams until it has answered: that takes too long."""
        self._held = True
        if self._pulse is not None:
            self._patience = self._pulse.patience(now)
            self._pulse.note_late(now)

    def hold_until_answer(self) -> None:
        """Send nothing conflated until the question is answered that was asked just now."""
        self._held = True

    def hear(self, number: int, now: int) -> bool:
        """Take its answer to question `number`; returns whether it can be given what it missed."""
        pulse = self._pulse
        if pulse is None or not pulse.hear(number, now):
            return False
        if self._held:
            self._held = False
            if pulse.took > GRACE and pulse.took > GRACE + self._round_trip():
                pulse.note_late(now)
        if self.direct or self.outbox.blocked:
            return False
        if self._missed_at is not None:
            # What was sent behind the question may not have been seen either.
            self._missed_at = min(self._missed_at, pulse.asked_at)
        return True

    def drain(self, now: int) -> bool:
        """Note that its socket has taken everything; returns whether it can be given what it missed."""
        self.outbox.drained()
        if not self._held and self.is_late(now):
            self.hold(now)
        return not self._held

    def stop_measuring(self) -> bool:
        """Take a reader that has not answered by now for one that never will; whether it can have what it missed."""
        if self._pulse is None or not self._pulse.is_new:
            return False
        self._pulse.is_mute = True
        if not self._held:
            return False
        self._held = False
        self._missed_at = None
        return not self.outbox.blocked

    def _is_busy(self, now: int) -> bool:
        return self._held or self.outbox.blocked or self.is_late(now)

    def _misses(self, now: int) -> bool:
        """Whether it misses what is published now."""
        if not self._is_busy(now):
            return False
        if self._missed_at is None:
            self._missed_at = now
        return True

    def _write(self, due: Iterable[Due]) -> None:
        if self.detour is None:
            self.outbox.write(b"".join([frame for entry in due for frame in entry.frames]))
            return
        for entry in due:
            self.detour.take(_parcels(entry.origin.stream, entry.seq, entry.frames))


def _parcels(stream: Stream, seq: int, frames: Sequence[bytes]) -> list[Parcel]:
    """Frames of one stream as parcels, the last with this `seq`; a single piece may be several of them, joined."""
    single = list(frames_in(frames[0])) if len(frames) == 1 else frames
    first = seq - len(single) + 1
    return [Parcel(frame, "data", stream, number, "") for number, frame in enumerate(single, first) if frame]
