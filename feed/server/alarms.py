"""Wakes the connections of one server: a wheel of short slots, so that ten thousand idle ones share one timer.

An alarm never rings early and at most a slot late. Those that ring together also share the bytes of a heartbeat that
says the same.
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

SLOT = 10 * MILLISECOND

TURN = 64
"""So many are woken before the event loop gets a turn: data must not wait behind a crowd of heartbeats."""


MAX_BEATS = 1000
"""Heartbeats that are kept to be shared."""


class Sleeper(Protocol):
    """Who can be woken. `alarm` is the slot in which it waits and belongs to the wheel; 0 is none."""

    alarm: int

    def wake(self, now: Now) -> None:
        """It is time."""


class Alarms:
    """All alarms of one server.

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
        """Wake it at monotonic time `at`, unless it is woken before that anyhow; it then says when to wake it again."""
        slot = -(-at // SLOT)
        if 0 < sleeper.alarm <= slot:
            return
        # What it leaves in a later slot is passed over when that comes.
        sleeper.alarm = slot
        waiting = self._slots.get(slot)
        if waiting is None:
            self._slots[slot] = [sleeper]
            self._wait_for(slot)
        else:
            waiting.append(sleeper)

    @staticmethod
    def forget(sleeper: Sleeper) -> None:
        """It is not woken any more."""
        sleeper.alarm = 0

    def heartbeat(self, event: Heartbeat, dialect: Dialect) -> bytes:
        """The frame of a heartbeat, made once for all that say the same; empty where a dialect has none for all."""
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
        self._timer = self._loop.call_later(max(0, slot * SLOT - self._clock.now()) / SECOND, self._ring)

    def _ring(self) -> None:
        self._timer = None
        due = self._clock.now() // SLOT
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
        for _ in range(min(TURN, len(ringing))):
            sleeper = ringing.popleft()
            if sleeper.alarm:
                sleeper.alarm = 0
                sleeper.wake(now)
        if ringing:
            self._loop.call_soon(self._wake_some)
