"""Pauses of a player: for a time, for readers with unsent data, for readers that join, for a recorder."""

from __future__ import annotations

import asyncio
import contextlib

from feed.clock import Clock
from feed.market.alarm import Alarm
from feed.market.market import Market
from feed.units import MILLISECOND, SECOND

__all__ = ["Pauses"]

TAP_WAIT = 2 * MILLISECOND
"""The interval (ns) of checks whether a recorder has caught up."""


class Pauses:
    """Pauses of the task that plays a market. A command, a new reader or the last reader to catch up ends each of them.

    Args:
        market: the market.
        clock: real time.
        alarm: rings at the end of a pause; its ring calls `end`.
        patience: the longest time that readers may hold up the market, ns.

    Attributes:
        changed: whether a command has come since the market's state was last looked at.
    """

    def __init__(self, market: Market, clock: Clock, alarm: Alarm, patience: int) -> None:
        self.changed = False
        self.patience = patience
        self._market = market
        self._clock = clock
        self._alarm = alarm
        self._wake: asyncio.Future[None] | None = None
        # Tasks that wait until no reader has unsent data.
        self._until_empty: list[asyncio.Future[None]] = []
        market.hub.call_when_idle(self._empty)

    async def sleep(self, nanoseconds: int | None) -> None:
        """Sleep, but wake up when a subscriber joins, a command comes or the last reader has caught up."""
        self._wake = asyncio.get_running_loop().create_future()
        if nanoseconds is not None:
            self._alarm.set(nanoseconds)
        try:
            await self._wake
        finally:
            self._wake = None
            self._alarm.clear()

    async def wait_for_readers(self, patience: int | None = None) -> None:
        """Give the loop a turn, then wait until no reader has unsent data, for `patience` (ns) or as long as usual."""
        await asyncio.sleep(0)
        hub = self._market.hub
        until = self._clock.now() + (self.patience if patience is None else patience)
        while hub.backlog and not self.changed and (left := until - self._clock.now()) > 0:
            await self.sleep(left)

    async def wait_for_backlog(self) -> None:
        """Wait like `wait_for_readers`, for another task than the one that plays."""
        if not self._market.hub.backlog:
            return
        empty: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._until_empty.append(empty)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.patience / SECOND):
                await empty

    async def wait_for_joining(self) -> bool:
        """Wait for subscribers that have yet to get their first state; return whether a command came."""
        until = self._clock.now() + self.patience
        while self._market.put_off and not self.changed and (left := until - self._clock.now()) > 0:
            await self.sleep(left)
        return self.changed

    async def wait_for_tap(self) -> None:
        """Wait for a busy recorder, as for a slow reader, so that a recording at full speed is complete."""
        until = self._clock.now() + self.patience
        while (tap := self._market.tap) is not None and tap.is_busy and self._clock.now() < until:
            await self.sleep(TAP_WAIT)

    def _empty(self) -> None:
        """Release tasks that wait for readers, because no reader has unsent data any more."""
        waiting, self._until_empty = self._until_empty, []
        for future in waiting:
            if not future.done():
                future.set_result(None)
        self.end()

    def end(self) -> None:
        """End the pause of the task that plays, if it is in one."""
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)
