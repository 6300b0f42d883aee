"""Kernel timer with nanoseconds: the event loop's own is up to a millisecond late, as long as a whole bound.

Linux provides it as a file that becomes readable. Python has no call for it before 3.13, so it is called through the C
library; if that is not possible, `open_timer` returns None and the loop's own timer is used.
"""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Callable

from feed.units import SECOND

__all__ = ["KernelTimer", "open_timer"]

CLOCK_MONOTONIC = 1
NONBLOCK_CLOEXEC = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)


class KernelTimer:
    """Kernel timer that can be set repeatedly.

    Args:
        descriptor: the file descriptor, which becomes readable when the timer rings.
        settime: the C library's `timerfd_settime`.
    """

    __slots__ = ("_settime", "descriptor")

    def __init__(self, descriptor: int, settime: Callable[..., int]) -> None:
        self.descriptor = descriptor
        self._settime = settime

    def set(self, nanoseconds: int) -> None:
        """Ring once, `nanoseconds` from now, and discard an earlier ring not yet read. 0 disarms the timer."""
        spec = struct.pack("@qqqq", 0, 0, *divmod(nanoseconds, SECOND))
        self._settime(self.descriptor, 0, spec, None)

    def clear(self) -> None:
        """Disarm the timer and discard a ring not yet read."""
        self.set(0)

    def close(self) -> None:
        """Close the file descriptor."""
        os.close(self.descriptor)


def open_timer() -> KernelTimer | None:
    """Return a timer, or None on systems without one."""
    try:
        library = ctypes.CDLL(None, use_errno=True)
        create, settime = library.timerfd_create, library.timerfd_settime
    except (OSError, AttributeError, TypeError):
        return None
    settime.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p]
    descriptor = int(create(CLOCK_MONOTONIC, NONBLOCK_CLOEXEC))
    return KernelTimer(descriptor, settime) if descriptor >= 0 else None
