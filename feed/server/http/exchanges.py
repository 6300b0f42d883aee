"""REST side of the exchanges' dialects: finds the market, reads from it, and limits the rate of requests."""

from __future__ import annotations

import asyncio
import http
from collections import deque
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qsl

from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from feed.clock import Clock
from feed.data.rows import BookRows, CandleRow, TickerRow, TickerRows
from feed.data.spans import SPANS, CandleSpan
from feed.data.ticks import Instrument, TickBlock
from feed.dialects.base import ConnectionLimit, Dialect
from feed.dialects.rest import RestError, RestQuestion, RestReply
from feed.errors import FeedError
from feed.log import get_logger
from feed.market.channels.candles import aligned
from feed.market.chores import Chore
from feed.market.market import Market
from feed.market.markets import Markets
from feed.protocol.effects import Stream
from feed.server.addressing import Address
from feed.server.http.routes import Page, problem, refusal, respond, shows_token
from feed.server.market_keys import read_market
from feed.units import SECOND

__all__ = ["ExchangePages"]

MAX_KEYS = 64

MAX_ASKERS = 64
"""The maximum number of requests that wait for an answer being computed."""

MAX_ADDRESSES = 10_000

TOKEN_HINT = "send the header Authorization: Bearer TOKEN, or ?token=TOKEN"

SHARED = {"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Methods": "GET, HEAD, OPTIONS"}

log = get_logger("feed")


class _SlowError(Exception):
    """Answer that is not ready in time."""


class ExchangePages:
    """Answers of all dialects to plain HTTP.

    Args:
        markets: the markets by name.
        clock: real time.
        timeout: the time for an answer, ns.
        is_lenient: whether the exchanges' limits are lifted.
        token: the token that clients must show, or None.
    """

    def __init__(
        self, markets: Markets, clock: Clock, timeout: int, *, is_lenient: bool = False, token: str | None = None
    ) -> None:
        self._token = token
        self._markets = markets
        self._clock = clock
        self._timeout = timeout
        self._is_lenient = is_lenient
        self._opened: dict[tuple[str, str], deque[int]] = {}

    def refusal_of(self, dialect: Dialect, request: Request, address: str) -> Page | None:
        """Count a new connection to a dialect; return why it is refused, or None if it may connect."""
        if not dialect.is_foreign:
            return None
        if self._token is not None and not shows_token(request, self._token):
            return problem(401, "UNAUTHORIZED", "Not authenticated", hint=TOKEN_HINT)
        limit = dialect.connection_limit
        if limit is None or self._is_lenient or self._counts(limit, (dialect.name, address)):
            return None
        hint = f"{dialect.name} takes {limit.most} in {limit.window // SECOND} s; --exchange-limits off lifts that"
        return problem(429, "RATE_LIMITED", "Too many new connections from one address", hint=hint)

    def _counts(self, limit: ConnectionLimit, key: tuple[str, str]) -> bool:
        now = self._clock.now()
        times = self._opened.pop(key, None)
        if times is None:
            times = deque()
            if len(self._opened) >= MAX_ADDRESSES:
                self._opened.pop(next(iter(self._opened)))
        self._opened[key] = times
        while times and times[0] <= now - limit.window:
            times.popleft()
        if len(times) >= limit.most:
            return False
        times.append(now)
        return True

    async def answer(self, request: Request, where: Address, address: str) -> Response:
        """Return the response to a request."""
        rest = where.dialect.rest
        assert rest is not None
        if request.method == "OPTIONS":
            asked = request.headers.get_all("Access-Control-Request-Headers")
            more = {"Access-Control-Allow-Headers": ", ".join(asked)} if asked else {}
            return _response(RestReply(b"", 204, more))
        if self._token is not None and not shows_token(request, self._token):
            return respond(problem(401, "UNAUTHORIZED", "Not authenticated", hint=TOKEN_HINT), SHARED)
        found = rest.find(where.path)
        if found is None or request.method not in ("GET", "HEAD"):
            return _response(rest.missing(where.path, request.method), head=request.method == "HEAD")
        try:
            pairs = dict(parse_qsl(where.query, keep_blank_values=True, max_num_fields=MAX_KEYS))
            market = self._market(where, pairs)
        except ValueError:
            return _response(rest.missing(where.path, request.method))
        except FeedError as error:
            return respond(refusal(error), SHARED)
        handler, parts = found
        question = RestQuestion(where.path, pairs, parts, address, self._is_lenient)
        try:
            reply = await handler(question, _Reader(market, self._clock, self._timeout))
        except RestError as error:
            reply = error.reply
        except _SlowError:
            reply = rest.busy()
        except Exception:
            log.exception("! internal error", path=where.path)
            reply = rest.failed()
        return _response(reply, head=request.method == "HEAD")

    def _market(self, where: Address, query: dict[str, str]) -> Market:
        asked = {key: query.pop(key) for key in ("market",) if key in query}
        if where.market is not None:
            asked["market"] = where.market
        name, spec = read_market(asked)
        hosted, _ = self._markets.join(name, spec)
        return hosted.market


class _Reader:
    """Reader of one market for one request."""

    def __init__(self, market: Market, clock: Clock, timeout: int) -> None:
        self._market = market
        self._clock = clock
        self._timeout = timeout
        self._now = max(market.published, market.state.begins - 1)

    @property
    def instruments(self) -> tuple[Instrument, ...]:
        return self._market.instruments

    @property
    def epoch(self) -> int:
        return self._market.epoch_number

    @property
    def now(self) -> int:
        return self._market.shown_time

    @property
    def wall(self) -> int:
        return self._clock.wall()

    def status(self, symbol: str) -> str:
        return self._market.symbol_status(symbol)

    def book(self, symbol: str) -> BookRows:
        rows = self._market.state_rows(Stream("touched_book", symbol, "100ms"), 1)
        assert isinstance(rows, BookRows)
        return rows

    async def trades(
        self, symbol: str, start: int | None, until: int | None, limit: int, *, forward: bool = False
    ) -> tuple[TickBlock, int]:
        past, begin, end = self._market.catalog.exchange_past, self._time(start), self._until(until)
        found = await self._made(past.trades(self._index(symbol), begin, end, limit, forward=forward))
        return found.block, found.first

    async def trades_from(self, symbol: str, number: int, limit: int) -> tuple[TickBlock, int]:
        past = self._market.catalog.exchange_past
        found = await self._made(past.trades_from(self._index(symbol), number, self._now, limit))
        return found.block, found.first

    async def candles(
        self, symbol: str, span: CandleSpan, start: int | None, until: int | None, limit: int, *, bought: bool = False
    ) -> Sequence[CandleRow]:
        past, name = self._market.catalog.exchange_past, next(iter(SPANS))
        chore = past.candles(
            self._index(symbol),
            aligned(span, self._market.shift),
            name,
            self._time(start),
            self._until(until),
            limit,
            self._now,
            bought=bought,
        )
        rows: list[CandleRow] = await self._made(chore)
        return rows

    async def ticker(self, symbol: str, window: str = "1d") -> TickerRow | None:
        rows = await self._made(self._market.catalog.exchange_ticker(symbol, window, self._now))
        return rows.tickers[0] if isinstance(rows, TickerRows) and rows.tickers[0].last else None

    def _index(self, symbol: str) -> int:
        return self._market.symbols.index(symbol)

    def _time(self, shown: int | None) -> int | None:
        return None if shown is None else max(0, min(shown - self._market.shift, 2**62))

    def _until(self, shown: int | None) -> int:
        time = self._time(shown)
        return self._now if time is None else min(time, self._now)

    async def _made(self, chore: Chore[Any]) -> Any:
        if self._market.chores.askers >= MAX_ASKERS:
            raise _SlowError
        making = asyncio.wrap_future(self._market.chores.start(object(), chore))
        try:
            return await asyncio.wait_for(asyncio.shield(making), self._timeout / SECOND)
        except TimeoutError:
            raise _SlowError from None


def _response(reply: RestReply, *, head: bool = False) -> Response:
    headers = Headers()
    if reply.status != http.HTTPStatus.NO_CONTENT:
        headers["Content-Type"] = "application/json"
        headers["Content-Length"] = str(len(reply.body))
    headers["Connection"] = "close"
    for name, value in {**SHARED, **reply.headers}.items():
        headers[name] = value
    return Response(reply.status, http.HTTPStatus(reply.status).phrase, headers, b"" if head else reply.body)
