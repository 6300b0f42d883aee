"""Bundle of a market: everything that its bytes follow from, gathered at one moment, and packed apart from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from feed.errors import failure
from feed.faults.traffic import Traffic
from feed.market.commands import CommandError, Entry
from feed.market.digest import FORMAT_VERSION
from feed.market.hosted import HostedMarket
from feed.market.plan import EpochPlan
from feed.market.spec import MarketSpec
from feed.market.traffic import KeptTraffic, traffic_lines
from feed.protocol.codes import ErrorCode
from feed.scenario.find import RECORDINGS
from feed.scenario.generator import GENERATOR_VERSION
from feed.scenario.model import Scenario
from feed.scenario.write import scenario_text
from feed.tape.bundle import BUNDLE_FORMAT, MAX_CONTENT, Bundle, BundleManifest, write_bundle
from feed.version import __version__

__all__ = ["Gathered", "gather"]

FILES = "../files"
"""The folder of files, as scenarios in a bundle name it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """What a bundle is made of, taken in one go, so that it is of one moment.

    Attributes:
        manifest: what the market was made with.
        scripts: each scenario that it has played, by name, with the folder of its files.
        log: the commands.
        faults: what was armed and done.
        report: what the clients did.
        traffic: what was kept of it.
        dropped: for each connection, the pieces of traffic that are not kept.
    """

    manifest: BundleManifest
    scripts: Mapping[str, tuple[Scenario, Path]]
    log: tuple[Entry, ...]
    faults: Mapping[str, Any]
    report: Mapping[str, Any]
    traffic: tuple[Traffic, ...]
    dropped: dict[str, int]

    def pack(self) -> bytes:
        """Return the bundle. This reads and packs files: it belongs into a thread.

        Raises:
            CommandError: the files are too large.
            RecordingError: a file cannot be read any more.
        """
        files: dict[str, bytes] = {}
        scenarios = {}
        for name, (script, folder) in self.scripts.items():
            if Path(name).suffix.lower() in RECORDINGS:
                # A recording that is asked for by its own name; the scenario follows from it.
                _take(files, name, folder / script.files[0])
            else:
                scenarios[name] = scenario_text(_moved(script, folder, files), faults=script.faults)
        return write_bundle(
            Bundle(
                manifest=self.manifest,
                scenarios=scenarios,
                files=files,
                log=tuple(entry.document() for entry in self.log),
                faults=self.faults,
                report=self.report,
                traffic={f"{name}.jsonl": raw for name, raw in traffic_lines(self.traffic, self.dropped).items()},
            )
        )


def gather(hosted: HostedMarket, report: Callable[[HostedMarket], Mapping[str, Any]] | None = None) -> Gathered:
    """Return what the bundle of a market is made of.

    Raises:
        CommandError: the market is of no scenario, or its log is too long to begin at the beginning.
    """
    market, log = hosted.market, tuple(hosted.control.log)
    repertoire = market.repertoire
    if repertoire is None:
        raise CommandError(ErrorCode.NOT_POSSIBLE, "This market is of no scenario")
    if log and log[0].number != 1:
        message = "The log of this market is so long that its beginning is not kept"
        raise CommandError(ErrorCode.NOT_POSSIBLE, message, hint="make the market anew, and ask for its bundle sooner")
    first = hosted.first
    names = dict.fromkeys([first.scenario, *(entry.state.scenario for entry in log)])
    kept = market.faults.traffic
    traffic, dropped = (kept.pieces(), dict(kept.dropped)) if isinstance(kept, KeptTraffic) else ((), {})
    return Gathered(
        manifest=BundleManifest(
            format=BUNDLE_FORMAT,
            version=__version__,
            generator=GENERATOR_VERSION,
            wire=FORMAT_VERSION,
            market=hosted.name,
            scenario=first.scenario,
            seed=first.seed,
            digest=first.digest,
            begins=first.begins,
            shift=market.shift,
            end=first.end,
            at=max(market.here, market.published),
            own=hosted.is_own,
            speed="max" if first.is_max else str(first.speed),
            paused=bool(hosted.spec.paused),
            wait_for=hosted.spec.wait_for or 0,
            faults=_faults(hosted.spec),
            commands=hosted.control.newest,
        ),
        scripts={name: (repertoire.script(EpochPlan(name, first.seed)), repertoire.folder(name)) for name in names},
        log=log,
        faults=market.faults.document(),
        report={} if report is None else report(hosted),
        traffic=traffic,
        dropped=dropped,
    )


def _faults(spec: MarketSpec) -> str | list[dict[str, Any]] | None:
    return [fault.document for fault in spec.faults] if isinstance(spec.faults, tuple) else spec.faults


def _moved(script: Scenario, folder: Path, files: dict[str, bytes]) -> Scenario:
    """Return a scenario that names its files as they lie in the bundle, and take these."""
    names = []
    for name in script.files:
        own = f"{len(files)}-{''.join(each if each.isalnum() or each in '._-' else '-' for each in Path(name).name)}"
        _take(files, own[-100:].lstrip(".-"), folder / name)
        names.append(f"{FILES}/{next(reversed(files))}")
    if script.replay is not None:
        return script.model_copy(update={"replay": script.replay.model_copy(update={"files": tuple(names)})})
    if script.source is not None:
        return script.model_copy(update={"source": script.source.model_copy(update={"file": names[0]})})
    return script


def _take(files: dict[str, bytes], name: str, path: Path) -> None:
    try:
        size = path.stat().st_size
        if size + sum(map(len, files.values())) > MAX_CONTENT // 2:
            message = f"The files that the market plays are larger than {MAX_CONTENT // 2 // 2**20} MiB"
            raise CommandError(ErrorCode.LIMIT_EXCEEDED, message, hint="keep the files, and the log: GET …/log")
        files[name] = path.read_bytes()
    except OSError as error:
        raise failure(path, "", f"cannot be read: {error.strerror or error}") from None
