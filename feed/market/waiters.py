"""Tasks that wait until a market has published everything up to a market time."""

from __future__ import annotations

import asyncio

__all__ = ["Waiters"]


class Waiters:
    """Waiting tasks, each with the market time that it waits for."""

    def __init__(self) -> None:
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def wait_for(self, time: int) -> asyncio.Future[None]:
        """Return a future that is done once everything due at or before market time `time` has been published."""
        reached: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((time, reached))
        return reached

    def release(self, upcoming: int | None) -> None:
        """Release tasks whose time has come: the next message is due at `upcoming`; None releases all of them."""
        if not self._waiting:
            return
        for entry in list(self._waiting):
            time, reached = entry
            if upcoming is None or upcoming > time:
                self._waiting.remove(entry)
                if not reached.done():
                    reached.set_result(None)
