"""Limits of one client, and of the server as a whole."""

from __future__ import annotations

from dataclasses import dataclass

from feed.delivery.outbox import OutboxLimits
from feed.protocol.view import SessionLimits
from feed.units import SECOND

__all__ = ["PeerLimits", "ServerLimits"]


@dataclass(frozen=True, slots=True)
class PeerLimits:
    """Limits of one client."""

    session: SessionLimits
    outbox: OutboxLimits
    max_fragments: int


@dataclass(frozen=True, slots=True)
class ServerLimits:
    """Limits of the server as a whole. Times are nanoseconds."""

    peer: PeerLimits
    max_message_size: int
    max_connections: int
    connect_rate: float
    handshake_timeout: int
    drain_spread: int
    drain_timeout: int
    compression: bool = False
    history_timeout: int = 5 * SECOND
    lifts_exchange_limits: bool = False
    ages_with_market: bool = False
