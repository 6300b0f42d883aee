"""Wires the parts together and runs them: from settings to a listening server, and from a signal to an exit code."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import functools
import gc
import os
import signal
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

from feed.clock import Clock, SystemClock
from feed.data.ticks import Source
from feed.delivery.outbox import OutboxLimits
from feed.errors import FeedError, UsageError
from feed.market.digest import market_digest
from feed.market.history import ResumeWindow
from feed.market.market import Market, MarketIdentity
from feed.market.pace import Pace
from feed.market.pacing import Pacemaker
from feed.protocol import codes
from feed.protocol.codes import CloseCode
from feed.protocol.view import SessionLimits
from feed.scenario.find import find_scenario, list_scenarios
from feed.scenario.model import Scenario
from feed.server.http.metrics import Metrics
from feed.server.http.pages import Pages
from feed.server.peer import PeerLimits
from feed.server.server import FeedServer, ServerLimits
from feed.service.settings import Anchor, Limits, ServeSettings
from feed.sources.opening import open_source, past_of
from feed.units import MILLISECOND, SECOND, format_duration

if TYPE_CHECKING:
    from feed.market.recorder import MarketRecorder

__all__ = ["serve"]

SAME_SIGNAL = 200 * MILLISECOND
"""What comes so soon after a signal is the same one."""

END_GRACE = 1 * SECOND
"""Clients are told that the market has ended so long before they are closed."""

log = structlog.get_logger("feed")


def serve(settings: ServeSettings, ready: Callable[[str], None] | None = None) -> int:
    """Run a server until it is told to stop; returns the exit code of the process.

    Args:
        settings: what to serve, where and how.
        ready: called with the server's URL once clients can connect.

    Raises:
        FeedError: for what makes it impossible to start, with one clear line.
    """
    _raise_descriptor_limit(settings.limits.max_connections)
    return asyncio.run(_serve(settings, SystemClock(), ready))


async def _serve(settings: ServeSettings, clock: Clock, ready: Callable[[str], None] | None) -> int:
    market = open_market(settings, clock)
    limits = settings.limits
    pacemaker = Pacemaker(
        market,
        clock,
        wait_for=settings.wait_for,
        gather=limits.gather,
        patience=limits.patience,
    )
    server_limits = _server_limits(limits, compression=settings.compression == "on")
    server = FeedServer(market, server_limits, clock, origins=settings.origins, token=settings.token)
    metrics = Metrics(server.counters, market, pacemaker.counters, lambda: server.open_connections)
    scenarios = functools.partial(_known_scenarios, settings.scenarios)
    pages = Pages(market, metrics, clock, open_connections=lambda: server.open_connections, scenarios=scenarios)
    server.mount(pages.by_path())
    # What is there by now stays for good: a pass over it holds up the first messages by some fifty milliseconds.
    gc.collect()
    gc.freeze()
    await _listen(server, settings)
    recorder = await _recorder(settings, market, clock)
    if recorder is not None:
        metrics.recording = pages.recording = recorder.counters
    if ready is not None:
        ready(_url(server, settings))
    return await _Run(server, market, pacemaker, settings, recorder, clock).until_stopped()


def open_market(settings: ServeSettings, clock: Clock) -> Market:
    """The shared market that the settings describe, standing at its beginning."""
    scenario, path = _scenario(settings)
    seed = scenario.seed if settings.seed is None else settings.seed
    source = open_source(scenario, path, seed)
    for notice in source.notices:
        log.info(notice)
    begins = _beginning(source, settings.at)
    shift = _shift(source, settings.anchor, clock)
    return Market(
        MarketIdentity("main", scenario.name, seed, market_digest(source, at=begins, shift=shift)),
        source,
        Pace(begins, settings.speed),
        window=ResumeWindow(settings.limits.resume_messages, settings.limits.resume_seconds),
        clock=clock,
        shift=shift,
        limits=_told_limits(settings.limits),
        past=past_of(source, scenario, seed),
    )


def _scenario(settings: ServeSettings) -> tuple[Scenario, Path]:
    """The scenario that is served: a recording may be cut, repeated, or continued as another one."""
    scenario, path = find_scenario(settings.scenario, settings.scenarios)
    wanted: dict[str, object] = {}
    if settings.until is not None:
        wanted["until"] = settings.until
    if settings.loop == "on":
        wanted["loop"] = True
    if settings.then is not None:
        wanted["continued"] = True
    if not wanted:
        return scenario, path
    if scenario.replay is None:
        raise UsageError(f"--until, --loop and --then are for recordings; {scenario.name} is a scenario")
    replay = scenario.replay.model_copy(update=wanted)
    if replay.loop and replay.continued:
        raise UsageError("--loop on has no end from which --then could go on: use one of them")
    if settings.then is None:
        return scenario.model_copy(update={"replay": replay}), path
    # What goes on has its own character; the name says what it began as.
    later, _ = find_scenario(settings.then, settings.scenarios)
    if later.replay is not None or later.source is not None:
        raise UsageError(f"--then {settings.then} is a recording itself; name a scenario")
    return later.model_copy(update={"name": scenario.name, "replay": replay}), path


class _Run:
    """A server and its market, from start to stop."""

    def __init__(
        self,
        server: FeedServer,
        market: Market,
        pacemaker: Pacemaker,
        settings: ServeSettings,
        recorder: MarketRecorder | None,
        clock: Clock,
    ) -> None:
        self._server = server
        self._market = market
        self._pacemaker = pacemaker
        self._settings = settings
        self._recorder = recorder
        self._clock = clock
        self._signalled: int | None = None
        self._stop: asyncio.Future[CloseCode] = asyncio.get_running_loop().create_future()

    async def until_stopped(self) -> int:
        """Serve until a signal comes, the market's end asks for it, or the market fails."""
        # A day of market takes longer to make than an event loop should stand still; nobody waits for it at the end.
        threading.Thread(target=self._market.warm, name="warm", daemon=True).start()
        with self._signals():
            async with self._recording(), asyncio.TaskGroup() as tasks:
                playing = tasks.create_task(self._play())
                code = await self._stop
                reason = "the server restarts" if code is codes.RESTART else "the server stops"
                if code is codes.INTERNAL:
                    reason = "the market's source failed"
                log.info("stopping", connections=self._server.open_connections)
                await self._server.drain(code, reason)
                playing.cancel()
        return 1 if code is codes.INTERNAL else 0

    async def _play(self) -> None:
        try:
            await self._pacemaker.run()
        except FeedError as error:
            log.error("the market's source failed", error=str(error))
            self._finish(codes.INTERNAL)
            return
        log.info("the market has ended", at_end=self._settings.at_end)
        if self._settings.at_end == "exit":
            self._finish(codes.GOING_AWAY)
        elif self._settings.at_end == "close":
            self._server.close_all(codes.MARKET_GONE, "the market has ended", after=END_GRACE)

    @contextlib.asynccontextmanager
    async def _recording(self) -> AsyncIterator[None]:
        """What has been recorded is finished, whatever ends the market."""
        try:
            yield
        finally:
            if self._recorder is not None:
                await asyncio.to_thread(self._recorder.close)

    def _finish(self, code: CloseCode) -> None:
        if not self._stop.done():
            self._stop.set_result(code)

    def _signal(self, code: CloseCode) -> None:
        now = self._clock.now()
        if self._signalled is not None and now - self._signalled < SAME_SIGNAL:
            # Ctrl-C reaches a whole group of processes, and the one that started this one passes it on.
            return
        self._signalled = now
        if self._stop.done():
            # Asked twice: whoever asks does not want to wait for anybody.
            sys.stderr.write("stopped at once\n")
            sys.stderr.flush()
            os._exit(130)
        self._finish(code)

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        """Ctrl-C is a person who stops the server; SIGTERM is an orchestrator that will start another one."""
        loop = asyncio.get_running_loop()
        handled = {signal.SIGINT: codes.GOING_AWAY, signal.SIGTERM: codes.RESTART}
        for number, code in handled.items():
            try:
                loop.add_signal_handler(number, self._signal, code)
            except NotImplementedError:  # pragma: no cover - an event loop without signals, as on Windows
                signal.signal(number, lambda *_, code=code: loop.call_soon_threadsafe(self._signal, code))
        try:
            yield
        finally:
            for number in handled:
                with contextlib.suppress(NotImplementedError):
                    loop.remove_signal_handler(number)


async def _recorder(settings: ServeSettings, market: Market, clock: Clock) -> MarketRecorder | None:
    if settings.record is None:
        return None
    from feed.market.recorder import OF_A_DAY, MarketRecorder

    if not set(OF_A_DAY).isdisjoint(name.split(":")[0] for name in settings.record_channels):
        # The first ticker needs the day before it; made now, it does not hold up the first trades.
        await asyncio.to_thread(market.warm)
    return MarketRecorder(market, settings.record, settings.record_channels, clock)


async def _listen(server: FeedServer, settings: ServeSettings) -> None:
    try:
        await server.start(settings.host, settings.port)
    except OSError as error:
        raise UsageError(_why_not(error, settings.host, settings.port)) from error
    except OverflowError as error:
        raise UsageError(f"there is no port {settings.port}; use 0 to 65535") from error


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
    return f"ws://{'127.0.0.1' if settings.host in ('0.0.0.0', '') else shown}:{port}"


def _known_scenarios(folder: Path | None) -> list[dict[str, Any]]:
    return [
        {"name": scenario.name, "description": scenario.description, "seed": scenario.seed}
        for scenario in list_scenarios(folder)
    ]


def _beginning(source: Source, at: int) -> int:
    begins = source.start + at
    if source.end is not None and begins >= source.end:
        length = format_duration(source.end - source.start)
        raise UsageError(f"--at {format_duration(at)} is behind the end of the scenario, which is {length} long")
    return begins


def _shift(source: Source, anchor: Anchor, clock: Clock) -> int:
    """Nanoseconds between the scenario's own date and what clients see; whole milliseconds, so that none is lost."""
    if anchor == "scenario":
        return 0
    first = clock.wall() if anchor == "now" else anchor
    return (first - source.start) // MILLISECOND * MILLISECOND


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
        drain_spread=limits.drain_spread,
        drain_timeout=limits.drain_timeout,
        compression=compression,
    )


def _told_limits(limits: Limits) -> dict[str, int | float]:
    """What of the limits a client should know."""
    names = ("max_message_size", "max_subscriptions", "inbound_rate", "inbound_burst", "resume_messages")
    return {name: getattr(limits, name) for name in names}


def _raise_descriptor_limit(connections: int) -> None:
    """Each connection is a file; the default of many systems is too few for thousands."""
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
