"""The limits that a server has by default, for tests that change one of them."""

from __future__ import annotations

from feed.protocol.view import SessionLimits
from feed.units import SECOND

SESSION = SessionLimits(
    inbound_rate=20,
    inbound_burst=200,
    max_subscriptions=256,
    auth_timeout=10 * SECOND,
    subscribe_timeout=0,
    heartbeat_interval=1 * SECOND,
    ping_interval=20 * SECOND,
    ping_timeout=60 * SECOND,
    token_ttl=0,
)
