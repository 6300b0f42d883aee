"""Periodic check of an outbox while bytes wait in it, to detect a reader that takes nothing."""

from __future__ import annotations

import asyncio

from feed.clock import Clock
from feed.delivery.outbox import Outbox
from feed.units import SECOND

__all__ = ["Watchdog"]


class Watchdog:
    """Watcher of one outbox while bytes wait in it.

    Args:
        outbox: the outbox, which reports a too slow reader itself when checked.
        clock: real time.
    """

    __slots__ = ("_clock", "_handle", "_loop", "_outbox")

    def __init__(self, outbox: Outbox, clock: Clock) -> None:
        self._outbox = outbox
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._handle: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Start the checks, unless they have started."""
        if self._handle is None:
            self._look()

    def stop(self) -> None:
        """Stop the checks."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _look(self) -> None:
        again = self._outbox.check(self._clock.now())
        self._handle = None if again is None else self._loop.call_at(again / SECOND, self._look)
