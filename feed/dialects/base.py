"""Interface between a market and its wire formats.

A market decides the content: rows and events. A dialect decides the encoding: it writes rows, once for all connections
of a form, and opens a session with each connection. To add a dialect, write its package and list it in `registry.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol, runtime_checkable

from feed.data.rows import Rows
from feed.dialects.rest import RestSide
from feed.protocol.codes import CloseCode
from feed.protocol.effects import Stream
from feed.protocol.events import Heartbeat
from feed.protocol.seat import Conversation, Seat, SessionPort
from feed.protocol.shape import MessageShape

__all__ = [
    "ConnectionLimit", "Conversation", "Dialect", "Form", "Kind", "Options", "ShapedDialect", "SocketPath", "shape_of",
]  # fmt: skip

Options = tuple[tuple[str, str], ...]
"""Options of a dialect that a client chose, by key; default values are left out."""

Kind = Literal["update", "snapshot", "state"]
"""Kind of rows: messages of the live stream, earlier messages of it sent again, or the state at one `seq`."""


@dataclass(frozen=True, slots=True)
class SocketPath:
    """Meaning of a socket's URL: the options of the form, and names of streams to begin with."""

    options: Options = ()
    opening: tuple[str, ...] = ()


class ConnectionLimit(NamedTuple):
    """Most new connections from one address in a time (ns)."""

    most: int
    window: int


class Dialect(Protocol):
    """Wire format of a market."""

    @property
    def name(self) -> str:
        """Name of the dialect, which is also the first part of its paths."""

    @property
    def title(self) -> str:
        """Name of the exchange's interface, for people."""

    @property
    def hosts(self) -> tuple[str, ...]:
        """Names of the exchange's own servers: a request to one of them needs no prefix in its path."""

    @property
    def roots(self) -> tuple[str, ...]:
        """Paths at the server's root that belong to this dialect, and everything below them."""

    @property
    def options(self) -> Mapping[str, tuple[str, ...]]:
        """Keys of the URL that choose a form, each with its values, the default first."""

    @property
    def usual_path(self) -> str:
        """Path of the socket for a client that chooses the dialect by name."""

    @property
    def wants_net_change(self) -> bool:
        """Flag: a slow subscriber of differences gets one net difference instead of the whole state."""

    @property
    def has_stamps(self) -> bool:
        """Flag: a conversation puts numbers into each message when it is sent."""

    @property
    def is_foreign(self) -> bool:
        """Flag: the format of an exchange, whose clients may get nothing that the exchange does not send."""

    @property
    def compresses(self) -> bool:
        """Flag: messages may be compressed."""

    @property
    def connection_limit(self) -> ConnectionLimit | None:
        """The exchange's limit of new connections."""

    @property
    def rest(self) -> RestSide | None:
        """Answers to plain HTTP requests."""

    def socket(self, path: str, query: Sequence[tuple[str, str]]) -> SocketPath | None:
        """Return the meaning of a socket's path below the dialect's prefix; None if there is no such socket."""

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
            options: the options that the client chose, and those of the subscription.
            skipped: the number of messages left out before the first row.
            epoch: the number of the run of `seq`, counted from 1, for numbers that must never decrease.
        """

    def open(self, seat: Seat) -> tuple[SessionPort, Conversation]:
        """Return the session with a new connection, and the conversation that reads and writes its messages."""


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
