"""Counters of delivered messages: plain integers on the hot path."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["HubCounters"]


@dataclass(slots=True)
class HubCounters:
    """Totals since the start: messages published, deliveries to readers with bytes and skips, and socket writes."""

    published: int = 0
    deliveries: int = 0
    delivered_bytes: int = 0
    skipped: int = 0
    writes: int = 0
