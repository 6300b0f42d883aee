"""Wires the parts together and runs them: from settings to a listening server, and from a signal to an exit code."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import functools
import gc
import os
import traceback
from collections.abc import AsyncIterator, Callable
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
from feed.scenario.activity import with_activity
from feed.scenario.find import find_scenario, list_scenarios
from feed.scenario.model import Scenario
from feed.server.http.metrics import Metrics
from feed.server.http.pages import Pages
from feed.server.peer import PeerLimits
from feed.server.server import FeedServer, ServerLimits
from feed.service.settings import Anchor, Limits, ServeSettings
from feed.signals import ASKED_BY_THE_SYSTEM, on_signals
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
    pages_from = {"origins": settings.origins, "hosts": settings.allowed_hosts}
    server = FeedServer(market, server_limits, clock, **pages_from, token=settings.token)
    metrics = Metrics(server.counters, market, pacemaker.counters, lambda: server.open_connections)
    scenarios = functools.partial(_known_scenarios, settings.scenarios)
    pages = Pages(
        market,
        metrics,
        clock,
        open_connections=lambda: server.open_connections,
        scenarios=scenarios,
        history_timeout=limits.history_timeout,
    )
    server.mount(pages.by_path())
    # What is there by now stays for good: a pass over it holds up the first messages by some fifty milliseconds.
    gc.collect()
    gc.freeze()
    await _listen(server, settings)
    recorder = await _recorder(settings, market, clock)
    if recorder is not None:
        metrics.recording = pages.recording = recorder.counters

    def say_ready() -> None:
        if ready is not None:
            ready(_url(server, settings))
        _say_what_comes(settings, market)

    return await _Run(server, market, pacemaker, settings, recorder, clock).until_stopped(say_ready)


def open_market(settings: ServeSettings, clock: Clock) -> Market:
    """The shared market that the settings describe, standing at its beginning."""
    scenario, path = _scenario(settings)
    scenario = with_activity(scenario, settings.activity)
    seed = scenario.seed if settings.seed is None else settings.seed
    source = open_source(scenario, path, seed, until=settings.until)
    for notice in getattr(source, "notices", ()):
        log.info(notice)
    begins = _beginning(scenario, source, settings)
    shift = _shift(source, settings.anchor, clock)
    digest = market_digest(scenario, path.parent, source, seed=seed, at=begins, shift=shift)
    return Market(
        MarketIdentity("main", scenario.name, seed, digest),
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
    if settings.until is not None and scenario.replay is not None:
        wanted["until"] = settings.until
    if settings.loop == "on":
        wanted["loop"] = True
    if settings.then is not None:
        wanted["continued"] = True
    if not wanted:
        return scenario, path
    if scenario.replay is None:
        raise UsageError(f"--loop and --then are for recordings; {scenario.name} is a scenario")
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

    async def until_stopped(self, say_ready: Callable[[], None]) -> int:
        """Say that clients can connect; serve until a signal comes, the market's end asks for it, or it fails."""
        with on_signals(self._signal):
            async with self._recording(), asyncio.TaskGroup() as tasks:
                # Not before signals are heard: who reads it may send one at once, and still have a whole recording.
                say_ready()
                playing = tasks.create_task(self._play())
                code = await self._stop
                reason = "the server restarts" if code is codes.RESTART else "the server stops"
                if code is codes.INTERNAL:
                    reason = "the market's source failed"
                log.info("stopping", connections=self._server.open_connections)
                await self._server.drain(code, reason)
                playing.cancel()
        return 0 if self._market.failure is None else 1

    async def _play(self) -> None:
        try:
            await self._pacemaker.run()
        except Exception as error:
            # Whatever it is: the server goes on, and tells it to everybody who asks.
            self._fail(error)
            return
        log.info("the market has ended", at_end=self._settings.at_end)
        if self._settings.at_end == "exit":
            self._finish(codes.GOING_AWAY)
        elif self._settings.at_end == "close":
            self._server.close_all(codes.MARKET_GONE, "the market has ended", after=END_GRACE)

    def _fail(self, error: Exception) -> None:
        reason = str(error) if isinstance(error, FeedError) else f"{type(error).__name__}: {error} ({_place_of(error)})"
        log.error("the market's source failed", market=self._market.identity.name, error=reason)
        log.debug("where it failed", exc_info=error)
        self._market.fail(reason)
        if self._settings.at_end == "exit":
            self._finish(codes.INTERNAL)
        else:
            self._server.market_failed()

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

    def _signal(self, number: int) -> None:
        # Ctrl-C is a person who stops the server; an orchestrator that stops it will start another one.
        code = codes.RESTART if number in ASKED_BY_THE_SYSTEM else codes.GOING_AWAY
        now = self._clock.now()
        if self._signalled is not None and now - self._signalled < SAME_SIGNAL:
            # Ctrl-C reaches a whole group of processes, and the one that started this one passes it on.
            return
        self._signalled = now
        if self._stop.done():
            # Asked twice: whoever asks does not want to wait for anybody.
            log.warning("stopped at once")
            os._exit(130)
        self._finish(code)


def _say_what_comes(settings: ServeSettings, market: Market) -> None:
    count = settings.wait_for
    waits = "nobody" if not count else "its first subscriber" if count == 1 else f"{count} subscribers"
    known = market.identity
    log.info(f"market time waits for {waits}", scenario=known.scenario, seed=known.seed, speed=str(settings.speed))


def _place_of(error: Exception) -> str:
    """File and line at which an error was raised."""
    last = traceback.extract_tb(error.__traceback__)[-1:]
    return f"{Path(last[0].filename).name}:{last[0].lineno}" if last else "nobody knows where"


async def _recorder(settings: ServeSettings, market: Market, clock: Clock) -> MarketRecorder | None:
    if settings.record is None:
        return None
    from feed.market.recorder import OF_A_DAY, MarketRecorder

    if not set(OF_A_DAY).isdisjoint(name.split(":")[0] for name in settings.record_channels):
        # The first ticker needs the day before it; made now, it does not hold up the first trades.
        await asyncio.wrap_future(market.warm())
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


def _beginning(scenario: Scenario, source: Source, settings: ServeSettings) -> int:
    at, until = settings.at, settings.until
    begins = source.start + at
    if until is not None and until <= at:
        raise UsageError(f"--until {format_duration(until)} is not behind --at {format_duration(at)}: nothing is left")
    if source.end is not None and begins >= source.end:
        length = format_duration(source.end - source.start)
        raise UsageError(f"--at {format_duration(at)} is behind the end of the scenario, which is {length} long")
    if (script_ends := scenario.script_end) is not None and at >= script_ends:
        told = {"at": format_duration(at), "script_ends": format_duration(script_ends)}
        log.warning("--at is behind the last phase and event: the market goes on without any", **told)
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
        history_timeout=limits.history_timeout,
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
