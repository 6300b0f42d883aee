"""Counts of what goes out: plain integers on the hot path."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["HubCounters"]


@dataclass(slots=True)
class HubCounters:
    """What went out, ever: messages published, and what of them was handed to readers, in how many writes."""

    published: int = 0
    deliveries: int = 0
    delivered_bytes: int = 0
    skipped: int = 0
    writes: int = 0
