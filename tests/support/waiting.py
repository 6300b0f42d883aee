"""Waiting for what a test is about, instead of for a time in which it should have happened."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

__all__ = ["PATIENCE", "becomes", "wait_until"]

PATIENCE = 60.0
"""Seconds after which what is waited for will not happen any more, however busy the machine is."""


async def becomes(condition: Callable[[], object], what: str = "it did not happen") -> None:
    """Wait in an event loop until the condition holds."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, what
        await asyncio.sleep(0.005)


def wait_until(condition: Callable[[], object], what: str = "it did not happen") -> None:
    """The same without a loop."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.005)
