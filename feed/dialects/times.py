"""Writing of times as ISO 8601 text."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from feed.units import MICROSECOND, SECOND, format_time

__all__ = ["micros", "micros_parts"]


@lru_cache(maxsize=1024)
def _second(seconds: int) -> str:
    return format_time(seconds * SECOND).split(".")[0].removesuffix("Z")


def micros(time: int) -> str:
    """Return a time with six decimals and without its zone, such as `2025-01-06T14:00:26.530118`."""
    seconds, rest = divmod(time, SECOND)
    return f"{_second(seconds)}.{rest // MICROSECOND:06d}"


def micros_parts(times: Sequence[int]) -> tuple[list[bytes], list[int]]:
    """Return times in two parts: whole seconds as text, and microseconds."""
    pairs = [divmod(time, SECOND) for time in times]
    return [_second(seconds).encode() for seconds, _ in pairs], [rest // MICROSECOND for _, rest in pairs]
