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
from feed.server.lines import say_heard, say_sent

__all__ = ["Talk"]


class Talk:
    """What a peer reads and says, whatever the dialect; the log can show all of it.

    Args:
        name: what the connection is called in the log.
        form: how its client wants it.
        market: what is talked about.
        alarms: shares heartbeats that are the same for all.
        clock: tells a dialect what time it is.
    """

    __slots__ = ("_alarms", "_clock", "_conversation", "_dialect", "_name")

    def __init__(self, name: str, form: Form, market: MarketView, alarms: Alarms, clock: Clock) -> None:
        self._name = name
        self._dialect = form.dialect
        self._conversation = form.dialect.converse(market)
        self._alarms = alarms
        self._clock = clock

    def read(self, payload: bytes, now: Now) -> Sequence[Request | Rejected]:
        """What a message asks for."""
        requests = self._conversation.read(payload, now)
        say_heard(self._name, payload)
        return requests

    def frames_of(self, event: Event) -> bytes:
        """The frames that tell an event, joined; empty where the dialect has no word for it."""
        if isinstance(event, Heartbeat) and (shared := self._alarms.heartbeat(event, self._dialect)):
            return shared
        payloads = self._conversation.say(event, self._clock.read())
        for payload in payloads:
            say_sent(self._name, payload)
        return b"".join(map(text_frame, payloads))

    def close_number(self, code: CloseCode) -> int:
        """The number that the connection is closed with."""
        return self._dialect.close_number(code)
