"""What a session needs to know of the market that it talks about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from feed.protocol.effects import Stream
from feed.protocol.events import Status

__all__ = ["MarketView", "SessionLimits"]


class MarketView(Protocol):
    """A market as a session sees it."""

    @property
    def channels(self) -> tuple[str, ...]:
        """The channels that it publishes."""

    @property
    def symbols(self) -> tuple[str, ...]:
        """The symbols that it publishes, in their fixed order."""

    def parts(self, channel: str) -> tuple[str, ...]:
        """The intervals or depths that a channel's streams differ by; one empty text where there are none."""

    @property
    def epoch(self) -> str:
        """The current epoch."""

    @property
    def virtual_time(self) -> int:
        """Market time in milliseconds."""

    def listen(self, stream: Stream) -> None:
        """Somebody is about to join a stream: from now on its messages are published."""

    def seq(self, stream: Stream) -> int:
        """The last `seq` published on a stream, 0 before the first."""

    def has_snapshot(self, channel: str) -> bool:
        """Whether a subscription to this channel begins with a snapshot even when none is asked for."""

    def recoverable(self, stream: Stream, epoch: str, seq: int) -> bool:
        """Whether everything behind `seq` of that epoch can still be sent."""

    def status(self, connection: str) -> Status:
        """The first frame for a connection."""


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """What one client may do, and how long it may take. Times are nanoseconds; 0 switches a time-out off."""

    inbound_rate: float
    inbound_burst: int
    max_subscriptions: int
    auth_timeout: int
    subscribe_timeout: int
    heartbeat_interval: int
    ping_interval: int
    ping_timeout: int
    token_ttl: int
