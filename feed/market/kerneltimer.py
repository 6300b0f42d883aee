"""A timer of the kernel with nanoseconds: the event loop's own wakes up to a millisecond late, which is a whole bound.

Linux has it as a file that becomes readable. Python has no call for it before 3.13, so it is called through the C
library; where that cannot be, `open_timer` says so and the loop's own timer does.
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
    """One timer that can be set again and again.

    Args:
        descriptor: becomes readable when the time has come.
        settime: the C library's call.
    """

    __slots__ = ("_settime", "descriptor")

    def __init__(self, descriptor: int, settime: Callable[..., int]) -> None:
        self.descriptor = descriptor
        self._settime = settime

    def set(self, nanoseconds: int) -> None:
        """Ring once, so long from now; a ring that nobody has heard yet is forgotten. 0 does not ring."""
        spec = struct.pack("@qqqq", 0, 0, *divmod(nanoseconds, SECOND))
        self._settime(self.descriptor, 0, spec, None)

    def clear(self) -> None:
        """Do not ring, and forget that it has rung."""
        self.set(0)

    def close(self) -> None:
        """Give the file back."""
        os.close(self.descriptor)


def open_timer() -> KernelTimer | None:
    """A timer, or None on systems that have none."""
    try:
        library = ctypes.CDLL(None, use_errno=True)
        create, settime = library.timerfd_create, library.timerfd_settime
    except (OSError, AttributeError, TypeError):
        return None
    settime.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p]
    descriptor = int(create(CLOCK_MONOTONIC, NONBLOCK_CLOEXEC))
    return KernelTimer(descriptor, settime) if descriptor >= 0 else None
