"""Opening of markets: from the server's settings and a client's request to a market at its beginning."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from feed.clock import Clock
from feed.data.ticks import Source
from feed.errors import UsageError
from feed.faults.fault import Fault
from feed.faults.registry import FaultError, check_names
from feed.hints import nearest
from feed.log import get_logger
from feed.market.commands import CommandError
from feed.market.history import ResumeWindow
from feed.market.hosted import MAIN, OpenedMarket
from feed.market.market import Market, MarketIdentity
from feed.market.market_faults import StandingFault
from feed.market.plan import EpochPlan
from feed.market.spec import NAME, MarketSpec
from feed.market.state import MarketState, exact_speed
from feed.market.traffic import KeptTraffic
from feed.protocol.codes import ErrorCode
from feed.scenario.faults import CHANNELS, fault_plans, standing_faults
from feed.scenario.model import Scenario
from feed.scenario.recent import RecentScenarios
from feed.scenario.values import Anchor
from feed.service.repertoire import MarketRepertoire, SourcePool
from feed.service.settings import Limits, ServeSettings
from feed.units import MILLISECOND, MINUTE, format_duration

__all__ = ["MarketOpener"]

log = get_logger("feed")


class MarketOpener:
    """Opener of the shared market, by the server's settings, and of others, as clients request them.

    Args:
        settings: the server's settings, which also are the defaults of clients' requests.
        clock: real time.

    Attributes:
        pool: the sources that are open.
    """

    def __init__(self, settings: ServeSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._recent = RecentScenarios()
        self.pool = SourcePool()

    def open(self, name: str, spec: MarketSpec) -> OpenedMarket:
        """Open a market, positioned before its first message.

        Raises:
            CommandError: a client asks for a scenario that does not exist, or a time that is not in it.
            FeedError: the scenario cannot be played.
        """
        settings = self._settings
        anchor = settings.anchor if spec.anchor is None else spec.anchor
        repertoire = MarketRepertoire(
            settings, self.pool, self._recent, spec.scenario, partial(_shift, anchor, self._clock.wall())
        )
        seed = repertoire.default_seed(repertoire.name) if spec.seed is None else spec.seed
        plan = EpochPlan(repertoire.name, seed)
        shared, scenario = repertoire.open(plan), repertoire.script(plan)
        if name == MAIN:
            for notice in shared.source.notices:
                log.info(notice)
        at = settings.at if spec.at is None else spec.at
        begins = _beginning(scenario, shared.source, at, repertoire.until(plan.scenario))
        speed = settings.speed if spec.speed is None else spec.speed
        paused = bool(spec.paused)
        faults = (*standing_faults(scenario), *_wanted_faults(spec, scenario, shared.source))
        standing = tuple(StandingFault(n, fault) for n, fault in enumerate(faults, 1))
        state = MarketState(
            seed=seed,
            scenario=plan.scenario,
            digest=repertoire.digest(plan, begins),
            begins=begins,
            at=begins - 1,
            speed=exact_speed(speed),
            usual=exact_speed(speed),
            end=shared.source.end,
            waits=not paused,
            faults=standing,
            armed=len(standing),
        )
        market = Market(
            MarketIdentity(name, scenario.name),
            shared,
            state,
            window=_resume_window(settings.limits),
            clock=self._clock,
            shift=repertoire.shift(plan),
            limits=_told_limits(settings.limits),
            repertoire=repertoire,
        )
        if name != MAIN and NAME.fullmatch(name) and settings.traffic_bytes:
            market.faults.traffic = KeptTraffic(settings.traffic_bytes)
        market.faults.plans = fault_plans(scenario)
        made_of = MarketSpec(
            scenario=spec.scenario or scenario.name,
            seed=seed,
            speed=speed,
            at=at,
            anchor=anchor,
            paused=paused,
            wait_for=settings.wait_for if spec.wait_for is None else spec.wait_for,
            faults=spec.faults,
            numbers=spec.numbers,
            heartbeat=spec.heartbeat,
            token=spec.token,
        )
        # What comes first is made meanwhile, in another thread.
        shared.prepare(begins)
        return OpenedMarket(market, made_of, is_own=spec.scenario is None)


def _wanted_faults(spec: MarketSpec, scenario: Scenario, source: Source) -> Sequence[Fault]:
    """Return the faults that a market is made with besides those of its scenario."""
    if not isinstance(spec.faults, str):
        faults = spec.faults or ()
        try:
            check_names(faults, CHANNELS, [instrument.symbol for instrument in source.instruments])
        except FaultError as error:
            raise CommandError(ErrorCode.INVALID_REQUEST, str(error), field=error.field, hint=error.hint) from None
        return faults
    plans = fault_plans(scenario)
    if spec.faults not in plans:
        near = nearest(spec.faults, plans)
        known = f"one of {', '.join(plans)}" if plans else "this scenario has none"
        hint = f"did you mean {near}?" if near else known
        message = f"The scenario has no plan {spec.faults!r}"
        raise CommandError(ErrorCode.INVALID_REQUEST, message, field="faults", hint=hint)
    return plans[spec.faults]


def _resume_window(limits: Limits) -> ResumeWindow:
    return ResumeWindow(limits.resume_messages, limits.resume_seconds, int(limits.resume_memory))


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


def _shift(anchor: Anchor, opened: int, start: int) -> int:
    """Return the ns from the scenario's own date to the date that clients see, in whole ms, so that none is lost."""
    if anchor == "scenario":
        return 0
    # A whole minute, so that candles of the exchanges begin at whole minutes, too.
    first = opened // MINUTE * MINUTE if anchor == "now" else anchor
    return (first - start) // MILLISECOND * MILLISECOND


def _told_limits(limits: Limits) -> dict[str, int | float]:
    """Return the limits that clients are informed of."""
    names = ("max_message_size", "max_subscriptions", "inbound_rate", "inbound_burst", "resume_messages")
    return {name: getattr(limits, name) for name in names}
