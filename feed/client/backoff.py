"""Delays between a client's connection attempts. The only place of the package with unseeded randomness."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from feed.units import MILLISECOND, SECOND

__all__ = ["BackOff"]

JITTER_DIVISOR = 4
"""Divisor of the maximum random reduction of a wait: it spreads the clients that lost their server together."""


@dataclass(slots=True)
class BackOff:
    """Delays that double from `first` to `longest` ns, until an attempt succeeds."""

    first: int = 250 * MILLISECOND
    longest: int = 15 * SECOND
    failures: int = 0

    def next(self) -> int:
        """Return the next wait, ns: between three quarters of its step and the whole."""
        wait = min(self.longest, self.first << min(self.failures, 32))
        self.failures += 1
        return wait - secrets.randbelow(wait // JITTER_DIVISOR + 1)

    def reset(self) -> None:
        """Reset the delay after a successful attempt."""
        self.failures = 0
