"""Translation by one connection's dialect: a client's payloads to requests, events to frames."""

from __future__ import annotations

from collections.abc import Sequence

from feed.clock import Clock, Now
from feed.delivery.framing import text_frame
from feed.dialects.base import Form
from feed.protocol.codes import CloseCode
from feed.protocol.events import Event, Heartbeat
from feed.protocol.requests import Rejected, Request
from feed.protocol.seat import Conversation
from feed.server.alarms import Alarms
from feed.server.lines import say_heard, say_sent

__all__ = ["Talk"]


class Talk:
    """Translator of a peer's messages in any dialect; the log can show all of them.

    Args:
        name: the connection's name in the log.
        form: the wire form that the client chose.
        conversation: what reads and writes the messages of this connection.
        alarms: the source of shared heartbeats.
        clock: the clock for the dialect.
    """

    __slots__ = ("_alarms", "_clock", "_conversation", "_dialect", "_name")

    def __init__(self, name: str, form: Form, conversation: Conversation, alarms: Alarms, clock: Clock) -> None:
        self._name = name
        self._dialect = form.dialect
        self._conversation = conversation
        self._alarms = alarms
        self._clock = clock

    def read(self, payload: bytes, now: Now) -> Sequence[Request | Rejected]:
        """Return the requests in a message."""
        requests = self._conversation.read(payload, now)
        say_heard(self._name, payload)
        return requests

    def frames_of(self, event: Event) -> bytes:
        """Return the frames of an event, joined; empty if the dialect has no message for it."""
        if isinstance(event, Heartbeat) and (shared := self._alarms.heartbeat(event, self._dialect)):
            return shared
        payloads = self._conversation.say(event, self._clock.read())
        for payload in payloads:
            say_sent(self._name, payload)
        return b"".join(map(text_frame, payloads))

    @property
    def is_foreign(self) -> bool:
        """True if this is the format of an exchange."""
        return self._dialect.is_foreign

    def close_number(self, code: CloseCode) -> int:
        """Return the number that the connection is closed with."""
        return self._dialect.close_number(code)
