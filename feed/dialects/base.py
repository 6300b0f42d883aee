"""Interface between a market and its wire formats.

A market decides the content: rows and events. A dialect decides the encoding: it writes rows, once for all connections
of a form, and holds a conversation with each connection. To add a dialect, write its module and list it in
`registry.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple, Protocol, runtime_checkable

from feed.clock import Now
from feed.data.rows import Rows
from feed.protocol.codes import CloseCode
from feed.protocol.effects import Stream
from feed.protocol.events import Event, Heartbeat
from feed.protocol.requests import Rejected, Request
from feed.protocol.shape import MessageShape
from feed.protocol.view import HeartbeatRule, MarketView

__all__ = ["Conversation", "Dialect", "Form", "Kind", "Options", "ShapedDialect", "shape_of"]

Options = tuple[tuple[str, str], ...]
"""Options of a dialect that a client chose, by key; default values are left out."""

Kind = Literal["update", "snapshot", "state"]
"""Kind of rows: messages of the live stream, earlier messages of it sent again, or the state at one `seq`."""


class Conversation(Protocol):
    """State of one connection's requests and answers: numbers, names and groups that belong to this client alone."""

    def read(self, payload: bytes, now: Now) -> Sequence[Request | Rejected]:
        """Return the requests of a message. Never raises, whatever the payload."""

    def say(self, event: Event, now: Now) -> Sequence[bytes]:
        """Return the payloads of an event; none if the dialect has no message for it."""


class Dialect(Protocol):
    """Wire format of a market."""

    @property
    def name(self) -> str:
        """Name of the dialect in a URL."""

    @property
    def paths(self) -> tuple[str, ...]:
        """URL paths of sockets that use this dialect by default."""

    @property
    def options(self) -> Mapping[str, tuple[str, ...]]:
        """Keys of the URL that choose a form, each with its values, the default first."""

    @property
    def heartbeat(self) -> HeartbeatRule:
        """Rule for the times at which a heartbeat is due."""

    @property
    def wants_net_change(self) -> bool:
        """Flag: a slow subscriber of differences gets one net difference instead of the whole state."""

    def channel(self, name: str) -> str | None:
        """Return the dialect's name of a native channel, or None if it has no such channel."""

    def symbol(self, name: str) -> str:
        """Return the dialect's name of a native symbol."""

    def close_number(self, code: CloseCode) -> int:
        """Return the number of the close frame for a close code."""

    def beat(self, event: Heartbeat) -> bytes:
        """Return the payload of a heartbeat that is the same for all connections; empty if a conversation writes it."""

    def write(
        self,
        stream: Stream,
        rows: Rows,
        first_seq: int,
        kind: Kind,
        options: Options,
        skipped: int = 0,
        epoch: int = 1,
    ) -> list[bytes]:
        """Return one payload per row; empty for a row without a message in this dialect or sent together with another.

        Args:
            stream: the stream of the rows.
            rows: at least one row.
            first_seq: the `seq` of the first row; each following row has the next one, but all of a state the same.
            kind: the kind of the rows.
            options: the options that the client chose.
            skipped: the number of messages left out before the first row.
            epoch: the number of the run of `seq`, counted from 1, for numbers that must never decrease.
        """

    def converse(self, view: MarketView) -> Conversation:
        """Return a new conversation with one connection about a market."""


class Form(NamedTuple):
    """Dialect, options and compression: connections of one form get equal bytes. `deflate` compresses data frames."""

    dialect: Dialect
    options: Options = ()
    deflate: bool = False


@runtime_checkable
class ShapedDialect(Protocol):
    """Dialect that tells faults the form of its messages; without that, the names of most JSON messages are tried."""

    @property
    def shape(self) -> MessageShape:
        """The form of its messages."""


USUAL_SHAPE = MessageShape()


def shape_of(dialect: object) -> MessageShape:
    """Return the form of a dialect's messages, for faults that change them."""
    return dialect.shape if isinstance(dialect, ShapedDialect) else USUAL_SHAPE
