"""Repertoire of the server: scenarios and recordings by name, opened once and shared by all markets that play them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeVar
from weakref import WeakValueDictionary

from feed.engine.source import EngineSource
from feed.errors import ScenarioError, UsageError
from feed.hints import nearest
from feed.market.chores import Chores
from feed.market.commands import CommandError
from feed.market.digest import market_digest
from feed.market.plan import EpochPlan
from feed.market.shared import SharedSource
from feed.protocol.codes import ErrorCode
from feed.scenario.activity import with_activity
from feed.scenario.checks import problems_of
from feed.scenario.draft import drafted_scenario, is_draft
from feed.scenario.find import find_scenario, scenario_names
from feed.scenario.load import scenario_digest
from feed.scenario.model import Scenario
from feed.scenario.recent import RecentScenarios
from feed.service.settings import ServeSettings
from feed.sources.opening import EndedSource, open_source, past_of

__all__ = ["MarketRepertoire", "SourcePool", "served_scenario"]

KEPT_SOURCES = 8
"""The number of sources that are kept though no market plays them any more: tests come one after the other."""


class SourcePool:
    """Sources by what they play; one that several markets play is opened once.

    Attributes:
        chores: the thread for the slow work of all of them.
    """

    def __init__(self) -> None:
        self.chores = Chores()
        self._open: WeakValueDictionary[object, SharedSource] = WeakValueDictionary()
        self._recent: OrderedDict[object, SharedSource] = OrderedDict()

    def take(self, key: object, make: Callable[[], SharedSource]) -> SharedSource:
        """Return the source of a key, made if there is none."""
        shared = self._open.get(key)
        if shared is None:
            shared = self._open[key] = make()
        self._recent[key] = shared
        self._recent.move_to_end(key)
        while len(self._recent) > KEPT_SOURCES:
            self._recent.popitem(last=False)
        return shared

    @property
    def sources(self) -> list[SharedSource]:
        """All sources that are open."""
        return list(self._open.values())


@dataclass(frozen=True, slots=True)
class _Piece:
    """Scenario with the path of its file, and the time at which it is cut."""

    scenario: Scenario
    path: Path
    until: int | None


class MarketRepertoire:
    """What the epochs of one market may play.

    Args:
        settings: the server's settings: its own scenario, and the folders of others.
        pool: the sources that are open.
        recent: the scenarios that have been read.
        own: the scenario that the market was made with, by a client's name for it; None is the server's own.
        first: the first timestamp that clients see, in ns UTC; None: the scenario's own date.
    """

    def __init__(
        self,
        settings: ServeSettings,
        pool: SourcePool,
        recent: RecentScenarios,
        own: str | None,
        first: Callable[[int], int],
    ) -> None:
        self._settings = settings
        self._pool = pool
        self._recent = recent
        self._own = own
        self._first = first
        # A file that is changed meanwhile changes nothing of a market that plays it.
        self._pieces: dict[str, _Piece] = {}
        self._scripts: OrderedDict[EpochPlan, Scenario] = OrderedDict()
        self._sources: OrderedDict[EpochPlan, SharedSource] = OrderedDict()

    @cached_property
    def name(self) -> str:
        """The name of the scenario that the market was made with."""
        return self._own if self._own is not None else served_scenario(self._settings, self._recent)[0].name

    def open(self, plan: EpochPlan) -> SharedSource:
        """Return the source of a plan, which other markets may play as well."""
        shared = self._sources.get(plan)
        if shared is None:
            piece, script = self._piece(plan.scenario), self.script(plan)
            names = tuple(str(piece.path.parent / name) for name in script.files)
            key = (scenario_digest(script), names, piece.until)
            shared = self._pool.take(key, lambda: self._opened(plan, script, piece))
            _keep(self._sources, plan, shared)
        return shared

    def digest(self, plan: EpochPlan, begins: int) -> str:
        """Return the digest of the frames of an epoch that begins at this market time."""
        script, folder = self.script(plan), self._piece(plan.scenario).path.parent
        source = self.open(plan).source
        return market_digest(script, folder, source, seed=plan.seed, at=begins, shift=self.shift(plan))

    def script(self, plan: EpochPlan) -> Scenario:
        """Return the scenario that does the same by itself, with the seed and the shocks in it."""
        script = self._scripts.get(plan)
        if script is None:
            script = self._written(plan)
            _keep(self._scripts, plan, script)
        return script

    def shift(self, plan: EpochPlan) -> int:
        """Return the nanoseconds that are added to market time for the time that clients see."""
        return self._first(self.open(plan).source.start)

    def default_seed(self, scenario: str) -> int:
        """Return the seed that a scenario is played with if nobody names one."""
        own = self._settings.seed
        return self._piece(scenario).scenario.seed if own is None else own

    def until(self, scenario: str) -> int | None:
        """Return the time into a scenario at which it is cut, ns; None if it is played whole."""
        return self._piece(scenario).until

    def folder(self, scenario: str) -> Path:
        """Return the folder that the names of a scenario's files are relative to."""
        return self._piece(scenario).path.parent

    def _opened(self, plan: EpochPlan, script: Scenario, piece: _Piece) -> SharedSource:
        source = open_source(script, piece.path, plan.seed, until=piece.until)
        shared = SharedSource(source, past_of(source, script, plan.seed), self._pool.chores)
        if plan.shocks:
            *earlier, newest = plan.shocks
            before, at = self.open(EpochPlan(plan.scenario, plan.seed, tuple(earlier))), source.start + newest.at
            shared.inherit(before, at)
            ours, theirs = _engine(source), _engine(before.source)
            if ours is not None and theirs is not None:
                ours.inherit(theirs, at)
        return shared

    def _written(self, plan: EpochPlan) -> Scenario:
        scenario = self._piece(plan.scenario).scenario.model_copy(update={"seed": plan.seed})
        if not plan.shocks:
            return scenario
        if scenario.replay is not None or scenario.source is not None:
            hint = "a recording is as it was: make a market of a scenario"
            raise CommandError(ErrorCode.NOT_POSSIBLE, "A recording cannot be given a shock", hint=hint)
        shocked = scenario.model_copy(update={"events": (*scenario.events, *plan.shocks)})
        if problems := problems_of(shocked):
            place = f"events[{len(shocked.events) - 1}]"
            problem = next((each for each in problems if each.where.startswith(place)), problems[0])
            field = problem.where.removeprefix(place).strip(".") or None
            message = f"The shock does not fit: {field + ' ' if field else ''}{problem.message}"
            raise CommandError(ErrorCode.NOT_POSSIBLE, message, field=field, hint=problem.hint)
        return shocked

    def _piece(self, name: str) -> _Piece:
        piece = self._pieces.get(name)
        if piece is None:
            piece = self._pieces[name] = self._read(name)
        return piece

    def _read(self, name: str) -> _Piece:
        if name == self.name and self._own is None:
            scenario, path = served_scenario(self._settings, self._recent)
            return _Piece(with_activity(scenario, self._settings.activity), path, self._settings.until)
        # The server's --until applies to the scenario it serves, and not to one that a client asks for by name.
        return _Piece(*self._found(name), None)

    def _found(self, name: str) -> tuple[Scenario, Path]:
        if is_draft(name):
            return _drafted(name), Path("draft.toml")
        recording = _recording(name, self._settings.recordings)
        if recording is not None:
            return self._recent.find(str(recording))
        known = scenario_names(self._settings.scenarios)
        if name not in known:
            recordings = [] if self._settings.recordings is None else _recordings_in(self._settings.recordings)
            near = nearest(name, [*known, *recordings])
            hint = f"did you mean {near}?" if near else "GET /scenarios lists them"
            raise CommandError(
                ErrorCode.INVALID_REQUEST, f"There is no scenario {name[:64]!r}", field="scenario", hint=hint
            )
        return self._recent.find(name, self._settings.scenarios)


T = TypeVar("T")


def _keep(kept: OrderedDict[EpochPlan, T], plan: EpochPlan, value: T) -> None:
    """Keep a value of a plan, of which a market needs the newest."""
    kept[plan] = value
    while len(kept) > KEPT_SOURCES:
        kept.popitem(last=False)


def _drafted(name: str) -> Scenario:
    """Return the scenario that a client sent along."""
    try:
        return drafted_scenario(name)
    except (UsageError, ScenarioError) as error:
        hint = "GET /check?draft=… names every mistake"
        raise CommandError(ErrorCode.INVALID_REQUEST, str(error), field="scenario", hint=hint) from None


def _engine(source: object) -> EngineSource | None:
    whole = source.whole if isinstance(source, EndedSource) else source
    return whole if isinstance(whole, EngineSource) else None


def _recording(name: str, folder: Path | None) -> Path | None:
    """Return the recording of that name, which lies in the folder itself; None if there is none."""
    if folder is None or name not in _recordings_in(folder):
        return None
    return folder / name


def _recordings_in(folder: Path) -> list[str]:
    from feed.scenario.find import RECORDINGS

    try:
        return sorted(file.name for file in folder.iterdir() if file.suffix.lower() in RECORDINGS and file.is_file())
    except OSError:
        return []


def served_scenario(settings: ServeSettings, recent: RecentScenarios | None = None) -> tuple[Scenario, Path]:
    """Return the served scenario: a recording may be cut, repeated, or continued as another scenario."""
    find = find_scenario if recent is None else recent.find
    scenario, path = find(settings.scenario, settings.scenarios)
    wanted: dict[str, object] = {}
    if settings.until is not None and scenario.replay is not None:
        wanted["until"] = settings.until
    if settings.loop == "on":
        wanted["loop"] = True
    if settings.pace != "exchange":
        wanted["pace"] = settings.pace
    if settings.then is not None:
        wanted["continued"] = True
    if not wanted:
        return scenario, path
    if scenario.replay is None:
        raise UsageError(f"--loop, --pace and --then are for recordings; {scenario.name} is a scenario")
    replay = scenario.replay.model_copy(update=wanted)
    if replay.loop and replay.continued:
        raise UsageError("--loop on has no end from which --then could go on: use one of them")
    if settings.then is None:
        return scenario.model_copy(update={"replay": replay}), path
    # The continuation has the later scenario's behaviour; the name stays that of the recording.
    later, _ = find(settings.then, settings.scenarios)
    if later.replay is not None or later.source is not None:
        raise UsageError(f"--then {settings.then} is a recording itself; name a scenario")
    return later.model_copy(update={"name": scenario.name, "replay": replay}), path
