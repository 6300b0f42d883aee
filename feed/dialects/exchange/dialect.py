"""Base of the dialects of exchanges: what they have in common, and what reads rows before they are written."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import ClassVar, NamedTuple

from feed.data.rows import RawRows, Rows
from feed.dialects.base import ConnectionLimit, Kind, Options, SocketPath
from feed.dialects.exchange.ids import IDS
from feed.dialects.exchange.session import ExchangeSession, standard_number
from feed.dialects.native.objects import rows_of
from feed.dialects.rest import RestSide
from feed.protocol.codes import CloseCode
from feed.protocol.effects import Stream
from feed.protocol.events import Heartbeat
from feed.protocol.seat import Seat
from feed.protocol.shape import MessageShape

__all__ = ["ExchangeDialect", "Telling"]


class Telling(NamedTuple):
    """Circumstances in which rows are written; see `Dialect.write`.

    Attributes:
        base: the ids of the epoch count from here.
    """

    stream: Stream
    first_seq: int
    kind: Kind
    options: Options
    skipped: int
    base: int

    @property
    def first_id(self) -> int:
        """The id of the first row."""
        return self.base + self.first_seq


class ExchangeDialect(ABC):
    """Base of the dialects of exchanges."""

    hosts: ClassVar[tuple[str, ...]] = ()
    roots: ClassVar[tuple[str, ...]] = ()
    usual_path: ClassVar[str] = ""
    options: ClassVar[Mapping[str, tuple[str, ...]]] = MappingProxyType({})
    wants_net_change: ClassVar[bool] = True
    has_stamps: ClassVar[bool] = False
    is_foreign: ClassVar[bool] = True
    compresses: ClassVar[bool] = True
    connection_limit: ClassVar[ConnectionLimit | None] = None
    rest: ClassVar[RestSide | None] = None
    session: ClassVar[type[ExchangeSession]]
    shape: ClassVar[MessageShape] = MessageShape()

    @abstractmethod
    def tell(self, rows: Rows, telling: Telling) -> list[bytes]:
        """Return one payload per row; empty for a row without a message."""

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
        """Return one payload per row; empty for a row without a message, or sent together with another."""
        known = rows_of(rows) if isinstance(rows, RawRows) else rows
        return self.tell(known, Telling(stream, first_seq, kind, options, skipped, epoch * IDS))

    def open(self, seat: Seat) -> tuple[ExchangeSession, ExchangeSession]:
        """Return the session with a new connection, which reads and writes its messages itself."""
        session = self.session(seat)
        return session, session

    def socket(self, path: str, query: Sequence[tuple[str, str]]) -> SocketPath | None:
        """Return the meaning of a path: most exchanges have one socket."""
        del query
        return SocketPath() if path.rstrip("/") == self.usual_path.rstrip("/") else None

    def close_number(self, code: CloseCode) -> int:
        """Return the number that an exchange closes with."""
        return standard_number(code)

    def beat(self, event: Heartbeat) -> bytes:
        """Return nothing: heartbeats of exchanges are written by their sessions."""
        del event
        return b""
