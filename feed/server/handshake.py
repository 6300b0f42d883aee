"""Handshakes: who may connect, with which wishes and to which market; and the answers to plain HTTP."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import replace

from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response

from feed.clock import Clock
from feed.errors import FeedError
from feed.faults.registry import FaultError
from feed.log import get_logger
from feed.market.markets import Markets
from feed.market.spec import MarketSpec
from feed.server.addressing import address_of, is_exchange_host
from feed.server.admission import ConnectRates, HostRule, OriginRule
from feed.server.connection import FeedConnection
from feed.server.cors import answer_options, sharing
from feed.server.counters import ServerCounters
from feed.server.doorkeeper import foreign_host, meet_faults, wanted_faults
from feed.server.http.exchanges import ExchangePages
from feed.server.http.routes import (
    Caller,
    Commanded,
    Endpoint,
    Page,
    Routes,
    bearer_of,
    header,
    is_upgrade,
    problem,
    refusal,
    respond,
)
from feed.server.limits import ServerLimits
from feed.server.lines import Refusals
from feed.server.market_keys import QueryError
from feed.server.query import parse_address, subscriptions_of
from feed.server.report.witness import Reports

__all__ = ["Handshakes", "address_of_client"]

READING = ("GET", "HEAD")
"""HTTP methods that change nothing."""

log = get_logger("feed")


class Handshakes:
    """Answers to everything that arrives before a connection is open.

    Args:
        markets: the markets that clients connect to.
        limits: the bounds of the server.
        clock: real time.
        counters: counters of refusals.
        reports: the notes on clients.
        origins: the rule of web pages.
        hosts: the rule of names that the server may be called by.
        token: the token that clients must show, or None.
        control_token: the token that commands the shared market, or None.
        count_peers: returns the number of open connections.
    """

    def __init__(
        self,
        markets: Markets,
        limits: ServerLimits,
        clock: Clock,
        counters: ServerCounters,
        reports: Reports,
        *,
        origins: OriginRule,
        hosts: HostRule,
        token: str | None,
        control_token: str | None,
        count_peers: Callable[[], int],
    ) -> None:
        self._markets = markets
        self._limits = limits
        self._clock = clock
        self._counters = counters
        self._reports = reports
        self._origins = origins
        self._hosts = hosts
        self._token = token
        self._control_token = control_token
        self._count_peers = count_peers
        self._rates = ConnectRates(limits.connect_rate)
        self._numbers = itertools.count(1)
        self._refusals = Refusals(clock)
        self._routes = Routes({})
        self._exchanges = ExchangePages(
            markets, clock, limits.history_timeout, is_lenient=limits.lifts_exchange_limits, token=token
        )

    def mount(self, pages: Mapping[str, Endpoint], commands: Mapping[tuple[str, str], Commanded] | None = None) -> None:
        """Answer these HTTP paths, and these methods and paths that change something."""
        self._routes = Routes(pages, self._token, commands, also=self._control_token)

    def listen(self, host: str, addresses: list[str]) -> None:
        """Note the names and addresses that the server listens on."""
        self._hosts.listen(host, addresses)

    async def answer(self, connection: ServerConnection, request: Request) -> Response | None:
        """Return the answer to a request that is no handshake or is refused; None lets the library go on with it."""
        response = await self._admit(connection, request)
        if response is not None:
            self._refusals.say_answer(request, response, connection.remote_address)
        return response

    async def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        """Answer plain HTTP, refuse what may not connect, and let the library go on with the rest."""
        host = header(request, "Host")
        # Names of exchanges lead to their dialect and nowhere else.
        if not self._hosts.allows(host) and not is_exchange_host(host):
            return self._refuse("host", foreign_host(host or ""))
        assert isinstance(connection, FeedConnection)
        where = address_of(request.path, host, connection.dialect)
        address = address_of_client(connection)
        if not is_upgrade(request):
            if where.dialect.rest is not None:
                return await self._exchanges.answer(request, where, address)
            return await self._plain(request, address)
        if self._count_peers() >= self._limits.max_connections:
            return self._refuse("full", problem(503, "LIMIT_EXCEEDED", "The server has all the connections it takes"))
        if not self._rates.allows(address, self._clock.now()):
            return self._refuse("rate", problem(429, "RATE_LIMITED", "Too many connections a second from one address"))
        try:
            wishes = parse_address(where)
        except QueryError as error:
            page = refusal(error)
            return self._refuse("query", replace(page, status=404) if where.dialect.is_foreign else page)
        if (refused := self._exchanges.refusal_of(wishes.form.dialect, request, address)) is not None:
            return self._refuse("exchange", refused)
        if not wishes.form.dialect.is_foreign and not self.lets_in(request, header(request, "Origin")):
            # It is closed after the handshake; no market is made for it.
            wishes = replace(wishes, market=None, spec=MarketSpec(), streams=(), faults=(), plan=None)
        connection.wishes = wishes
        try:
            connection.hosted, _ = self._markets.join(wishes.market, wishes.spec)
        except FeedError as error:
            return self._refuse("market", refusal(error))
        try:
            market = connection.hosted.market
            connection.wanted = subscriptions_of(wishes.streams, market)
            connection.faults = wanted_faults(wishes, market)
        except (QueryError, FaultError) as error:
            self._markets.leave(connection.hosted)
            return self._refuse("query", refusal(error))
        connection.ordinal, connection.label = next(connection.hosted.ordinals), f"c{next(self._numbers)}"
        self._reports.of(connection.hosted).knock(connection.label, wishes.client)
        response = await meet_faults(connection)
        if response is not None:
            self._counters.refused["fault"] += 1
            self._markets.leave(connection.hosted)
        return response

    async def _plain(self, request: Request, address: str) -> Response:
        """Return the answer to plain HTTP; pages of an origin that may use the socket may read it."""
        origin = header(request, "Origin")
        allowed = self.lets_in(request, origin)
        if not allowed:
            self.note_origin(origin)
        if request.method == "OPTIONS":
            return answer_options(request, origin, allowed=allowed)
        if not allowed and request.method not in READING:
            hint = f"start feed with --origin {(origin or '')[:60]}"
            return self._refuse("origin", problem(403, "NOT_ALLOWED", "This page may not control markets", hint=hint))
        response = await self._routes.answer(request, Caller(address, bearer_of(request)))
        for name, value in sharing(origin if allowed else None).items():
            response.headers[name] = value
        return response

    def lets_in(self, request: Request, origin: str | None) -> bool:
        """Return True if pages of an origin may connect and read."""
        host = header(request, "Host")
        own = host if host is not None and self._hosts.knows(host) else None
        return self._origins.allows(origin, own)

    def _refuse(self, reason: str, page: Page) -> Response:
        self._counters.refused[reason] += 1
        return respond(page, {"Retry-After": "1"} if page.status in (429, 503) else None)

    def note_origin(self, origin: str | None) -> str:
        """Count and log a refused origin, since the page's developer does not see the reason; return it shortened."""
        self._counters.refused["origin"] += 1
        shown = (origin or "")[:60]
        log.warning("origin refused", origin=shown, hint=f"start with --origin {shown}")
        return shown


def address_of_client(connection: ServerConnection) -> str:
    """Return the host address of a client; empty if it is gone."""
    return str((connection.remote_address or ("",))[0])
