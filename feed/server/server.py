"""Server: accepts, refuses and closes connections. One instance listens on one port for all of its markets."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from functools import partial
from typing import Any

from websockets.asyncio.server import Server, ServerConnection, serve

from feed.clock import Clock
from feed.dialects.base import Dialect
from feed.log import get_logger
from feed.market.hosted import HostedMarket
from feed.market.markets import Markets
from feed.protocol import codes
from feed.protocol.codes import CloseCode
from feed.protocol.seat import Seat
from feed.server.addressing import dialect_of
from feed.server.admission import ControlRule, HostRule, OriginRule, same_token
from feed.server.alarms import Alarms
from feed.server.connection import DEFLATE, FeedConnection
from feed.server.counters import ServerCounters
from feed.server.doorkeeper import quiet_logger, wrong_answer
from feed.server.handshake import Handshakes, address_of_client
from feed.server.http.routes import Commanded, Endpoint, header
from feed.server.limits import ServerLimits
from feed.server.lines import say_opened
from feed.server.peer import Peer
from feed.server.report.witness import Reports
from feed.units import MILLISECOND, SECOND

__all__ = ["FeedServer", "ServerLimits"]

DRAIN_STEP = 10 * MILLISECOND
"""The time between closes while draining, if time allows: clients then do not all reconnect at once."""

FAILED = "the market's source failed"

log = get_logger("feed")


class FeedServer:
    """Server that listens, and gives each client a peer.

    Args:
        markets: the markets that clients connect to.
        limits: its bounds.
        clock: real time.
        origins: web pages that may connect besides those from loopback.
        hosts: names that the server may be called by besides those of loopback and the address that it is bound to.
        token: the token that clients must show, or None.
        control: the rule of clients that may command the shared market.
        pages: the endpoints of HTTP paths.
    """

    def __init__(
        self,
        markets: Markets,
        limits: ServerLimits,
        clock: Clock,
        *,
        origins: tuple[str, ...] = (),
        hosts: tuple[str, ...] = (),
        token: str | None = None,
        control: ControlRule | None = None,
    ) -> None:
        self.counters = ServerCounters()
        self.reports = Reports(clock)
        self._markets = markets
        self._control = control or ControlRule()
        markets.on_removed = self._close_removed
        self._limits = limits
        self._clock = clock
        self._token = token
        self._peers: dict[Peer, None] = {}
        self._handshakes = Handshakes(
            markets,
            limits,
            clock,
            self.counters,
            self.reports,
            origins=OriginRule(origins),
            hosts=HostRule(hosts),
            token=token,
            control_token=self._control.token,
            count_peers=self._peers.__len__,
        )
        self._server: Server | None = None
        self._tls: ssl.SSLContext | None = None
        # Ports that speak one dialect.
        self._own: list[Server] = []
        self._alarms: Alarms | None = None
        self._emptied = asyncio.Event()

    def mount(self, pages: Mapping[str, Endpoint], commands: Mapping[tuple[str, str], Commanded] | None = None) -> None:
        """Answer these HTTP paths, and these methods and paths that change something."""
        self._handshakes.mount(pages, commands)

    @property
    def open_connections(self) -> int:
        """The number of connected clients."""
        return len(self._peers)

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """The host and port of each listening socket."""
        sockets = self._server.sockets if self._server is not None else ()
        return [sock.getsockname()[:2] for sock in sockets]

    async def start(self, host: str, port: int, tls: ssl.SSLContext | None = None) -> None:
        """Begin to listen, in plain text or by TLS. Raises OSError if the address is not available."""
        self._tls = tls
        self._alarms = Alarms(self._clock)
        self._server = await self._listen(host, port)
        self._handshakes.listen(host, [address for address, _ in self.addresses])

    async def listen_also(self, host: str, port: int, name: str) -> int:
        """Listen on one more port, which speaks one dialect; return its number. Raises OSError, UsageError."""
        server = await self._listen(host, port, dialect_of(name))
        self._own.append(server)
        return int(next(iter(server.sockets)).getsockname()[1])

    async def _listen(self, host: str, port: int, dialect: Dialect | None = None) -> Server:
        limits = self._limits
        return await serve(
            self._handle,
            host,
            port,
            ssl=self._tls,
            create_connection=partial(self._connection, dialect=dialect),  # type: ignore[arg-type]  # only ever called
            process_request=self._handshakes.answer,
            process_response=wrong_answer,
            compression=None,
            extensions=[DEFLATE] if limits.compression else None,
            # A command is answered when it is done, however long that takes; the request has a time of its own, and
            # so has everything else that is answered.
            open_timeout=None,
            # The session pings: the library's own keepalive waits for ever on a client that does not read.
            ping_interval=None,
            close_timeout=1,
            max_size=limits.max_message_size,
            # With 0 the transport tells exactly when something begins and when nothing more waits.
            write_limit=0,
            server_header=None,
            logger=quiet_logger(),
            backlog=1024,
        )

    def _connection(self, *args: Any, **kwargs: Any) -> FeedConnection:
        return FeedConnection(*args, request_timeout=self._limits.handshake_timeout / SECOND, **kwargs)

    async def stop_listening(self) -> None:
        """Accept no more, and wait until every handler has returned; open connections are the caller's to end."""
        for server in (self._server, *self._own):
            if server is not None:
                server.close(close_connections=False)
                await server.wait_closed()

    async def drain(self, code: CloseCode, reason: str) -> None:
        """Stop accepting, close all connections one after another, and drop those left at the end."""
        if self._server is None:
            return
        for server in (self._server, *self._own):
            server.close(close_connections=False)
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

    def market_failed(self, hosted: HostedMarket) -> None:
        """Close every connection of a market whose source can't go on."""
        self.close_market(hosted, codes.INTERNAL, FAILED)

    def drop_all(self, reason: str) -> None:
        """End every connection at once."""
        for peer in list(self._peers):
            peer.drop(reason)

    def close_all(self, code: CloseCode, reason: str, *, after: int = 0) -> None:
        """Close every connection, and go on listening."""
        for peer in list(self._peers):
            peer.close(code, reason, after=after)

    def close_market(self, hosted: HostedMarket, code: CloseCode, reason: str, *, after: int = 0) -> None:
        """Close every connection of one market."""
        for peer in list(self._peers):
            if peer.hosted is hosted:
                peer.close(code, reason, after=after)

    def _close_removed(self, hosted: HostedMarket) -> None:
        self.close_market(hosted, codes.MARKET_GONE, "the market was removed")

    async def _handle(self, connection: ServerConnection) -> None:
        assert isinstance(connection, FeedConnection)
        self.counters.connections += 1
        peer = self._peer(connection)
        self._peers[peer] = None
        say_opened(peer.name, connection)
        try:
            if self._origin_refused(peer, connection):
                connection.attach(peer)
            else:
                peer.open()
                if connection.hosted.market.failure is not None:
                    peer.close(codes.INTERNAL, FAILED)
            await connection.wait_closed()
        except Exception:
            log.exception("! internal error", connection=peer.name)
            peer.close(codes.INTERNAL, codes.INTERNAL.meaning)
            raise

    def _peer(self, connection: FeedConnection) -> Peer:
        wishes = connection.wishes
        assert self._alarms is not None
        name, spec = connection.label, connection.hosted.spec
        form = wishes.form_in(spec.numbers)
        seat = Seat(
            connection=name,
            view=connection.hosted.market,
            limits=self._limits.peer.session,
            now=self._clock.read(),
            token=self._token,
            strict=wishes.is_strict(spec.heartbeat),
            may_control=self._may_control(connection),
            control_token=self._control.token if connection.hosted.is_shared else spec.token,
            wanted=connection.wanted,
            options=form.options,
            opening=wishes.opening,
            is_lenient=self._limits.lifts_exchange_limits,
            ages_with_market=self._limits.ages_with_market,
        )
        peer = Peer(
            name,
            connection,
            connection.hosted,
            alarms=self._alarms,
            limits=self._limits.peer,
            clock=self._clock,
            counters=self.counters,
            form=form._replace(deflate=connection.deflate and form.dialect.compresses),
            seat=seat,
            witness=self.reports.of(connection.hosted).enter(connection.label, connection.ordinal, wishes.client),
            on_gone=self._gone,
        )
        for fault in connection.faults:
            peer.faults.arm(fault)
        return peer

    def _may_control(self, connection: FeedConnection) -> bool:
        """Return True if a client may command its market at once: by the rule in the shared one, else by its token."""
        hosted = connection.hosted
        if hosted.is_shared:
            return self._control.allows(address_of_client(connection), None)
        return hosted.spec.token is None or same_token(connection.wishes.spec.token, hosted.spec.token)

    def _origin_refused(self, peer: Peer, connection: FeedConnection) -> bool:
        """Close the connection of a page with a bad origin; return True if it was closed.

        This is done after the handshake: a page may see a close reason, but never the reason of a failed handshake.
        """
        request = connection.request
        origin = header(request, "Origin") if request is not None else None
        # Pages of any origin read exchanges.
        is_foreign = connection.wishes.form.dialect.is_foreign
        if request is None or is_foreign or self._handshakes.lets_in(request, origin):
            return False
        shown = self._handshakes.note_origin(origin)
        peer.close(codes.POLICY, f"pages from {shown} may not connect; start feed with --origin {shown}")
        return True

    def _gone(self, peer: Peer) -> None:
        self._peers.pop(peer, None)
        self._markets.leave(peer.hosted)
        self._check_empty()

    def _check_empty(self) -> None:
        if not self._peers:
            self._emptied.set()
        else:
            self._emptied.clear()
