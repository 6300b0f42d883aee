"""How far a reader has got, by its own answer.

What a socket has taken may wait in the reader's buffers for a long time, where nobody can see or replace it. A ping
frame behind the data is answered when the reader gets there, so the time that takes is how old the newest is that it
sees. Nobody is obliged to be fast, and whoever has never answered is not measured.
"""

from __future__ import annotations

from feed.units import MICROSECOND, MILLISECOND, SECOND

__all__ = ["CALM", "FIRST", "GRACE", "INTERVAL", "LONG_STALL", "SHARE", "STALL", "TRUST", "TURN", "Pulse"]

INTERVAL = 25 * MILLISECOND
"""So often a reader of conflated streams is asked while there are messages for it."""

SHARE = 500 * MICROSECOND
"""Many readers are asked less often each: all together once in this time, since an answer costs more than a write."""

GRACE = 40 * MILLISECOND
"""So long an answer may take, besides what the network takes, before newer messages wait for it.

A reader at a tenth of the rate takes nine times as long for what was sent until then as sending it took: with
`INTERVAL` half a second. As much again may lie in a client that answers what it has received but not yet looked at.
"""

TURN = 5 * MILLISECOND
"""A server that was busy for so long looks again after this: answers may have come that it has not seen."""

STALL = 90 * MILLISECOND
"""Who missed no more than was published within this gets all of it; who missed more gets only the newest."""

LONG_STALL = 500 * MILLISECOND
"""The same for a reader that has been quick for as long as `TRUST`: it will catch up."""

TRUST = 10 * SECOND

CALM = 2 * SECOND
"""A reader that was late is asked behind every message until it has been quick for so long."""

FIRST = 300 * MILLISECOND
"""So long the first answer of a reader is waited for at most, which tells whether it answers at all."""


class Pulse:
    """The questions that one reader was asked, and how far it has answered. Times are monotonic, in ns."""

    __slots__ = ("_asked", "_heard", "_late_at", "_quick_from", "asked_at", "is_mute", "took")

    def __init__(self) -> None:
        self._asked = 0
        # When it was asked what it has not answered yet, or answered last.
        self.asked_at = 0
        self._heard = 0
        self._late_at = -CALM
        # Since when it has been quick: a reader begins without credit.
        self._quick_from: int | None = None
        # Whether it is taken for one that never answers.
        self.is_mute = False
        # How long the last answer took.
        self.took = 0

    def ask(self, number: int, now: int) -> None:
        """The reader has been sent a question; numbers only grow. What counts is the first one without an answer."""
        if self._heard >= self._asked:
            self._asked = number
            self.asked_at = now

    def hear(self, number: int, now: int) -> bool:
        """The reader has answered a question; returns whether that was the one that counts."""
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
        """Whether the reader has never answered."""
        return not self._heard

    @property
    def is_open(self) -> bool:
        """Whether an answer is to be expected that has not come yet."""
        return self._heard < self._asked and not self.is_mute

    def is_late(self, now: int, round_trip: int = 0) -> bool:
        """Whether an answer takes longer than it should where the network takes `round_trip`."""
        return self.is_open and now - self.asked_at > GRACE + round_trip

    def may_be_asked(self, now: int) -> bool:
        """Whether it is time for another question."""
        return not self.is_open and now - self.asked_at >= INTERVAL

    def note_late(self, now: int) -> None:
        """An answer takes, or took, too long."""
        self._late_at = now
        self._quick_from = now

    def was_late(self, now: int) -> bool:
        """Whether that was not long ago."""
        return now - self._late_at < CALM and not self.is_mute

    def patience(self, now: int) -> int:
        """How much a reader may have missed, as time, to get it as a whole."""
        return STALL if self._quick_from is None or now - self._quick_from < TRUST else LONG_STALL
