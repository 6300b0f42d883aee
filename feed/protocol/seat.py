"""Interface between a connection and the session that a dialect opens for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from feed.clock import Now
from feed.protocol.effects import Effect, Stream, View
from feed.protocol.events import Event
from feed.protocol.requests import Rejected, Request, Subscribe
from feed.protocol.view import MarketView, SessionLimits

__all__ = ["Conversation", "Seat", "SessionPort"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """Data that a session begins with.

    Attributes:
        connection: the connection's name.
        view: the market of the connection.
        limits: limits on the client's requests and silence.
        now: the time of the connection.
        token: the token that the client must send, or None.
        strict: whether the client asked to be closed when it does not answer `ping` events.
        may_control: whether the client may control the market.
        control_token: the token with which it may, or None.
        wanted: subscriptions made at the beginning.
        options: the options of the form that the client chose.
        opening: names of streams in the path of the socket.
        is_lenient: whether the limits of an exchange are lifted.
        ages_with_market: whether the life of a connection to an exchange is counted in market time.
    """

    connection: str
    view: MarketView
    limits: SessionLimits
    now: Now
    token: str | None = None
    strict: bool = False
    may_control: bool = False
    control_token: str | None = None
    wanted: tuple[Subscribe, ...] = ()
    options: View = ()
    opening: tuple[str, ...] = ()
    is_lenient: bool = False
    ages_with_market: bool = False


class SessionPort(Protocol):
    """Session of one connection, without sockets and clocks. Its methods return the effects to carry out, in order."""

    @property
    def deadline(self) -> int | None:
        """Monotonic time at which `expire` must be called, or None."""

    @property
    def streams(self) -> tuple[Stream, ...]:
        """The streams that count as signs of life for a heartbeat."""

    def open(self, now: Now) -> list[Effect]:
        """Start the timers of a new connection and greet the client."""

    def begin(self, now: Now) -> list[Effect]:
        """Make the initial subscriptions, once, after the greeting."""

    def heard(self, now: Now) -> None:
        """Note that bytes came from the peer."""

    def control_frame(self, now: Now) -> list[Effect]:
        """Handle a ping frame, which has been answered."""

    def pong_frame(self, payload: bytes, now: Now) -> list[Effect]:
        """Handle a pong frame."""

    def receive(self, requests: Sequence[Request | Rejected], now: Now) -> list[Effect]:
        """Handle a message with the requests in it."""

    def expire(self, now: Now, last_sent: int) -> list[Effect]:
        """Handle the timers that are due; `last_sent` is the monotonic time anything was last sent."""

    def renew(self) -> list[Effect]:
        """Handle a new epoch of the market."""

    def end(self, stream: Stream) -> list[Effect]:
        """End a subscription that the client has not ended, because a fault wants it."""

    def status_changed(self, status: str, now: Now) -> list[Effect]:
        """Handle a new status of one of the market's symbols."""


class Conversation(Protocol):
    """State of one connection's requests and answers: numbers, names and groups that belong to this client alone."""

    def read(self, payload: bytes, now: Now) -> Sequence[Request | Rejected]:
        """Return the requests of a message. Never raises, whatever the payload."""

    def say(self, event: Event, now: Now) -> Sequence[bytes]:
        """Return the payloads of an event; none if the dialect has no message for it."""

    def stamp(self, payload: bytes) -> bytes:
        """Return a payload with the numbers of this connection, at the moment when it is sent."""
