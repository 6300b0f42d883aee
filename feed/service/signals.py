"""What asks a process to end, on every system, as calls in its event loop."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Iterator

__all__ = ["ASKED_BY_A_PERSON", "ASKED_BY_THE_SYSTEM", "on_signals"]

ASKED_BY_A_PERSON = tuple(getattr(signal, name) for name in ("SIGINT", "SIGBREAK") if hasattr(signal, name))
"""Ctrl-C, and on Windows Ctrl-Break, which is all that one process can send to another there."""

ASKED_BY_THE_SYSTEM = (signal.SIGTERM,)
"""An orchestrator that will start another one."""


@contextlib.contextmanager
def on_signals(handle: Callable[[int], None]) -> Iterator[None]:
    """Inside the block each of these signals is a call of `handle` in the running loop, with its number."""
    loop = asyncio.get_running_loop()
    taken: list[int] = []
    before: dict[int, object] = {}
    for number in (*ASKED_BY_A_PERSON, *ASKED_BY_THE_SYSTEM):
        try:
            loop.add_signal_handler(number, handle, number)
            taken.append(number)
        except NotImplementedError:
            # An event loop without signals, as on Windows: the process itself has them.
            def pass_on(received: int, _: object) -> None:
                loop.call_soon_threadsafe(handle, received)

            before[number] = signal.signal(number, pass_on)
    try:
        yield
    finally:
        for number in taken:
            loop.remove_signal_handler(number)
        for number, handler in before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]  # what signal() gave
