"""One connection's dialect at work: payloads of a client to requests, events to frames."""

from __future__ import annotations

from collections.abc import Sequence

from feed.clock import Clock, Now
from feed.delivery.framing import text_frame
from feed.dialects.base import Form
from feed.protocol.codes import CloseCode
from feed.protocol.events import Event, Heartbeat
from feed.protocol.requests import Rejected, Request
from feed.protocol.view import MarketView
from feed.server.alarms import Alarms

__all__ = ["Talk"]


class Talk:
    """What a peer reads and says, whatever the dialect.

    Args:
        form: how its client wants it.
        market: what is talked about.
        alarms: shares heartbeats that are the same for all.
        clock: tells a dialect what time it is.
    """

    __slots__ = ("_alarms", "_clock", "_conversation", "_dialect")

    def __init__(self, form: Form, market: MarketView, alarms: Alarms, clock: Clock) -> None:
        self._dialect = form.dialect
        self._conversation = form.dialect.converse(market)
        self._alarms = alarms
        self._clock = clock

    def read(self, payload: bytes, now: Now) -> Sequence[Request | Rejected]:
        """What a message asks for."""
        return self._conversation.read(payload, now)

    def frames_of(self, event: Event) -> bytes:
        """The frames that tell an event, joined; empty where the dialect has no word for it."""
        if isinstance(event, Heartbeat) and (shared := self._alarms.heartbeat(event, self._dialect)):
            return shared
        return b"".join([text_frame(payload) for payload in self._conversation.say(event, self._clock.read())])

    def close_number(self, code: CloseCode) -> int:
        """The number that the connection is closed with."""
        return self._dialect.close_number(code)
