"""Assembly and run of the service: from settings to a listening server, and from a signal to an exit code."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import functools
import gc
import os
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from feed.clock import Clock, SystemClock
from feed.delivery.outbox import OutboxLimits
from feed.errors import UsageError
from feed.log import get_logger
from feed.market.hosted import MAIN, HostedMarket, MarketsLimits
from feed.market.market import Market
from feed.market.markets import Markets
from feed.market.spec import MarketSpec
from feed.protocol import codes
from feed.protocol.codes import CloseCode
from feed.protocol.view import SessionLimits
from feed.scenario.find import list_scenarios, scenario_text
from feed.server.admission import ControlRule
from feed.server.http.control import ControlPages
from feed.server.http.metrics import Metrics
from feed.server.http.pages import Pages
from feed.server.limits import PeerLimits
from feed.server.server import FeedServer, ServerLimits
from feed.service.loop_errors import log_loop_errors
from feed.service.opener import MarketOpener
from feed.service.settings import Limits, ServeSettings
from feed.service.signals import ASKED_BY_THE_SYSTEM, on_signals
from feed.service.tls import server_context, trust_hint
from feed.units import MILLISECOND, SECOND

if TYPE_CHECKING:
    from feed.market.recorder import MarketRecorder
    from feed.service.rerun import BundleRerun

__all__ = ["http_contract", "serve"]

SAME_SIGNAL = 200 * MILLISECOND
"""Time (ns) after a signal within which another one counts as the same."""

END_GRACE = 1 * SECOND
"""Time (ns) from the message that the market has ended to the close of its connections."""

log = get_logger("feed")


def serve(settings: ServeSettings, ready: Callable[[str], None] | None = None, rerun: BundleRerun | None = None) -> int:
    """Run a server until it is stopped; returns the exit code of the process.

    Args:
        settings: the scenario, the address and all options.
        ready: called with the server's URL once clients can connect.
        rerun: a bundle whose market is the shared one.

    Raises:
        FeedError: the server cannot start; the message is one clear line.
    """
    _raise_descriptor_limit(settings.limits.max_connections)
    return asyncio.run(_serve(settings, SystemClock(), ready, rerun))


def http_contract() -> dict[str, Any]:
    """Return the OpenAPI document of a server with default settings, which is not started."""
    from feed.server.contracts import openapi_document  # Its models cost a start that few need.

    settings, clock = ServeSettings(), SystemClock()
    markets = Markets(MarketOpener(settings, clock).open, clock, _markets_limits(settings.limits))
    server = FeedServer(markets, _server_limits(settings.limits, compression=False), clock)
    pages, control, _ = _endpoints(server, markets, ControlRule(), settings, clock)
    return openapi_document(pages.by_path(), control.by_path())


def _endpoints(
    server: FeedServer, markets: Markets, rule: ControlRule, settings: ServeSettings, clock: Clock
) -> tuple[Pages, ControlPages, Metrics]:
    """Return what answers HTTP: pages, commands and metrics."""
    metrics = Metrics(server.counters, markets, lambda: server.open_connections)
    control = ControlPages(markets, rule)
    pages = Pages(
        markets,
        metrics,
        control,
        clock,
        open_connections=lambda: server.open_connections,
        reports=server.reports,
        scenarios=functools.partial(_known_scenarios, settings.scenarios),
        scenario_text=functools.partial(scenario_text, folder=settings.scenarios),
        history_timeout=settings.limits.history_timeout,
    )
    return pages, control, metrics


async def _serve(
    settings: ServeSettings, clock: Clock, ready: Callable[[str], None] | None, rerun: BundleRerun | None
) -> int:
    log_loop_errors(asyncio.get_running_loop())
    limits = settings.limits
    opener = MarketOpener(settings, clock)
    markets = Markets(opener.open if rerun is None else rerun.opener(opener), clock, _markets_limits(limits))
    rule = ControlRule(settings.control_token, is_off=settings.control == "off")
    server_limits = replace(
        _server_limits(limits, compression=settings.compression == "on"),
        lifts_exchange_limits=settings.exchange_limits == "off",
        ages_with_market=settings.exchange_limits == "market",
    )
    pages_from = {"origins": settings.origins, "hosts": settings.allowed_hosts}
    server = FeedServer(markets, server_limits, clock, **pages_from, token=settings.token, control=rule)
    run = _Service(server, markets, settings, clock)
    main = markets.open(MAIN, MarketSpec())
    if rerun is not None:
        rerun.stage(markets, clock)
    pages, control, metrics = _endpoints(server, markets, rule, settings, clock)
    server.mount(pages.by_path(), control.by_path())
    # All objects up to here stay for good: a garbage collection over them delays the first messages by some 50 ms.
    gc.collect()
    gc.freeze()
    await _listen(server, settings)
    for dialect, port in settings.dialects:
        await _listen_also(server, settings, dialect, port)
    run.recorder = await _recorder(settings, main.market, clock)
    if run.recorder is not None:
        metrics.recording = pages.recording = run.recorder.counters
    # Only after the recorder is set up, which must get every message.
    markets.play(main)

    def say_ready() -> None:
        if ready is not None:
            ready(_url(server, settings))
        if hint := trust_hint(settings):
            log.info("self-signed certificate", hint=hint)
        _say_what_comes(settings, main)

    return await run.until_stopped(say_ready)


class _Service:
    """Server and its markets, from start to stop."""

    def __init__(self, server: FeedServer, markets: Markets, settings: ServeSettings, clock: Clock) -> None:
        self._server = server
        self._markets = markets
        self._settings = settings
        self.recorder: MarketRecorder | None = None
        self._clock = clock
        self._signalled: int | None = None
        self._stop: asyncio.Future[CloseCode] = asyncio.get_running_loop().create_future()
        markets.on_ended = self._end
        markets.on_failed = self._fail

    async def until_stopped(self, say_ready: Callable[[], None]) -> int:
        """Announce that clients can connect; serve until a signal arrives or the end of the shared market stops it."""
        with on_signals(self._signal):
            async with self._recording():
                # Only after signal handlers are set: a signal sent at once must still leave a whole recording.
                say_ready()
                code = await self._stop
                reason = "the server restarts" if code is codes.RESTART else "the server stops"
                if code is codes.INTERNAL:
                    reason = "the market's source failed"
                log.info("stopping", connections=self._server.open_connections)
                await self._server.drain(code, reason)
                await self._markets.close()
        return 0 if self._markets.main.market.failure is None else 1

    def _end(self, hosted: HostedMarket) -> None:
        log.info("the market has ended", market=hosted.name, at_end=self._settings.at_end)
        if self._settings.at_end == "exit" and hosted.is_shared:
            self._finish(codes.GOING_AWAY)
        elif self._settings.at_end != "hold":
            self._server.close_market(hosted, codes.MARKET_GONE, "the market has ended", after=END_GRACE)

    def _fail(self, hosted: HostedMarket) -> None:
        if hosted.is_shared and self._settings.at_end == "exit":
            self._finish(codes.INTERNAL)
        else:
            self._server.market_failed(hosted)

    @contextlib.asynccontextmanager
    async def _recording(self) -> AsyncIterator[None]:
        """Finish the recording at the end of the block, whatever ends the market."""
        try:
            yield
        finally:
            if self.recorder is not None:
                await asyncio.to_thread(self.recorder.close)

    def _finish(self, code: CloseCode) -> None:
        if not self._stop.done():
            self._stop.set_result(code)

    def _signal(self, number: int) -> None:
        # Ctrl-C means that a person stops the server; an orchestrator that stops it will start another one.
        code = codes.RESTART if number in ASKED_BY_THE_SYSTEM else codes.GOING_AWAY
        now = self._clock.now()
        if self._signalled is not None and now - self._signalled < SAME_SIGNAL:
            # Ctrl-C reaches a whole group of processes, and the parent process passes it on once more.
            return
        self._signalled = now
        if self._stop.done():
            # A second signal means: stop without waiting.
            log.warning("stopped at once")
            os._exit(130)
        self._finish(code)


def _say_what_comes(settings: ServeSettings, main: HostedMarket) -> None:
    count = settings.wait_for
    waits = "nobody" if not count else "its first subscriber" if count == 1 else f"{count} subscribers"
    known = main.market
    log.info(
        f"market time waits for {waits}",
        scenario=known.identity.scenario,
        seed=known.state.seed,
        speed=str(settings.speed),
    )


async def _recorder(settings: ServeSettings, market: Market, clock: Clock) -> MarketRecorder | None:
    if settings.record is None:
        return None
    from feed.market.recorder import OF_A_DAY, MarketRecorder

    if not set(OF_A_DAY).isdisjoint(name.split(":")[0] for name in settings.record_channels):
        # The first ticker needs the day before it; computed now, it does not delay the first trades.
        await asyncio.wrap_future(market.warm())
    return MarketRecorder(market, settings.record, settings.record_channels, clock)


async def _listen(server: FeedServer, settings: ServeSettings) -> None:
    tls = server_context(settings)
    try:
        await server.start(settings.host, settings.port, tls)
    except OSError as error:
        raise UsageError(_why_not(error, settings.host, settings.port)) from error
    except OverflowError as error:
        raise UsageError(f"there is no port {settings.port}; use 0 to 65535") from error


async def _listen_also(server: FeedServer, settings: ServeSettings, dialect: str, port: int) -> None:
    try:
        number = await server.listen_also(settings.host, port, dialect)
    except OSError as error:
        raise UsageError(_why_not(error, settings.host, port)) from error
    log.info("one more port", dialect=dialect, port=number)


def _why_not(error: OSError, host: str, port: int) -> str:
    place = f"{host}:{port}"
    if error.errno == errno.EADDRINUSE:
        return f"{place} is taken by another program; use --port {port + 1}, or --port 0 for any free one"
    if error.errno == errno.EACCES:
        return f"{place} needs rights that this user does not have; use a port above 1023, such as --port 8765"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{host} is no address of this machine; use --host 127.0.0.1, or 0.0.0.0 for all"
    return f"cannot listen on {place}: {error.strerror or error}"


def _url(server: FeedServer, settings: ServeSettings) -> str:
    host, port = server.addresses[0]
    shown = f"[{host}]" if ":" in host else host
    scheme = "ws" if settings.tls == "off" and settings.tls_cert is None else "wss"
    return f"{scheme}://{'127.0.0.1' if settings.host in ('0.0.0.0', '') else shown}:{port}"


def _known_scenarios(folder: Path | None) -> list[dict[str, Any]]:
    return [
        {"name": scenario.name, "description": scenario.description, "seed": scenario.seed}
        for scenario in list_scenarios(folder)
    ]


def _markets_limits(limits: Limits) -> MarketsLimits:
    return MarketsLimits(
        markets=limits.max_markets,
        memory=limits.max_market_memory,
        idle=limits.market_idle,
        gather=limits.gather,
        patience=limits.patience,
        max_lag=limits.max_lag,
    )


def _server_limits(limits: Limits, *, compression: bool) -> ServerLimits:
    session = SessionLimits(
        inbound_rate=limits.inbound_rate,
        inbound_burst=limits.inbound_burst,
        max_subscriptions=limits.max_subscriptions,
        auth_timeout=limits.auth_timeout,
        subscribe_timeout=limits.subscribe_timeout,
        heartbeat_interval=limits.heartbeat_interval,
        ping_interval=limits.ping_interval,
        ping_timeout=limits.ping_timeout,
        token_ttl=limits.token_ttl,
    )
    outbox = OutboxLimits(waiting=limits.outbox_bytes, blocked=limits.write_timeout)
    return ServerLimits(
        peer=PeerLimits(session=session, outbox=outbox, max_fragments=limits.max_fragments),
        max_message_size=limits.max_message_size,
        max_connections=limits.max_connections,
        connect_rate=limits.connect_rate,
        handshake_timeout=limits.handshake_timeout,
        history_timeout=limits.history_timeout,
        drain_spread=limits.drain_spread,
        drain_timeout=limits.drain_timeout,
        compression=compression,
    )


def _raise_descriptor_limit(connections: int) -> None:
    """Raise the limit of open files: each connection is one, and many systems' default is too low for thousands."""
    try:
        import resource
    except ImportError:  # pragma: no cover - Windows has no such limit
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + 64
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(ValueError, OSError):
            soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if soft != resource.RLIM_INFINITY and soft < wanted:
        log.warning(
            "the limit of open files is below that of connections",
            open_files=soft,
            connections=connections,
            hint=f"raise it with: ulimit -n {wanted}",
        )
