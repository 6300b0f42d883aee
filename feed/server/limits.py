"""Limits of one client."""

from __future__ import annotations

from dataclasses import dataclass

from feed.delivery.outbox import OutboxLimits
from feed.protocol.view import SessionLimits

__all__ = ["PeerLimits"]


@dataclass(frozen=True, slots=True)
class PeerLimits:
    """Limits of one client."""

    session: SessionLimits
    outbox: OutboxLimits
    max_fragments: int
