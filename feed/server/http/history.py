"""`GET /markets…`: which markets there are, and what they did before now."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import orjson

from feed.data.rows import Rows
from feed.dialects.registry import NATIVE
from feed.errors import UsageError
from feed.hints import nearest
from feed.log import get_logger
from feed.market.channels.derived import INTERVALS
from feed.market.chores import Chore
from feed.market.commands import CommandError
from feed.market.hosted import HostedMarket
from feed.market.market import Market
from feed.market.markets import Markets
from feed.protocol.effects import Stream
from feed.server.http.routes import Page, problem, refusal
from feed.units import MILLISECOND, SECOND, parse_time

__all__ = ["HistoryPages", "described"]

DEFAULT_LIMIT = 500
MAX_LIMIT = 10_000

MAX_ASKERS = 64
"""The maximum number of requests that wait for an answer being computed."""

log = get_logger("feed")

Query = Mapping[str, str]


class _BusyError(Exception):
    """Answer that is not ready in time."""


class _RefusedError(Exception):
    """Request that can't be answered; `page` holds the reason."""

    def __init__(self, page: Page) -> None:
        super().__init__()
        self.page = page


class HistoryPages:
    """The past of the markets of a server.

    Args:
        markets: gives the markets by name.
        timeout: the time for an answer, ns. A slower answer is still completed, for a later request.
    """

    def __init__(self, markets: Markets, timeout: int) -> None:
        self._markets = markets
        self._timeout = timeout

    def listing(self) -> Page:
        """Return the list of markets."""
        return Page.json({"markets": [described(hosted, self._markets) for hosted in self._markets]})

    def market(self, name: str) -> Page:
        """Return the description of one market."""
        try:
            hosted = self._markets.find(name, asks=False)
        except CommandError as error:
            return refusal(error)
        page = Page.json(described(hosted, self._markets))
        self._markets.find(name)
        return page

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
        seq = market.seq(Stream("candles", market.symbols[symbol], interval))
        chore = market.catalog.past.candles(symbol, interval, start, until, limit)
        try:
            rows = await self._made(market, _spelled(chore), f"candles of {market.symbols[symbol]}, {interval}")
        except _BusyError:
            return _busy()
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
        seq = market.seq(Stream("trading", market.symbols[symbol]))
        chore = market.catalog.past.trades(symbol, start, until, limit)
        try:
            rows = await self._made(market, _spelled(chore), f"trades of {market.symbols[symbol]}")
        except _BusyError:
            return _busy()
        return _rows(market, symbol, "trades", rows, until, seq, {})

    async def _made(self, market: Market, chore: Chore[list[bytes]], what: str) -> list[bytes]:
        if market.chores.askers >= MAX_ASKERS:
            log.warning("! too many wait for history", what=what, waiting=market.chores.askers)
            raise _BusyError
        making = asyncio.wrap_future(market.chores.start(object(), chore))
        try:
            # It is not the answer that ends it: what has been made by then is kept.
            return await asyncio.wait_for(asyncio.shield(making), self._timeout / SECOND)
        except TimeoutError:
            log.warning(
                "! history is not ready in time", what=what, timeout=f"{self._timeout / SECOND:g}s",
                hint="it is being made: ask again, or start feed with a longer --history-timeout",
            )  # fmt: skip
            raise _BusyError from None

    def _named(self, name: str) -> Market:
        try:
            market = self._markets.find(name).market
        except CommandError as error:
            raise _RefusedError(refusal(error)) from None
        market.catch_up()
        return market


def _spelled(chore: Chore[list[Rows]]) -> Chore[list[bytes]]:
    """Encode rows as objects, one piece at a time."""
    objects: list[bytes] = []
    for rows in (yield from chore):
        objects += NATIVE.objects(rows)
        yield
    return objects


def _busy() -> Page:
    hint = "it is being made: ask again in a second"
    return problem(503, "UNAVAILABLE", "The history is not ready yet", hint=hint)


def _rows(
    market: Market, symbol: int, name: str, rows: list[bytes], until: int, seq: int, extra: dict[str, str]
) -> Page:
    """Return a page of rows; if `to` was now, the live stream continues after `seq` of this epoch."""
    document: dict[str, Any] = {"market": market.identity.name, "symbol": market.symbols[symbol], **extra}
    document |= {"epoch": market.epoch, "seq": seq, "to": (until + market.shift) // MILLISECOND}
    document[name] = [orjson.Fragment(row) for row in rows]
    return Page.json(document)


def described(hosted: HostedMarket, markets: Markets) -> dict[str, Any]:
    """Return a market's description for people and programs: its summary, connections and newest commands."""
    return {
        "name": hosted.name,
        **hosted.market.summary,
        "connections": hosted.market.attendance,
        "idle_seconds": markets.idle_seconds(hosted),
        "log": hosted.control.newest,
    }


def _bad(message: str, field: str, hint: str) -> _RefusedError:
    return _RefusedError(problem(400, "INVALID_REQUEST", message, field=field, hint=hint))


def _check_keys(query: Query, known: tuple[str, ...]) -> None:
    for key in query:
        if key not in known:
            near = nearest(key, known)
            hint = f'did you mean "{near}"?' if near else f"one of {', '.join(known)}"
            raise _bad("The URL has an unknown key", key[:64], hint)


def _symbol(market: Market, query: Query) -> int:
    return market.symbols.index(_choice(query.get("symbol", market.symbols[0]), market.symbols, "symbol"))


def _choice(value: str, known: tuple[str, ...], field: str) -> str:
    if value not in known:
        near = nearest(value, known)
        raise _bad(f"The {field} is unknown", field, near or f"one of {', '.join(known[:20])}")
    return value


def _range(market: Market, query: Query) -> tuple[int | None, int, int]:
    """Market times of the beginning, or None, and of the end, which is never after now; and the limit."""
    start, until = (_time(query[key], key, market) if key in query else None for key in ("from", "to"))
    until = market.published if until is None else min(until, market.published)
    limit = query.get("limit", str(DEFAULT_LIMIT))
    if not limit.isascii() or not limit.isdigit() or len(limit) > 6 or not 1 <= int(limit) <= MAX_LIMIT:
        raise _bad("The limit is not a number of rows", "limit", f"1 to {MAX_LIMIT}")
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
        raise _bad("That is not a time", field, hint) from None
    return max(0, min(seen - market.shift, 2**62))
