"""Clean end, on a signal, of commands that write a file."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["clean_end"]

ENDING = ("SIGTERM", "SIGHUP")
"""Names of signals that end the command, if the system has them."""


@contextmanager
def clean_end() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end the block as an error does, so that no incomplete file is left behind.

    The exit code is then 128 plus the signal's number, as for a process that a signal has ended.
    """

    def end(number: int, frame: object) -> None:
        raise SystemExit(128 + number)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = [getattr(signal, name) for name in ENDING if hasattr(signal, name)]
    before = {number: signal.signal(number, end) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
