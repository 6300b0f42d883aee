"""Names of the exchange's streams, such as `btcusd@depth@100ms`, and the market's streams behind them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from feed.data.ticks import Instrument
from feed.protocol.effects import Join, Stream

__all__ = ["INTERVALS", "StreamName", "joins_of", "name_of", "spellings"]

INTERVALS = ("1s", "1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "3d", "1w", "1M")

MOVED = ("6h", "12h", "1d", "3d", "1w", "1M")
"""Intervals whose candles begin at other times in UTC+8."""

ALIASES = {"USD": "USDT"}
"""Quote currencies that the exchange has, for programs that have them built in."""

_NAME = re.compile(
    r"(?P<symbol>[^@!\s]{1,40})@(?:(?P<plain>trade|aggTrade|bookTicker|miniTicker|ticker|avgPrice)"
    r"|ticker_(?P<window>1h|4h|1d)|kline_(?P<interval>\w{2,3})(?P<zone>@\+08:00)?"
    r"|depth(?P<levels>5|10|20)?(?:@(?P<speed>100|1000)ms)?)"
)
_ALL = re.compile(r"!(?:(?P<plain>miniTicker|ticker|bookTicker)|ticker_(?P<window>1h|4h|1d))(?P<array>@arr)?")


@dataclass(frozen=True, slots=True)
class StreamName:
    """Parts of a stream's name.

    Attributes:
        symbol: the symbol in lower case; empty for all symbols.
        kind: `trade`, `depth`, `kline` and so on.
        part: levels, interval or window.
        speed: milliseconds between messages of a book.
    """

    name: str
    symbol: str
    kind: str
    part: str = ""
    speed: int = 1000
    zone: str = ""


@lru_cache(maxsize=4096)
def name_of(text: str) -> StreamName | None:
    """Return the parts of a stream's name; None if it is badly formed."""
    if (found := _ALL.fullmatch(text)) is not None:
        if found["plain"] == "bookTicker" or found["array"]:
            return StreamName(text, "", found["plain"] or "window", found["window"] or "")
        return None
    found = _NAME.fullmatch(text)
    if found is None:
        return None
    symbol = found["symbol"]
    if found["plain"]:
        return StreamName(text, symbol, found["plain"])
    if found["window"]:
        return StreamName(text, symbol, "window", found["window"])
    if found["interval"]:
        interval = found["interval"]
        zone = "+8" if found["zone"] and interval in MOVED else ""
        return StreamName(text, symbol, "kline", interval, zone=zone) if interval in INTERVALS else None
    return StreamName(text, symbol, "depth", found["levels"] or "", int(found["speed"] or 1000))


@lru_cache(maxsize=64)
def spellings(symbol: str) -> tuple[str, ...]:
    """Return the exchange's names of an instrument: the native one, and the alias."""
    base, _, quote = symbol.partition("/")
    return tuple(base + each for each in (quote, ALIASES.get(quote)) if each)


def joins_of(name: StreamName, instruments: Sequence[Instrument]) -> list[Join]:
    """Return the market's streams behind a name; none for an unknown symbol."""
    found = []
    for each in instruments:
        known = [spelling.lower() for spelling in spellings(each.symbol)]
        if not name.symbol or name.symbol in known:
            stream, snapshot = _stream_of(name, each.symbol)
            found.append(Join(stream, snapshot=snapshot, view=(("name", name.name),)))
    return found


def _stream_of(name: StreamName, symbol: str) -> tuple[Stream, int]:
    """Return a stream, and 1 if its first state takes long and is to be computed before it is joined."""
    match name.kind:
        case "trade" | "aggTrade":
            return Stream("trading", symbol), 0
        case "bookTicker":
            return Stream("quotes", symbol), 0
        case "depth":
            # A whole side is sent as it is; changes have to join any book that REST has given.
            kind = "gathered_book" if name.part else "touched_book"
            return Stream(kind, symbol, f"{name.speed}ms"), 0
        case "kline":
            return Stream("klines", symbol, name.part + name.zone), 1
        case "avgPrice":
            return Stream("windows", symbol, "5m"), 1
        case "window":
            return Stream("windows", symbol, name.part), 1
    return Stream("windows", symbol, "1d"), 1
