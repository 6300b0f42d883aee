"""Alarm of a player: the kernel's timer if there is one, otherwise the event loop's."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator

from feed.clock import Clock, SystemClock
from feed.market.kerneltimer import KernelTimer, open_timer
from feed.units import SECOND

__all__ = ["Alarm"]


class Alarm:
    """Alarm that rings once, a set time after it was armed. At most one ring is pending.

    Args:
        clock: real time. Only the system clock can use the kernel's timer.
        ring: called when the alarm rings.
    """

    def __init__(self, clock: Clock, ring: Callable[[], None]) -> None:
        self._clock = clock
        self._ring = ring
        self._timer: KernelTimer | None = None
        self._handle: asyncio.TimerHandle | None = None

    @contextlib.contextmanager
    def opened(self) -> Iterator[None]:
        """Use the kernel's timer inside the block, if there is one."""
        timer = open_timer() if isinstance(self._clock, SystemClock) else None
        if timer is None:
            yield
            return
        loop = asyncio.get_running_loop()
        try:
            loop.add_reader(timer.descriptor, self._ring)
            self._timer = timer
            yield
        finally:
            self._timer = None
            loop.remove_reader(timer.descriptor)
            timer.close()

    def set(self, nanoseconds: int) -> None:
        """Ring in `nanoseconds` from now, replacing any earlier setting."""
        if self._timer is not None:
            self._timer.set(nanoseconds)
        else:
            self.clear()
            self._handle = asyncio.get_running_loop().call_later(nanoseconds / SECOND, self._ring)

    def clear(self) -> None:
        """Cancel the pending ring."""
        if self._timer is not None:
            self._timer.clear()
        elif self._handle is not None:
            self._handle.cancel()
