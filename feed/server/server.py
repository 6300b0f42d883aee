"""The server: accepts, refuses, and lets go. One instance listens on one port for one market."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Mapping
from dataclasses import dataclass

import structlog
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.http11 import Request, Response

from feed.clock import Clock
from feed.market.market import Market
from feed.protocol import codes
from feed.protocol.codes import CloseCode
from feed.server.admission import ConnectRates, OriginRule
from feed.server.alarms import Alarms
from feed.server.connection import DEFLATE, FeedConnection
from feed.server.counters import ServerCounters
from feed.server.http.routes import Endpoint, Page, Routes, is_upgrade, problem, respond
from feed.server.peer import Peer, PeerLimits
from feed.server.query import QueryError, parse_query
from feed.units import MILLISECOND, SECOND

__all__ = ["FeedServer", "ServerLimits"]

DRAIN_STEP = 10 * MILLISECOND
"""Goodbyes are so far apart when there is time for that: a crowd that comes back does not come at once."""

log = structlog.get_logger("feed")


@dataclass(frozen=True, slots=True)
class ServerLimits:
    """What the server as a whole may hold. Times are nanoseconds."""

    peer: PeerLimits
    max_message_size: int
    max_connections: int
    connect_rate: float
    handshake_timeout: int
    drain_spread: int
    drain_timeout: int
    compression: bool = False


class FeedServer:
    """Listens, and gives each client a peer.

    Args:
        market: the market that everyone listens to.
        limits: its bounds.
        clock: real time.
        origins: web pages that may connect besides those from loopback.
        token: what clients must show, or None.
        pages: what HTTP paths answer.
    """

    def __init__(
        self,
        market: Market,
        limits: ServerLimits,
        clock: Clock,
        *,
        origins: tuple[str, ...] = (),
        token: str | None = None,
    ) -> None:
        self.counters = ServerCounters()
        self._market = market
        self._limits = limits
        self._clock = clock
        self._origins = OriginRule(origins)
        self._token = token
        self._rates = ConnectRates(limits.connect_rate)
        self._peers: dict[Peer, None] = {}
        self._names = itertools.count(1)
        self._routes = Routes({})
        self._server: Server | None = None
        self._alarms: Alarms | None = None
        self._emptied = asyncio.Event()

    def mount(self, pages: Mapping[str, Endpoint]) -> None:
        """Answer these HTTP paths."""
        self._routes = Routes(pages, self._token)

    @property
    def open_connections(self) -> int:
        """How many clients are connected."""
        return len(self._peers)

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """Host and port of each listening socket."""
        sockets = self._server.sockets if self._server is not None else ()
        return [sock.getsockname()[:2] for sock in sockets]

    async def start(self, host: str, port: int) -> None:
        """Listen. Raises OSError where the address cannot be had."""
        limits = self._limits
        self._alarms = Alarms(self._clock)
        self._server = await serve(
            self._handle,
            host,
            port,
            create_connection=FeedConnection,
            process_request=self._admit,
            compression=None,
            extensions=[DEFLATE] if limits.compression else None,
            open_timeout=limits.handshake_timeout / SECOND,
            # The session pings: the library's own keepalive waits for ever on a client that does not read.
            ping_interval=None,
            close_timeout=1,
            max_size=limits.max_message_size,
            # With 0 the transport tells exactly when something begins and when nothing more waits.
            write_limit=0,
            server_header=None,
            logger=_quiet_logger(),
            backlog=1024,
        )

    async def stop_listening(self) -> None:
        """Accept no more, and wait until every handler has returned; open connections are the caller's to end."""
        if self._server is not None:
            self._server.close(close_connections=False)
            await self._server.wait_closed()

    async def drain(self, code: CloseCode, reason: str) -> None:
        """Stop accepting, say goodbye to everyone over a while, and drop those that are left at the end of it."""
        if self._server is None:
            return
        self._server.close(close_connections=False)
        peers = list(self._peers)
        step = min(DRAIN_STEP, self._limits.drain_spread // max(1, len(peers)))
        for index, peer in enumerate(peers):
            peer.close(code, reason, after=index * step)
        self._check_empty()
        try:
            async with asyncio.timeout(self._limits.drain_timeout / SECOND):
                await self._emptied.wait()
        except TimeoutError:
            self.drop_all("the server stops")

    def drop_all(self, reason: str) -> None:
        """End every connection at once."""
        for peer in list(self._peers):
            peer.drop(reason)

    def close_all(self, code: CloseCode, reason: str, *, after: int = 0) -> None:
        """Close every connection, and go on listening."""
        for peer in list(self._peers):
            peer.close(code, reason, after=after)

    # Handshake.

    async def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        """Answer plain HTTP, refuse what may not connect, and let the library go on with the rest."""
        if not is_upgrade(request):
            return await self._routes.answer(request)
        address = str((connection.remote_address or ("",))[0])
        if len(self._peers) >= self._limits.max_connections:
            return self._refuse("full", problem(503, "LIMIT_EXCEEDED", "The server has all the connections it takes"))
        if not self._rates.allows(address, self._clock.now()):
            return self._refuse("rate", problem(429, "RATE_LIMITED", "Too many connections a second from one address"))
        try:
            wishes = parse_query(request.path)
        except QueryError as error:
            page = problem(400, "INVALID_REQUEST", str(error), field=error.field, hint=error.hint)
            return self._refuse("query", page)
        assert isinstance(connection, FeedConnection)
        connection.wishes = wishes
        return None

    def _refuse(self, reason: str, page: Page) -> Response:
        self.counters.refused[reason] += 1
        return respond(page, {"Retry-After": "1"} if page.status in (429, 503) else None)

    async def _handle(self, connection: ServerConnection) -> None:
        assert isinstance(connection, FeedConnection)
        self.counters.connections += 1
        peer = self._peer(connection)
        self._peers[peer] = None
        try:
            if self._origin_refused(peer, connection):
                connection.attach(peer)
            else:
                peer.open()
            await connection.wait_closed()
        except Exception:
            log.exception("! internal error", connection=peer.name)
            peer.close(codes.INTERNAL, codes.INTERNAL.meaning)
            raise

    def _peer(self, connection: FeedConnection) -> Peer:
        wishes = connection.wishes
        assert self._alarms is not None
        return Peer(
            f"c{next(self._names)}",
            connection,
            self._market,
            alarms=self._alarms,
            limits=self._limits.peer,
            clock=self._clock,
            counters=self.counters,
            form=wishes.form._replace(deflate=connection.deflate),
            strict=wishes.strict,
            token=self._token,
            on_gone=self._gone,
        )

    def _origin_refused(self, peer: Peer, connection: FeedConnection) -> bool:
        """A page may see why it was closed, but never why a handshake failed: so a bad origin is let in to be told."""
        request = connection.request
        origin = request.headers.get("Origin") if request is not None else None
        if self._origins.allows(origin):
            return False
        self.counters.refused["origin"] += 1
        shown = (origin or "")[:60]
        log.warning("origin refused", origin=shown, hint=f"start with --origin {shown}")
        peer.close(codes.POLICY, f"pages from {shown} may not connect; start feed with --origin {shown}")
        return True

    def _gone(self, peer: Peer) -> None:
        self._peers.pop(peer, None)
        self._check_empty()

    def _check_empty(self) -> None:
        if not self._peers:
            self._emptied.set()
        else:
            self._emptied.clear()


def _quiet_logger() -> logging.Logger:
    """The library logs each broken handshake with its traceback; a port scan is no event of ours."""
    logger = logging.getLogger("feed.websockets")
    logger.setLevel(logging.CRITICAL)
    return logger
