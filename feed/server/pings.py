"""Payloads of the server's ping frames: a number alone asks for a reader's progress, others belong to a barrier."""

from __future__ import annotations

from feed.delivery.framing import ping_frame

__all__ = ["barrier_number", "barrier_ping", "progress_number"]

BARRIER_PREFIX = b"barrier "
"""What a ping of the market's barrier begins with; its number follows."""

MAX_DIGITS = 18
"""The maximum number of digits in the number of a ping."""


def barrier_ping(number: int) -> bytes:
    """Return a ping frame of the market's barrier."""
    return ping_frame(BARRIER_PREFIX + b"%d" % number)


def barrier_number(payload: bytes) -> int | None:
    """Return the number in the answer to a barrier's ping; None if it is another answer."""
    return progress_number(payload.removeprefix(BARRIER_PREFIX)) if payload.startswith(BARRIER_PREFIX) else None


def progress_number(payload: bytes) -> int | None:
    """Return the number in the answer to a progress ping; None if it is another answer."""
    return int(payload) if len(payload) <= MAX_DIGITS and payload.isdigit() else None
