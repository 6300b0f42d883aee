"""Opening of markets: from the server's settings and a client's request to a market at its beginning."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import structlog

from feed.clock import Clock
from feed.data.ticks import Source
from feed.errors import ScenarioError, UsageError
from feed.hints import nearest
from feed.market.commands import CommandError
from feed.market.digest import market_digest
from feed.market.history import ResumeWindow
from feed.market.market import Market, MarketIdentity
from feed.market.markets import MAIN, MarketSpec, OpenedMarket
from feed.market.state import MarketState, exact_speed
from feed.protocol.codes import ErrorCode
from feed.scenario.activity import with_activity
from feed.scenario.draft import load_draft
from feed.scenario.find import find_scenario, scenario_names
from feed.scenario.model import Scenario
from feed.scenario.values import Anchor
from feed.service.settings import Limits, ServeSettings
from feed.sources.opening import open_source, past_of
from feed.units import MILLISECOND, format_duration

__all__ = ["MarketOpener", "served_scenario"]

log = structlog.get_logger("feed")


class MarketOpener:
    """Opener of the shared market, by the server's settings, and of others, as clients request them.

    Args:
        settings: the server's settings, which also are the defaults of clients' requests.
        clock: real time.
    """

    def __init__(self, settings: ServeSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock

    def open(self, name: str, spec: MarketSpec) -> OpenedMarket:
        """Open a market, positioned before its first message.

        Raises:
            CommandError: a client asks for a scenario that does not exist, or a time that is not in it.
            FeedError: the scenario cannot be played.
        """
        settings = self._settings
        scenario, path = self._scenario(name, spec)
        seed = spec.seed if spec.seed is not None else settings.seed if settings.seed is not None else scenario.seed
        # The server's --until applies to the scenario it serves, and not to one that a client asks for by name.
        until = settings.until if spec.scenario is None and spec.draft is None else None
        source = open_source(scenario, path, seed, until=until)
        if name == MAIN:
            for notice in source.notices:
                log.info(notice)
        at = settings.at if spec.at is None else spec.at
        begins = _beginning(scenario, source, at, until)
        anchor = settings.anchor if spec.anchor is None else spec.anchor
        shift = _shift(source, anchor, self._clock)
        speed = settings.speed if spec.speed is None else spec.speed
        paused = bool(spec.paused)
        digest_of = partial(_digest, scenario, path, source, shift)
        state = MarketState(
            seed=seed,
            digest=digest_of(seed, begins),
            begins=begins,
            at=begins - 1,
            speed=exact_speed(speed),
            end=source.end,
            waits=not paused,
        )
        market = Market(
            MarketIdentity(name, scenario.name),
            source,
            state,
            window=ResumeWindow(settings.limits.resume_messages, settings.limits.resume_seconds),
            clock=self._clock,
            shift=shift,
            limits=_told_limits(settings.limits),
            past=past_of(source, scenario, seed),
            reopen=partial(_reopen, scenario, path, until),
        )
        made_of = MarketSpec(
            scenario=None if spec.draft is not None else spec.scenario or scenario.name,
            draft=spec.draft,
            seed=seed,
            speed=speed,
            at=at,
            anchor=anchor,
            paused=paused,
            wait_for=settings.wait_for if spec.wait_for is None else spec.wait_for,
        )
        return OpenedMarket(market, made_of, digest_of)

    def _scenario(self, name: str, spec: MarketSpec) -> tuple[Scenario, Path]:
        if spec.draft is not None:
            return _drafted(spec), Path("draft.toml")
        if spec.scenario is None:
            scenario, path = served_scenario(self._settings)
            return with_activity(scenario, self._settings.activity), path
        known = scenario_names(self._settings.scenarios)
        if spec.scenario not in known:
            near = nearest(spec.scenario, known)
            hint = f"did you mean {near}?" if near else "GET /scenarios lists them"
            raise CommandError(
                ErrorCode.INVALID_REQUEST, f"There is no scenario {spec.scenario!r}", field="scenario", hint=hint
            )
        return find_scenario(spec.scenario, self._settings.scenarios)


def _drafted(spec: MarketSpec) -> Scenario:
    """Return the scenario that a client sent along."""
    assert spec.draft is not None
    if spec.scenario is not None:
        raise CommandError(
            ErrorCode.INVALID_REQUEST, "scenario and draft exclude each other", field="draft", hint="leave one out"
        )
    try:
        return load_draft(spec.draft)
    except (UsageError, ScenarioError) as error:
        raise CommandError(
            ErrorCode.INVALID_REQUEST, str(error), field="draft", hint="GET /check?draft=… names every mistake"
        ) from None


def _digest(scenario: Scenario, path: Path, source: Source, shift: int, seed: int, begins: int) -> str:
    return market_digest(scenario, path.parent, source, seed=seed, at=begins, shift=shift)


def _reopen(scenario: Scenario, path: Path, until: int | None, seed: int) -> tuple[Source, Source]:
    source = open_source(scenario, path, seed, until=until)
    return source, past_of(source, scenario, seed)


def served_scenario(settings: ServeSettings) -> tuple[Scenario, Path]:
    """Return the served scenario: a recording may be cut, repeated, or continued as another scenario."""
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
    # The continuation has the later scenario's behaviour; the name stays that of the recording.
    later, _ = find_scenario(settings.then, settings.scenarios)
    if later.replay is not None or later.source is not None:
        raise UsageError(f"--then {settings.then} is a recording itself; name a scenario")
    return later.model_copy(update={"name": scenario.name, "replay": replay}), path


def _beginning(scenario: Scenario, source: Source, at: int, until: int | None) -> int:
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
    """Return the ns from the scenario's own date to the date that clients see, in whole ms, so that none is lost."""
    if anchor == "scenario":
        return 0
    first = clock.wall() if anchor == "now" else anchor
    return (first - source.start) // MILLISECOND * MILLISECOND


def _told_limits(limits: Limits) -> dict[str, int | float]:
    """Return the limits that clients are informed of."""
    names = ("max_message_size", "max_subscriptions", "inbound_rate", "inbound_burst", "resume_messages")
    return {name: getattr(limits, name) for name in names}
