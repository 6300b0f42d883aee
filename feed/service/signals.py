"""Signals that ask a process to end, on every system, as calls in its event loop."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Iterator

__all__ = ["ASKED_BY_A_PERSON", "ASKED_BY_THE_SYSTEM", "on_signals"]

ASKED_BY_A_PERSON = tuple(getattr(signal, name) for name in ("SIGINT", "SIGBREAK") if hasattr(signal, name))
"""Signals of Ctrl-C, and on Windows of Ctrl-Break, the only one that a process can send to another there."""

ASKED_BY_THE_SYSTEM = (signal.SIGTERM,)
"""Signal of an orchestrator that will start another process."""


@contextlib.contextmanager
def on_signals(handle: Callable[[int], None]) -> Iterator[None]:
    """Call `handle` in the running loop, with the signal's number, for each of these signals inside the block."""
    loop = asyncio.get_running_loop()
    taken: list[int] = []
    before: dict[int, object] = {}
    for number in (*ASKED_BY_A_PERSON, *ASKED_BY_THE_SYSTEM):
        try:
            loop.add_signal_handler(number, handle, number)
            taken.append(number)
        except NotImplementedError:
            # An event loop without signal handlers, as on Windows: the handlers are set for the process itself.
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
