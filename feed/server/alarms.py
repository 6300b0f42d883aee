"""Timer wheel for the connections of one server: its short slots let ten thousand idle connections share one timer.

An alarm never fires early and at most one slot late. Connections woken together also share the bytes of equal
heartbeats.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Protocol

from feed.clock import Clock, Now
from feed.delivery.framing import text_frame
from feed.dialects.base import Dialect
from feed.protocol.events import Heartbeat
from feed.units import MILLISECOND, SECOND

__all__ = ["Alarms", "Sleeper"]

SLOT_LENGTH = 10 * MILLISECOND

ALARMS_A_TURN = 64
"""The number of alarms fired per turn of the event loop: data must not wait behind many heartbeats."""


MAX_BEATS = 1000
"""The number of heartbeats kept for sharing."""


class Sleeper(Protocol):
    """Object that can be woken. `alarm` is the slot in which it waits and belongs to the wheel; 0 is none."""

    alarm: int

    def wake(self, now: Now) -> None:
        """Handle the alarm at time `now`."""


class Alarms:
    """Alarms of one server.

    Args:
        clock: real time.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._slots: dict[int, list[Sleeper]] = {}
        self._ringing: deque[Sleeper] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._next = 0
        self._beat_at = 0
        self._beats: dict[tuple[Dialect, tuple[tuple[str, int], ...]], bytes] = {}

    def set(self, sleeper: Sleeper, at: int) -> None:
        """Wake `sleeper` at monotonic time `at`, unless it is woken earlier anyway; it then sets its next alarm."""
        slot = -(-at // SLOT_LENGTH)
        if 0 < sleeper.alarm <= slot:
            return
        # Its entry in a later slot is skipped when that slot comes.
        sleeper.alarm = slot
        waiting = self._slots.get(slot)
        if waiting is None:
            self._slots[slot] = [sleeper]
            self._wait_for(slot)
        else:
            waiting.append(sleeper)

    @staticmethod
    def forget(sleeper: Sleeper) -> None:
        """Cancel the alarm of a sleeper."""
        sleeper.alarm = 0

    def heartbeat(self, event: Heartbeat, dialect: Dialect) -> bytes:
        """Return a heartbeat's frame, made once for equal ones; empty if the dialect has no shared heartbeat."""
        # The time of a market that stands still does not change, while clients come and go.
        if event.timestamp != self._beat_at or len(self._beats) >= MAX_BEATS:
            self._beat_at = event.timestamp
            self._beats.clear()
        key = (dialect, tuple(event.last.items()))
        frame = self._beats.get(key)
        if frame is None:
            payload = dialect.beat(event)
            frame = self._beats[key] = text_frame(payload) if payload else b""
        return frame

    def _wait_for(self, slot: int) -> None:
        if self._timer is not None:
            if self._next <= slot:
                return
            self._timer.cancel()
        self._next = slot
        self._timer = self._loop.call_later(max(0, slot * SLOT_LENGTH - self._clock.now()) / SECOND, self._ring)

    def _ring(self) -> None:
        self._timer = None
        due = self._clock.now() // SLOT_LENGTH
        for slot in sorted(slot for slot in self._slots if slot <= due):
            idle = not self._ringing
            self._ringing.extend(sleeper for sleeper in self._slots.pop(slot) if sleeper.alarm == slot)
            if idle and self._ringing:
                self._loop.call_soon(self._wake_some)
        if self._slots:
            self._wait_for(min(self._slots))

    def _wake_some(self) -> None:
        now = self._clock.read()
        ringing = self._ringing
        for _ in range(min(ALARMS_A_TURN, len(ringing))):
            sleeper = ringing.popleft()
            if sleeper.alarm:
                sleeper.alarm = 0
                sleeper.wake(now)
        if ringing:
            self._loop.call_soon(self._wake_some)
