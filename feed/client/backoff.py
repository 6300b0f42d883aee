"""How long a client waits before it tries again. The only place of the package that throws dice nobody can repeat."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from feed.units import MILLISECOND, SECOND

__all__ = ["BackOff"]

JITTER = 4
"""A wait is shortened by up to one part of so many: clients that lost their server together part."""


@dataclass(slots=True)
class BackOff:
    """Waits that double from `first` to `longest` ns, until an attempt succeeds."""

    first: int = 250 * MILLISECOND
    longest: int = 15 * SECOND
    failures: int = 0

    def next(self) -> int:
        """The next wait, ns: between three quarters of its step and the whole."""
        wait = min(self.longest, self.first << min(self.failures, 32))
        self.failures += 1
        return wait - secrets.randbelow(wait // JITTER + 1)

    def reset(self) -> None:
        """An attempt succeeded."""
        self.failures = 0
