"""A real server on a real port, for tests with real clients."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from typing import Any

import orjson
import pytest
from websockets.asyncio.client import ClientConnection, connect

from feed.clock import SystemClock
from feed.data.ticks import Source
from feed.delivery.outbox import OutboxLimits
from feed.market.hosted import MAIN, HostedMarket, MarketsLimits, OpenedMarket
from feed.market.market import Market
from feed.market.markets import Markets
from feed.market.player import Player
from feed.market.spec import MarketSpec
from feed.server.admission import ControlRule
from feed.server.http.control import ControlPages
from feed.server.http.metrics import Metrics
from feed.server.http.pages import Pages
from feed.server.limits import PeerLimits
from feed.server.server import FeedServer, ServerLimits
from feed.units import MILLISECOND, SECOND
from tests.support.limits import SESSION
from tests.support.market import make_market
from tests.support.sources import MetronomeSource
from tests.support.waiting import PATIENCE

LIMITS = ServerLimits(
    peer=PeerLimits(SESSION, OutboxLimits(2**20, 10 * SECOND), 4096),
    max_message_size=65536,
    max_connections=5000,
    connect_rate=50,
    handshake_timeout=10 * SECOND,
    drain_spread=5 * SECOND,
    drain_timeout=10 * SECOND,
)

SUBSCRIBE = {"event": "subscribe", "channel": "trading", "symbol": "BTC/USD"}


@dataclass
class Running:
    """A server that serves."""

    server: FeedServer
    markets: Markets
    clients: list[ClientConnection] = field(default_factory=list)

    @property
    def hosted(self) -> HostedMarket:
        """The shared market."""
        return self.markets.main

    @property
    def market(self) -> Market:
        """The shared market itself."""
        return self.markets.main.market

    @property
    def player(self) -> Player:
        """What plays the shared market."""
        return self.markets.main.player

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        return self.server.addresses[0]

    @property
    def url(self) -> str:
        """The socket's address."""
        host, port = self.address
        return f"ws://{host}:{port}"

    async def client(self, path: str = "/", **options: Any) -> ClientConnection:
        """A client that has read its status frame."""
        client = await connect(self.url + path, **({"max_queue": None} | options))
        self.clients.append(client)
        assert (await receive(client))["event"] == "status"
        return client

    async def subscriber(self, **keys: Any) -> ClientConnection:
        """A client that is subscribed to the ticks."""
        client = await self.client()
        await send(client, SUBSCRIBE | keys)
        assert (await receive(client))["event"] == "subscribed"
        return client


async def send(client: ClientConnection, message: object) -> None:
    """Send an object."""
    await client.send(orjson.dumps(message).decode())


async def receive(client: ClientConnection) -> dict[str, Any]:
    """The next frame as an object."""
    # Cheaper than a task for each message, which wait_for() would make.
    async with asyncio.timeout(PATIENCE):
        message: dict[str, Any] = orjson.loads(await client.recv())
    return message


async def receive_event(client: ClientConnection, *events: str) -> dict[str, Any]:
    """The next frame that is one of these events."""
    while True:
        message = await receive(client)
        if message["event"] in events:
            return message


Serve = Callable[..., AbstractAsyncContextManager[Running]]


@contextlib.asynccontextmanager
async def serving(
    source: Source | None = None,
    limits: ServerLimits = LIMITS,
    *,
    speed: float = 1.0,
    session: dict[str, Any] | None = None,
    past: Source | None = None,
    **options: Any,
) -> AsyncIterator[Running]:
    """Serve a metronome, or another source, until the block ends.

    With `past`, the same source once more, what takes long is made in another thread.
    """
    if session:
        limits = replace(limits, peer=replace(limits.peer, session=replace(SESSION, **session)))
    clock = SystemClock()
    market_limits = MarketsLimits(gather=MILLISECOND, patience=10 * SECOND)
    markets = Markets(opener(source, clock, speed, past), clock, market_limits)
    server = FeedServer(markets, limits, clock, **options)
    markets.host(MAIN, MarketSpec())
    metrics = Metrics(server.counters, markets, lambda: server.open_connections)
    control = ControlPages(markets, options.get("control") or ControlRule())
    pages = Pages(
        markets,
        metrics,
        control,
        clock,
        open_connections=lambda: server.open_connections,
        reports=server.reports,
        scenarios=list,
        scenario_text=str,
        history_timeout=limits.history_timeout,
    )
    server.mount(pages.by_path(), control.by_path())
    await server.start("127.0.0.1", 0)
    running = Running(server, markets)
    try:
        yield running
    finally:
        for client in running.clients:
            client.transport.abort()
        server.drop_all("the test is over")
        await server.stop_listening()
        await markets.close()


def opener(
    source: Source | None, clock: SystemClock, speed: float, past: Source | None = None
) -> Callable[[str, MarketSpec], OpenedMarket]:
    """Opens markets of one source, as clients ask for them."""

    def open_market(name: str, spec: MarketSpec) -> OpenedMarket:
        own = source or MetronomeSource(every=5 * MILLISECOND)
        chosen = speed if spec.speed is None else spec.speed
        wait_for = 1 if spec.wait_for is None else spec.wait_for
        begins = own.start + (spec.at or 0)
        paused = bool(spec.paused)
        market = make_market(own, clock, speed=chosen, begins=begins, waits=not paused, name=name, past=past)
        known: dict[str, Any] = {
            "scenario": "metronome",
            "seed": 1,
            "speed": chosen,
            "at": spec.at or 0,
            "paused": paused,
        }
        made = replace(spec, wait_for=wait_for, **known)
        return OpenedMarket(market, made)

    return open_market


@pytest.fixture
def serve() -> Serve:
    """Gives a context manager that serves."""
    return serving
