"""The dialect: paths of sockets, and the choice of what writes a row."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import ClassVar

from feed.data.rows import BookRows, CandleRows, QuoteRows, Rows, TickerRows, TradeRows
from feed.dialects.base import ConnectionLimit, Kind, Options, SocketPath
from feed.dialects.binance import data
from feed.dialects.binance.rest import REST
from feed.dialects.binance.session import COMBINED, MICROS, BinanceSession
from feed.dialects.binance.streams import StreamName, name_of, spellings
from feed.dialects.exchange.dialect import ExchangeDialect
from feed.dialects.rest import RestSide
from feed.protocol import codes
from feed.protocol.codes import CloseCode
from feed.protocol.effects import Stream
from feed.protocol.seat import Seat
from feed.units import MINUTE

__all__ = ["BinanceDialect"]

_PATH = re.compile(r"/(ws|stream)(?:/([^?]*))?")


class BinanceDialect(ExchangeDialect):
    """Wire format of Binance spot."""

    name: ClassVar[str] = "binance"
    title: ClassVar[str] = "Binance spot"
    usual_path: ClassVar[str] = "/ws"
    hosts: ClassVar[tuple[str, ...]] = (
        "stream.binance.com", "data-stream.binance.vision", "api.binance.com", "api1.binance.com", "api2.binance.com",
        "api3.binance.com", "api4.binance.com", "data-api.binance.vision",
    )  # fmt: skip
    connection_limit: ClassVar[ConnectionLimit | None] = ConnectionLimit(300, 5 * MINUTE)
    rest: ClassVar[RestSide | None] = REST

    def socket(self, path: str, query: Sequence[tuple[str, str]]) -> SocketPath | None:
        """Return the meaning of a path: raw or combined streams, with names in the path or the query."""
        found = _PATH.fullmatch(path)
        if found is None:
            return None
        combined, keys = found[1] == "stream", dict(query)
        names = (found[2] or "").split("/")
        if combined:
            # A plus sign, as in `@+08:00`, has been read as a space.
            names = [name for name in names if name.isdigit()] + keys.get("streams", "").replace(" ", "+").split("/")
        # A client numbers its connections: a bare number is no stream.
        names = [name for name in names if name and not name.isdigit()]
        options = (COMBINED,) if combined else ()
        if keys.get("timeUnit", "").lower() == "microsecond":
            options = (*options, MICROS)
        return SocketPath(options, tuple(dict.fromkeys(names)))

    def close_number(self, code: CloseCode) -> int:
        """Return the number of a close: planned ones have 1001."""
        return 1001 if code in (codes.RESTART, codes.MARKET_GONE) else super().close_number(code)

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
        """Return one message per row; no stream begins with a snapshot."""
        name = name_of(dict(options).get("name", ""))
        if name is None or kind == "state":
            return [b""] * len(rows)
        symbol = _shown(name, stream.symbol)
        payloads = _written(rows, name, symbol, first_seq, epoch, micros=MICROS in options, whole=skipped > 0)
        if COMBINED not in options:
            return payloads
        head = b'{"stream":"' + name.name.encode() + b'","data":'
        return [head + payload + b"}" if payload else b"" for payload in payloads]

    def open(self, seat: Seat) -> tuple[BinanceSession, BinanceSession]:
        """Return the session with a new connection, which reads and writes its messages itself."""
        session = BinanceSession(seat)
        return session, session


def _shown(name: StreamName, symbol: str) -> str:
    """Return the spelling of a symbol that was asked for."""
    known = spellings(symbol)
    return next((each for each in known if each.lower() == name.symbol), known[0])


def _written(
    rows: Rows, name: StreamName, symbol: str, first_seq: int, epoch: int, *, micros: bool, whole: bool
) -> list[bytes]:
    base = epoch * data.IDS
    match rows:
        case TradeRows():
            return data.trade_rows(rows, name, symbol, base + first_seq, micros=micros)
        case QuoteRows():
            return data.quote_rows(rows, symbol, base + first_seq, whole=whole)
        case BookRows():
            return data.book_rows(rows, name, symbol, base, micros=micros)
        case CandleRows():
            return data.candle_rows(rows, name, symbol, base, micros=micros, whole=whole)
        case TickerRows():
            return data.ticker_rows(rows, name, symbol, base, micros=micros, whole=whole)
    return [b""] * len(rows)
