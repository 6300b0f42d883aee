"""Happenings on a connection that reconnects by itself: connects, losses and frames of the server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from feed.client.progress import Gap

__all__ = ["Connected", "Disconnected", "Frame", "Happening"]


@dataclass(frozen=True, slots=True)
class Connected:
    """Connection established, for the `attempt`-th time, with the subscriptions sent."""

    attempt: int


@dataclass(frozen=True, slots=True)
class Disconnected:
    """Connection lost. The client tries again in `retry_in` ns; None: it gives up."""

    code: int
    reason: str
    retry_in: int | None


@dataclass(frozen=True, slots=True)
class Frame:
    """Event of the server, with its time of arrival (monotonic ns), the losses detected before it, and its bytes."""

    event: str
    body: dict[str, Any]
    received: int
    gaps: tuple[Gap, ...] = ()
    payload: bytes = b""

    @property
    def missed(self) -> int:
        """The number of messages known to be lost before it."""
        return sum(gap.count or 0 for gap in self.gaps)


Happening = Connected | Disconnected | Frame
