"""Measurement of a reader's progress by its answers to ping frames.

Data that a socket has taken may wait in the reader's buffers for a long time, where the server can neither see nor
replace it. A ping frame sent after the data is answered when the reader gets there, so the time until the answer is
the age of the newest data that the reader sees. No reader is required to be fast, and one that has never answered is
not measured.
"""

from __future__ import annotations

from feed.units import MICROSECOND, MILLISECOND, SECOND

__all__ = [
    "CALM_AFTER",
    "LATE_AFTER",
    "MAX_FIRST_WAIT",
    "MAX_REPEATED",
    "MAX_REPEATED_TRUSTED",
    "MIN_PING_INTERVAL",
    "PING_INTERVAL_A_READER",
    "RECHECK_AFTER",
    "TRUSTED_AFTER",
    "Pulse",
]

MIN_PING_INTERVAL = 25 * MILLISECOND
"""The interval between pings to a reader of conflated streams while there are messages for it."""

PING_INTERVAL_A_READER = 500 * MICROSECOND
"""The minimum interval, times the number of readers, between pings to each: an answer costs more than a write."""

LATE_AFTER = 40 * MILLISECOND
"""The time an answer may take, besides the network round trip, before newer messages are held back.

A reader at a tenth of the rate takes nine times as long for the data sent until then as sending it took: half a
second with `MIN_PING_INTERVAL`. The same amount again may lie in a client that answers pings it has received before
it has processed the data in front of them. The network's round trip counts like the interval: a reader at a tenth of
the rate sees values that are a second old, and 1.2 s with 8 ms of network.
"""

RECHECK_AFTER = 5 * MILLISECOND
"""The delay before a server that was busy for this long checks again, since answers may have arrived unseen."""

MAX_REPEATED = 90 * MILLISECOND
"""The span of missed messages up to which a reader gets all of them; beyond it, a reader gets only the newest."""

MAX_REPEATED_TRUSTED = 500 * MILLISECOND
"""The same span for a reader that has been quick for `TRUSTED_AFTER`: it is expected to catch up."""

TRUSTED_AFTER = 10 * SECOND

CALM_AFTER = 2 * SECOND
"""The time a late reader must be quick until it is no longer sent a ping after every message."""

MAX_FIRST_WAIT = 300 * MILLISECOND
"""The maximum wait for a reader's first answer, which shows that it answers pings at all."""


class Pulse:
    """Pings sent to one reader, and the answers received. Times are monotonic, in ns."""

    __slots__ = ("_asked", "_heard", "_late_at", "_quick_from", "asked_at", "is_mute", "took")

    def __init__(self) -> None:
        self._asked = 0
        # The time of the ping that is unanswered, or else of the one answered last.
        self.asked_at = 0
        self._heard = 0
        self._late_at = -CALM_AFTER
        # The start of the time in which it has been quick; a new reader has none.
        self._quick_from: int | None = None
        # True if the reader is assumed never to answer.
        self.is_mute = False
        # The duration of the last answer, ns.
        self.took = 0

    def ask(self, number: int, now: int) -> None:
        """Note that a ping was sent; numbers only grow. The first ping without an answer is the one measured."""
        if self._heard >= self._asked:
            self._asked = number
            self.asked_at = now

    def hear(self, number: int, now: int) -> bool:
        """Note an answer to a ping; return True if that completes the measurement."""
        open_until_now = self._heard < self._asked
        self.is_mute = False
        self._heard = max(self._heard, number)
        if not open_until_now or self._heard < self._asked:
            return False
        self.took = now - self.asked_at
        if self._quick_from is None:
            self._quick_from = now
        return True

    @property
    def is_new(self) -> bool:
        """True if the reader has never answered."""
        return not self._heard

    @property
    def is_open(self) -> bool:
        """True if an answer is expected and has not arrived yet."""
        return self._heard < self._asked and not self.is_mute

    def is_late(self, now: int, round_trip: int = 0) -> bool:
        """Return True if an answer is overdue, given the network's `round_trip` (ns)."""
        return self.is_open and now - self.asked_at > LATE_AFTER + round_trip

    def may_be_asked(self, now: int) -> bool:
        """Return True if another ping is due."""
        return not self.is_open and now - self.asked_at >= MIN_PING_INTERVAL

    def note_late(self, now: int) -> None:
        """Note that an answer takes, or took, too long."""
        self._late_at = now
        self._quick_from = now

    def was_late(self, now: int) -> bool:
        """Return True if the reader was late within the last `CALM_AFTER`."""
        return now - self._late_at < CALM_AFTER and not self.is_mute

    def patience(self, now: int) -> int:
        """Return the span of missed messages (ns) up to which a reader gets all of them."""
        return (
            MAX_REPEATED if self._quick_from is None or now - self._quick_from < TRUSTED_AFTER else MAX_REPEATED_TRUSTED
        )
