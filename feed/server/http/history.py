"""`GET /markets…`: which markets there are, and what they did before now."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from feed.dialects.registry import NATIVE
from feed.errors import UsageError
from feed.hints import nearest
from feed.market.channels.derived import INTERVALS
from feed.market.market import Market
from feed.protocol.effects import Stream
from feed.server.http.routes import Page, problem
from feed.units import MILLISECOND, parse_time

__all__ = ["HistoryPages"]

DEFAULT_LIMIT = 500
MAX_LIMIT = 10_000

Query = Mapping[str, str]


class _RefusedError(Exception):
    """The request can't be answered; `page` says why."""

    def __init__(self, message: str, field: str, hint: str, status: int = 400) -> None:
        super().__init__(message)
        self.page = problem(status, "INVALID_REQUEST", message, field=field, hint=hint)


class HistoryPages:
    """The past of the markets of a server.

    Args:
        markets: gives the markets by name.
    """

    def __init__(self, markets: Callable[[], Mapping[str, Market]]) -> None:
        self._markets = markets

    def listing(self) -> Page:
        """Every market."""
        return Page.json({"markets": [_described(market) for market in self._markets().values()]})

    def market(self, name: str) -> Page:
        """One market."""
        try:
            return Page.json(_described(self._named(name)))
        except _RefusedError as refused:
            return refused.page

    async def candles(self, name: str, query: Query) -> Page:
        """Candles, the last of which may be open: the objects of the channel `candles`."""
        try:
            market = self._named(name)
            _check_keys(query, ("symbol", "interval", "from", "to", "limit"))
            symbol = _symbol(market, query)
            interval = _choice(query.get("interval", "1m"), tuple(INTERVALS), "interval")
            start, until, limit = _range(market, query)
        except _RefusedError as refused:
            return refused.page
        past, seq = market.past, market.seq(Stream("candles", market.symbols[symbol], interval))
        rows = await asyncio.to_thread(lambda: NATIVE.objects(past.candles(symbol, interval, start, until, limit)))
        return _rows(market, symbol, "candles", rows, until, seq, {"interval": interval})

    async def trades(self, name: str, query: Query) -> Page:
        """Trades: the objects of the channel `trading`."""
        try:
            market = self._named(name)
            _check_keys(query, ("symbol", "from", "to", "limit"))
            symbol = _symbol(market, query)
            start, until, limit = _range(market, query)
        except _RefusedError as refused:
            return refused.page
        past, seq = market.past, market.seq(Stream("trading", market.symbols[symbol]))
        rows = await asyncio.to_thread(lambda: NATIVE.objects(past.trades(symbol, start, until, limit)))
        return _rows(market, symbol, "trades", rows, until, seq, {})

    def _named(self, name: str) -> Market:
        markets = self._markets()
        if name not in markets:
            near = nearest(name, markets)
            raise _RefusedError("There is no such market", "market", near or f"one of {', '.join(markets)}", 404)
        return markets[name]


def _rows(
    market: Market, symbol: int, name: str, rows: list[bytes], until: int, seq: int, extra: dict[str, str]
) -> Page:
    """Where `to` was now, the live stream goes on behind `seq` of this epoch."""
    document: dict[str, Any] = {"market": market.identity.name, "symbol": market.symbols[symbol], **extra}
    document |= {"epoch": market.epoch, "seq": seq, "to": (until + market.shift) // MILLISECOND}
    document[name] = [orjson.Fragment(row) for row in rows]
    return Page.json(document)


def _described(market: Market) -> dict[str, Any]:
    return {"name": market.identity.name, **market.summary, "connections": market.attendance}


def _check_keys(query: Query, known: tuple[str, ...]) -> None:
    for key in query:
        if key not in known:
            near = nearest(key, known)
            hint = f'did you mean "{near}"?' if near else f"one of {', '.join(known)}"
            raise _RefusedError("The URL has an unknown key", key[:64], hint)


def _symbol(market: Market, query: Query) -> int:
    return market.symbols.index(_choice(query.get("symbol", market.symbols[0]), market.symbols, "symbol"))


def _choice(value: str, known: tuple[str, ...], field: str) -> str:
    if value not in known:
        near = nearest(value, known)
        raise _RefusedError(f"The {field} is unknown", field, near or f"one of {', '.join(known[:20])}")
    return value


def _range(market: Market, query: Query) -> tuple[int | None, int, int]:
    """Market times of the beginning, or None, and of the end, which is never after now; and the limit."""
    start, until = (_time(query[key], key, market) if key in query else None for key in ("from", "to"))
    until = market.published if until is None else min(until, market.published)
    limit = query.get("limit", str(DEFAULT_LIMIT))
    if not limit.isascii() or not limit.isdigit() or len(limit) > 6 or not 1 <= int(limit) <= MAX_LIMIT:
        raise _RefusedError("The limit is not a number of rows", "limit", f"1 to {MAX_LIMIT}")
    return start, until, int(limit)


def _time(text: str, field: str, market: Market) -> int:
    """A time as clients see it, ISO 8601 or milliseconds, as market time in ns."""
    try:
        digits = text.removeprefix("-")
        seen = (
            int(text) * MILLISECOND if digits.isascii() and digits.isdigit() and len(digits) < 16 else parse_time(text)
        )
    except UsageError:
        hint = "milliseconds since 1970, or a time like 2025-01-06T14:30:00Z"
        raise _RefusedError("That is not a time", field, hint) from None
    return max(0, min(seen - market.shift, 2**62))
