"""The native dialect: JSON text, one event per frame, fixed key order, decimals written out exactly."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from types import MappingProxyType
from typing import ClassVar

from feed.clock import Now
from feed.data.rows import (
    BookRows,
    CandleRows,
    GatheredTrades,
    QuoteRows,
    RawRows,
    Rows,
    StatusRows,
    TickerRows,
    TradeRows,
)
from feed.dialects.base import ConnectionLimit, Kind, Options, SocketPath
from feed.dialects.native.bars import candle_objects, ticker_objects
from feed.dialects.native.book import book_objects
from feed.dialects.native.data import frames_of, status_objects, trade_frames, trade_objects
from feed.dialects.native.events import described, encode
from feed.dialects.native.reading import decode
from feed.dialects.rest import RestSide
from feed.protocol.codes import CloseCode
from feed.protocol.effects import Stream
from feed.protocol.events import Event, Heartbeat, Status
from feed.protocol.requests import Rejected, Request
from feed.protocol.seat import Seat
from feed.protocol.session import Session
from feed.protocol.view import MarketView

__all__ = ["NativeConversation", "NativeDialect"]

QUOTED = ("numbers", "string")
"""Option for clients that parse floats badly: decimals as JSON strings."""

_DECIMAL = re.compile(rb"(?<=[:,\[])-?[0-9]+\.[0-9]+(?=[,}\]])")


class NativeDialect:
    """Wire format of this project."""

    name: ClassVar[str] = "native"
    title: ClassVar[str] = "the wire format of this project"
    paths: ClassVar[tuple[str, ...]] = ("/", "/ws")
    hosts: ClassVar[tuple[str, ...]] = ()
    roots: ClassVar[tuple[str, ...]] = ()
    usual_path: ClassVar[str] = "/"
    options: ClassVar[Mapping[str, tuple[str, ...]]] = MappingProxyType({"numbers": ("plain", "string")})
    wants_net_change: ClassVar[bool] = False
    has_stamps: ClassVar[bool] = False
    is_foreign: ClassVar[bool] = False
    compresses: ClassVar[bool] = True
    connection_limit: ClassVar[ConnectionLimit | None] = None
    rest: ClassVar[RestSide | None] = None

    def socket(self, path: str, query: Sequence[tuple[str, str]]) -> SocketPath | None:
        """Return the meaning of a path; the keys of its query are the server's."""
        del query
        return SocketPath() if path in self.paths else None

    def close_number(self, code: CloseCode) -> int:
        """Return the number in the table of close codes."""
        return code.number

    def beat(self, event: Heartbeat) -> bytes:
        """Return the payload of a heartbeat, the same for all connections with the same subscriptions."""
        return encode(event)

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
        """Return one payload per row: its object inside a head."""
        del epoch  # A client gets it in the answer to its subscription.
        if skipped and len(rows) == 1:
            objects = _newest_objects(rows, options)
        elif isinstance(rows, TradeRows) and not skipped:
            return trade_frames(stream.channel, rows, first_seq, kind, quoted=QUOTED in options)
        else:
            objects = self.objects(rows, options)
        return frames_of(stream.channel, stream.symbol, objects, first_seq, kind, skipped)

    def objects(self, rows: Rows, options: Options = ()) -> list[bytes]:
        """Return the object of each row alone, as frames carry it under `data`."""
        return _objects(rows, options)

    def open(self, seat: Seat) -> tuple[Session, NativeConversation]:
        """Return the session with a new connection, and its conversation."""
        session = Session(
            seat.connection,
            seat.view,
            seat.limits,
            now=seat.now,
            token=seat.token,
            strict=seat.strict,
            may_control=seat.may_control,
            control_token=seat.control_token,
            wanted=seat.wanted,
        )
        return session, NativeConversation(seat.view)


def _objects(rows: Rows, options: Options) -> list[bytes]:
    quoted = QUOTED in options
    match rows:
        case TradeRows():
            return trade_objects(rows, quoted=quoted)
        case StatusRows():
            return status_objects(rows)
        case BookRows():
            return book_objects(rows, quoted=quoted)
        case CandleRows():
            return candle_objects(rows, quoted=quoted)
        case TickerRows():
            return ticker_objects(rows, quoted=quoted)
        case RawRows():
            return [_DECIMAL.sub(rb'"\g<0>"', each) for each in rows.objects] if quoted else list(rows.objects)
        case QuoteRows() | GatheredTrades():
            # Channels of exchanges, which no native client can subscribe to.
            return [b""] * len(rows)


# A subscriber that skips gets the newest message under its own head: the object is written once for all of them.
_newest_objects = lru_cache(maxsize=256)(_objects)


class NativeConversation:
    """Conversation with one connection: one frame per event, without state."""

    __slots__ = ("_view",)

    def __init__(self, view: MarketView) -> None:
        self._view = view

    def read(self, payload: bytes, now: Now) -> Sequence[Request | Rejected]:
        """Return the one request of a frame."""
        del now
        return (decode(payload),)

    def say(self, event: Event, now: Now) -> Sequence[bytes]:
        """Return the one frame of an event, if it has one."""
        del now
        if isinstance(event, Status):
            event = replace(event, symbols=tuple(map(described, self._view.instruments)))
        payload = encode(event)
        return (payload,) if payload else ()

    def stamp(self, payload: bytes) -> bytes:
        """Return the payload unchanged: native messages are the same for all."""
        return payload
