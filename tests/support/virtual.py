"""An event loop whose time passes only when nobody has anything to do: tests wait without waiting."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

from feed.clock import Now
from feed.units import SECOND

T = TypeVar("T")

WALL = 1_735_689_600 * SECOND


class _Selector(selectors.SelectSelector):
    """Instead of waiting, it lets the loop's time pass."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000 * SECOND

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and timeout:
            self.now += round(timeout * SECOND)
        assert ready or timeout is not None, "everybody waits for something that never comes"
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop that is its own clock."""

    def __init__(self) -> None:
        self.selector = _Selector()
        super().__init__(self.selector)

    def time(self) -> float:
        """Virtual seconds."""
        return self.selector.now / SECOND


class LoopClock:
    """The clock of a `VirtualLoop`, in exact nanoseconds."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._selector = loop.selector

    def now(self) -> int:
        """Monotonic nanoseconds."""
        return self._selector.now

    def wall(self) -> int:
        """Wall-clock nanoseconds."""
        return WALL + self._selector.now

    def read(self) -> Now:
        """Both at once."""
        return Now(self.now(), self.wall())

    def stall(self, nanoseconds: int) -> None:
        """The process does nothing for a while, as when the machine is busy or asleep."""
        self._selector.now += nanoseconds


def run_virtually(main: Coroutine[Any, Any, T], loop: VirtualLoop) -> T:
    """Run a coroutine to its end in virtual time."""
    try:
        return loop.run_until_complete(main)
    finally:
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()
