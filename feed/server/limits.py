"""What one client may do and hold."""

from __future__ import annotations

from dataclasses import dataclass

from feed.delivery.outbox import OutboxLimits
from feed.protocol.view import SessionLimits

__all__ = ["PeerLimits"]


@dataclass(frozen=True, slots=True)
class PeerLimits:
    """What one client may do and hold."""

    session: SessionLimits
    outbox: OutboxLimits
    max_fragments: int
