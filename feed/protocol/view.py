"""Interface of a market for sessions, and the limits of a session."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from feed.protocol.effects import Stream
from feed.protocol.events import Status

if TYPE_CHECKING:
    from feed.data.ticks import Instrument

__all__ = ["USUAL_HEARTBEAT", "HeartbeatRule", "MarketView", "SessionLimits"]


class MarketView(Protocol):
    """Market as a session sees it."""

    @property
    def channels(self) -> tuple[str, ...]:
        """The channels that the market publishes."""

    @property
    def symbols(self) -> tuple[str, ...]:
        """The symbols that the market publishes, in their fixed order."""

    @property
    def instruments(self) -> tuple[Instrument, ...]:
        """The instruments (symbols with their price and size steps), in the same order."""

    def parts(self, channel: str) -> tuple[str, ...]:
        """The intervals or depths that tell a channel's streams apart; one empty text for a single stream."""

    @property
    def epoch(self) -> str:
        """The current epoch."""

    @property
    def epoch_number(self) -> int:
        """The number of the current epoch, from 1."""

    @property
    def virtual_time(self) -> int:
        """Market time in milliseconds."""

    @property
    def shown_time(self) -> int:
        """Market time in ns, as clients see it: that up to which messages have been published."""

    def symbol_status(self, symbol: str) -> str:
        """Return the status of a symbol: `online`, `halted`, `auction` or `maintenance`."""

    def listen(self, stream: Stream) -> None:
        """Publish the messages of a stream from now on, because a subscriber is about to join it."""

    def seq(self, stream: Stream) -> int:
        """The last `seq` published on a stream, 0 before the first."""

    def has_snapshot(self, channel: str) -> bool:
        """Return whether a subscription to this channel begins with a snapshot even if the client asks for none."""

    def recoverable(self, stream: Stream, epoch: str, seq: int) -> bool:
        """Return whether every message after `seq` of that epoch can still be sent."""

    def status(self, connection: str) -> Status:
        """Return the first event for a connection."""


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """Limits and time-outs of one client. Times are nanoseconds; 0 switches a time-out off."""

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
    """Rule for the heartbeats of a dialect.

    Attributes:
        interval: nanoseconds of silence before a heartbeat; None for the server's setting, 0 for never.
        needs_stream: whether heartbeats begin only with the first subscription.
    """

    interval: int | None = None
    needs_stream: bool = False


USUAL_HEARTBEAT = HeartbeatRule()
