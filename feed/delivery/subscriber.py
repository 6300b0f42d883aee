"""State of one subscriber: its outbox, its measured progress, and its waiting messages.

Times are monotonic, in ns. The module knows nothing of its callers; they act on the returned values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from feed.delivery.backlog import Deferred, Due, Origin
from feed.delivery.framing import frames_in, ping_frame, stamped
from feed.delivery.outbox import Outbox
from feed.delivery.pulse import LATE_AFTER, MAX_REPEATED, Pulse
from feed.faults.link import Parcel
from feed.protocol.effects import Stream

__all__ = ["Detour", "Subscriber"]

MAX_LOSSLESS = 64 * 1024
"""Bytes of lossless messages that wait behind conflated ones; at this size all are sent, even to a late reader."""


def _no_time() -> int:
    return 0


class Detour(Protocol):
    """Handler that takes a reader's frames one by one and writes them when they may go."""

    def take(self, parcels: Iterable[Parcel]) -> None:
        """Take the parcels, in order."""


class Subscriber:
    """Connection from delivery's view: written to directly, through its outbox while messages wait, or diverted.

    Args:
        outbox: its bounded output buffer.
        descriptor: a socket that may be written to directly while nothing waits, or None to always use the outbox.
        round_trip: function that returns the network round trip, ns; rarely called.
        stamp: function that puts the numbers of this connection into a message, in the order of sending; None if
            messages have none. Such a reader has no descriptor.
        is_measurable: False if no progress pings may be sent, because the client would count them.

    Attributes:
        skipped: the number of messages of conflated streams that it was not sent, since it did not keep up.
        direct: True if it is written to directly.
        deferred: the messages it is not ready for.
        detour: handler that takes its frames one by one, or None. A reader with a detour is not measured, since its
            answers would measure the detour.
    """

    __slots__ = (
        "_held",
        "_missed_at",
        "_patience",
        "_pulse",
        "_round_trip",
        "_stamp",
        "deferred",
        "descriptor",
        "detour",
        "direct",
        "is_measurable",
        "outbox",
        "skipped",
    )

    def __init__(
        self,
        outbox: Outbox,
        descriptor: int | None,
        round_trip: Callable[[], int] = _no_time,
        *,
        is_measurable: bool = True,
        stamp: Callable[[bytes], bytes] | None = None,
    ) -> None:
        self._stamp = stamp
        self._round_trip = round_trip
        self.is_measurable = is_measurable
        self.outbox = outbox
        self.descriptor = descriptor
        self.direct = descriptor is not None
        self.deferred = Deferred()
        self.detour: Detour | None = None
        self.skipped = 0
        self._pulse: Pulse | None = None
        # True while conflated messages, and lossless ones behind them, wait for the reader's answer.
        self._held = False
        # The publication time of the first message that was held back.
        self._missed_at: int | None = None
        # The span of missed messages (ns) up to which it gets all of them.
        self._patience = MAX_REPEATED

    # Writes other than staged messages.

    def say(self, frames: bytes, name: str = "") -> None:
        """Write the frames of an event; `name` is the name of its class."""
        frames = self._stamped((frames,))[0]
        if self.detour is None:
            self.outbox.write(frames)
        else:
            self.detour.take([Parcel(frame, "event", None, 0, name) for frame in frames_in(frames)])

    def show(self, stream: Stream, seq: int, frames: Sequence[bytes]) -> None:
        """Write data frames of one stream, the last of them with this `seq`."""
        frames = self._stamped(frames)
        if self.detour is None:
            self.outbox.write(b"".join(frames))
        else:
            self.detour.take(_parcels(stream, seq, frames))

    def show_state(self, stream: Stream, seq: int, frames: bytes) -> None:
        """Write the frames of a snapshot, all of them with this `seq`."""
        frames = self._stamped((frames,))[0]
        if self.detour is None:
            self.outbox.write(frames)
        else:
            self.detour.take([Parcel(frame, "data", stream, seq, "") for frame in frames_in(frames)])

    def take(self, origin: Origin, frames: Sequence[bytes], since: int, seq: int, now: int) -> bool:
        """Write messages of an origin after `since`, published now; return False if they have to wait.

        Waiting messages keep their order: messages after them wait as well.
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
        """Write missed messages in the order of publication, as far as there is room; return the entries written."""
        # Messages published within a short span are all sent: they are not old, and the reader has got this far.
        span = 0 if self._missed_at is None else published_at - self._missed_at
        whole = span <= self._patience or span <= self._patience + self._round_trip()
        deferred, outbox = self.deferred, self.outbox
        given: list[Due] = []
        while deferred and not outbox.closed:
            due = deferred.take(outbox.room, whole=whole)
            given += due
            self.skipped += sum(entry.missing for entry in due)
            self._write(due)
            if outbox.blocked:
                break
        if not deferred:
            self._missed_at = None
            self._patience = MAX_REPEATED
        return given

    def divert(self, detour: Detour | None) -> None:
        """Set the handler of frames, or remove it with None. Waiting messages are not lost."""
        self.detour = detour
        self._pulse = None
        self._held = False

    @property
    def takes_all(self) -> bool:
        """True if lossless messages are written at once, because none wait that they must not overtake."""
        return self.detour is None and self._stamp is None and not self.deferred

    @property
    def may_go_direct(self) -> bool:
        """True if there is a socket that may be written to directly when nothing waits."""
        return self.descriptor is not None and self.detour is None

    @property
    def may_wait_longer(self) -> bool:
        """True if lossless messages may still wait, because the socket is full and sending would not help."""
        return self.outbox.blocked and not self.holds_too_much

    @property
    def holds_too_much(self) -> bool:
        """True if so many bytes of lossless messages wait (`MAX_LOSSLESS`) that they have to be sent now."""
        return self.deferred.lossless >= MAX_LOSSLESS

    # Progress.

    def is_behind(self, now: int) -> bool:
        """Return True if data waits here or in the reader's buffers: only the newest message is worth sending."""
        return bool(self.deferred) or self._is_busy(now)

    @property
    def is_asked(self) -> bool:
        """True if an answer to a progress ping is expected."""
        return self._pulse is not None and self._pulse.is_open

    @property
    def is_new(self) -> bool:
        """True if it has been sent a progress ping and has never answered."""
        return self._pulse is not None and self._pulse.is_new

    def is_late(self, now: int) -> bool:
        """Return True if its answer is overdue."""
        pulse = self._pulse
        return pulse is not None and pulse.is_late(now) and pulse.is_late(now, self._round_trip())

    def was_late(self, now: int) -> bool:
        """Return True if its answers took too long recently (see `CALM_AFTER` in `pulse`)."""
        return self._pulse is not None and self._pulse.was_late(now)

    @property
    def is_measured(self) -> bool:
        """True if it has been sent a progress ping since measuring began."""
        return self._pulse is not None

    def may_be_asked(self, now: int) -> bool:
        """Return True if a progress ping is due."""
        if not self.is_measurable or self.detour is not None:
            return False
        return self._pulse is None or self._pulse.may_be_asked(now)

    def expect(self, number: int, now: int) -> None:
        """Expect the answer to a progress ping that is sent with directly written data."""
        if self._pulse is None:
            self._pulse = Pulse()
        self._pulse.ask(number, now)

    def ask(self, number: int, now: int) -> None:
        """Send the reader a progress ping."""
        self.expect(number, now)
        self.outbox.write(ping_frame(b"%d" % number))

    def hold(self, now: int) -> None:
        """Keep newer messages of conflated streams until the overdue answer arrives."""
        self._held = True
        if self._pulse is not None:
            self._patience = self._pulse.patience(now)
            self._pulse.note_late(now)

    def hold_until_answer(self) -> None:
        """Send no conflated messages until the progress ping sent just now is answered."""
        self._held = True

    def hear(self, number: int, now: int) -> bool:
        """Process its answer to progress ping `number`; return True if it can be sent the messages it missed."""
        pulse = self._pulse
        if pulse is None or not pulse.hear(number, now):
            return False
        if self._held:
            self._held = False
            if pulse.took > LATE_AFTER and pulse.took > LATE_AFTER + self._round_trip():
                pulse.note_late(now)
        if self.direct or self.outbox.blocked:
            return False
        if self._missed_at is not None:
            # Messages sent after the ping may not have been seen either.
            self._missed_at = min(self._missed_at, pulse.asked_at)
        return True

    def drain(self, now: int) -> bool:
        """Note that its socket has taken everything; return True if it can be sent the messages it missed."""
        self.outbox.drained()
        if not self._held and self.is_late(now):
            self.hold(now)
        return not self._held

    def stop_measuring(self) -> bool:
        """Treat a reader without any answer as one that never answers; return True if it can get missed messages."""
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
        """Return True if it is too busy for a message published now, and note the time."""
        if not self._is_busy(now):
            return False
        if self._missed_at is None:
            self._missed_at = now
        return True

    def _write(self, due: Iterable[Due]) -> None:
        if self.detour is None:
            self.outbox.write(b"".join([frame for entry in due for frame in self._stamped(entry.frames)]))
            return
        for entry in due:
            self.detour.take(_parcels(entry.origin.stream, entry.seq, self._stamped(entry.frames)))

    def _stamped(self, frames: Sequence[bytes]) -> Sequence[bytes]:
        stamp = self._stamp
        return frames if stamp is None else [stamped(frame, stamp) for frame in frames]


def _parcels(stream: Stream, seq: int, frames: Sequence[bytes]) -> list[Parcel]:
    """Return frames of one stream as parcels, the last with this `seq`; a single item may be several joined frames."""
    single = list(frames_in(frames[0])) if len(frames) == 1 else frames
    first = seq - len(single) + 1
    # One message may be several frames.
    pairs = [(number, one) for number, frame in enumerate(single, first) for one in frames_in(frame)]
    return [Parcel(one, "data", stream, number, "") for number, one in pairs]
