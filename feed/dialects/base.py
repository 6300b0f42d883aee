"""The seam between a market and the wires that it is spoken on.

A market says *what*: rows and events. A dialect says *how*: it writes rows, once for all connections of a form, and
holds a conversation with each connection. To add one, write its module and list it in `registry.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple, Protocol

from feed.clock import Now
from feed.data.rows import Rows
from feed.protocol.codes import CloseCode
from feed.protocol.effects import Stream
from feed.protocol.events import Event, Heartbeat
from feed.protocol.requests import Rejected, Request
from feed.protocol.view import HeartbeatRule, MarketView

__all__ = ["Conversation", "Dialect", "Form", "Kind", "Options"]

Options = tuple[tuple[str, str], ...]
"""What a client chose among a dialect's options, by key; usual values are left out."""

Kind = Literal["update", "snapshot", "state"]
"""What rows are: messages of the live stream, earlier ones of it sent again, or the state as it stands at one `seq`."""


class Conversation(Protocol):
    """One connection's talk: what is numbered, named or grouped for this client alone is kept here."""

    def read(self, payload: bytes, now: Now) -> Sequence[Request | Rejected]:
        """What a message asks for. Never raises, whatever came."""

    def say(self, event: Event, now: Now) -> Sequence[bytes]:
        """The payloads that tell an event; none where the dialect has no word for it."""


class Dialect(Protocol):
    """One wire format."""

    @property
    def name(self) -> str:
        """What a URL calls it."""

    @property
    def paths(self) -> tuple[str, ...]:
        """Paths of a socket that speaks it without being asked."""

    @property
    def options(self) -> Mapping[str, tuple[str, ...]]:
        """Keys of the URL that choose a form, each with its values, the usual one first."""

    @property
    def heartbeat(self) -> HeartbeatRule:
        """When a heartbeat is due."""

    @property
    def wants_net_change(self) -> bool:
        """Whether a reader of differences that does not keep up gets one difference, and not the whole state."""

    def channel(self, name: str) -> str | None:
        """What it calls a channel of ours, or None where it has none."""

    def symbol(self, name: str) -> str:
        """What it calls a symbol of ours."""

    def close_number(self, code: CloseCode) -> int:
        """The number that a connection is closed with."""

    def beat(self, event: Heartbeat) -> bytes:
        """The payload of a heartbeat where it is the same for all connections; empty where a conversation says it."""

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
        """Payloads, as many as there are rows; empty for a row that it has no word for, or said with another.

        Args:
            stream: what they are messages of.
            rows: at least one.
            first_seq: the `seq` of the first row; each following row has the next one, but all of a state the same.
            kind: what they are.
            options: the chosen ones.
            skipped: how many messages were left out before the first row.
            epoch: which run of `seq` it is, counted from 1, for numbers that must never fall.
        """

    def converse(self, view: MarketView) -> Conversation:
        """Begin to talk with one connection about a market."""


class Form(NamedTuple):
    """One form of the wire: connections of the same form get the same bytes. `deflate` compresses data frames."""

    dialect: Dialect
    options: Options = ()
    deflate: bool = False
