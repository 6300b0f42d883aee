"""What a session needs to know of the market that it talks about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from feed.protocol.effects import Stream
from feed.protocol.events import Status

if TYPE_CHECKING:
    from feed.data.ticks import Instrument

__all__ = ["USUAL_HEARTBEAT", "HeartbeatRule", "MarketView", "SessionLimits"]


class MarketView(Protocol):
    """A market as a session sees it."""

    @property
    def channels(self) -> tuple[str, ...]:
        """The channels that it publishes."""

    @property
    def symbols(self) -> tuple[str, ...]:
        """The symbols that it publishes, in their fixed order."""

    @property
    def instruments(self) -> tuple[Instrument, ...]:
        """The symbols with their steps, in the same order."""

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


@dataclass(frozen=True, slots=True)
class HeartbeatRule:
    """When a dialect has a heartbeat.

    Attributes:
        interval: after so many nanoseconds of silence; None for what the server is set to, 0 for never.
        needs_stream: whether it begins with the first subscription.
    """

    interval: int | None = None
    needs_stream: bool = False


USUAL_HEARTBEAT = HeartbeatRule()
