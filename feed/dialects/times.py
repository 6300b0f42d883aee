"""Writing of times as ISO 8601 text."""

from __future__ import annotations

from functools import lru_cache

from feed.units import MICROSECOND, SECOND, format_time

__all__ = ["micros"]


@lru_cache(maxsize=1024)
def _second(seconds: int) -> str:
    return format_time(seconds * SECOND).split(".")[0].removesuffix("Z")


def micros(time: int) -> str:
    """Return a time with six decimals and without its zone, such as `2025-01-06T14:00:26.530118`."""
    seconds, rest = divmod(time, SECOND)
    return f"{_second(seconds)}.{rest // MICROSECOND:06d}"
