"""Counters of the server. Plain integers on the hot path; `metrics` turns them into Prometheus text."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

__all__ = ["ServerCounters"]


@dataclass(slots=True)
class ServerCounters:
    """Counts since the start."""

    connections: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    messages_in: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    slow: int = 0
