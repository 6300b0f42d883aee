"""The dialect: paths of sockets, and the choice of what writes a row."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import ClassVar

from feed.data.rows import BookRows, CandleRows, QuoteRows, Rows, TickerRows, TradeRows
from feed.dialects.base import ConnectionLimit, SocketPath
from feed.dialects.binance import data
from feed.dialects.binance.rest import REST
from feed.dialects.binance.session import COMBINED, MICROS, BinanceSession
from feed.dialects.binance.shape import BinanceShape
from feed.dialects.binance.streams import StreamName, name_of, spellings
from feed.dialects.exchange.dialect import ExchangeDialect, Telling
from feed.dialects.exchange.session import ExchangeSession
from feed.dialects.rest import RestSide
from feed.protocol import codes
from feed.protocol.codes import CloseCode
from feed.protocol.shape import MessageShape
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
    session: ClassVar[type[ExchangeSession]] = BinanceSession
    shape: ClassVar[MessageShape] = BinanceShape()

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

    def tell(self, rows: Rows, telling: Telling) -> list[bytes]:
        """Return one message per row; no stream begins with a snapshot."""
        options = telling.options
        name = name_of(dict(options).get("name", ""))
        if name is None or telling.kind == "state":
            return [b""] * len(rows)
        symbol = _shown(name, telling.stream.symbol)
        payloads = _written(rows, name, symbol, telling)
        if COMBINED not in options:
            return payloads
        head = b'{"stream":"' + name.name.encode() + b'","data":'
        return [head + payload + b"}" if payload else b"" for payload in payloads]


def _shown(name: StreamName, symbol: str) -> str:
    """Return the spelling of a symbol that was asked for."""
    known = spellings(symbol)
    return next((each for each in known if each.lower() == name.symbol), known[0])


def _written(rows: Rows, name: StreamName, symbol: str, telling: Telling) -> list[bytes]:
    base, micros, whole = telling.base, MICROS in telling.options, telling.skipped > 0
    match rows:
        case TradeRows():
            return data.trade_rows(rows, name, symbol, telling.first_id, micros=micros)
        case QuoteRows():
            return data.quote_rows(rows, symbol, telling.first_id, whole=whole)
        case BookRows():
            return data.book_rows(rows, name, symbol, base, micros=micros)
        case CandleRows():
            return data.candle_rows(rows, name, symbol, base, micros=micros, whole=whole)
        case TickerRows():
            return data.ticker_rows(rows, name, symbol, base, micros=micros, whole=whole)
    return [b""] * len(rows)
