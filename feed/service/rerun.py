"""Bundles made to run again: the market of a bundle, compared with its traffic, and served with its log."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory

from feed.clock import Clock
from feed.errors import failure
from feed.faults.registry import read_fault
from feed.market.commands import Entry
from feed.market.comparison import Difference, TrafficComparison
from feed.market.digest import FORMAT_VERSION
from feed.market.hosted import MAIN, OpenedMarket
from feed.market.markets import Markets
from feed.market.rerun import Rerun, entries_from, play_log
from feed.market.spec import MarketSpec
from feed.scenario.find import find_scenario
from feed.scenario.generator import GENERATOR_VERSION
from feed.scenario.values import Anchor
from feed.service.opener import MarketOpener
from feed.service.settings import ServeSettings
from feed.tape.bundle import Bundle, BundleManifest, read_bundle
from feed.units import DAY, parse_speed
from feed.version import __version__

__all__ = ["BundleRerun", "Comparison", "opened_bundle"]

FILES = "../files/"


@dataclass(frozen=True, slots=True)
class Comparison:
    """Result of making a bundle's traffic again.

    Attributes:
        compared: the number of messages that are equal, byte for byte.
        passed_over: the number of data messages that cannot be compared.
        difference: the first message that differs, or None.
        reason: why bytes may differ: another version; empty where it is this one.
    """

    compared: int
    passed_over: int
    difference: Difference | None
    reason: str


class BundleRerun:
    """Bundle whose market can be made again.

    Args:
        path: its file, for messages.
        bundle: its content.
        settings: the settings of a server for it, with the folders that the bundle has been unpacked to.
        entries: its log.
    """

    def __init__(self, path: Path, bundle: Bundle, settings: ServeSettings, entries: list[Entry]) -> None:
        self._path = path
        self.bundle = bundle
        self.settings = settings
        self._entries = entries

    @property
    def manifest(self) -> BundleManifest:
        """What made the bundle."""
        return self.bundle.manifest

    @property
    def reason(self) -> str:
        """Why bytes may differ: another version made the bundle; empty where it was this one."""
        made = self.manifest
        if (made.version, made.generator, made.wire) == (__version__, GENERATOR_VERSION, FORMAT_VERSION):
            return ""
        return (
            f"feed {made.version} made the bundle (generator {made.generator}, frames {made.wire}), "
            f"and this is feed {__version__} (generator {GENERATOR_VERSION}, frames {FORMAT_VERSION})"
        )

    def compare(self, clock: Clock) -> Comparison:
        """Make every message again, and compare it with what was sent."""
        opened = self.open(MarketOpener(self.settings, clock))
        done = self.bundle.faults.get("done")
        deeds = done if isinstance(done, list) else []
        changed = {(deed.get("connection"), deed.get("stream"), deed.get("seq")) for deed in deeds}
        comparison = TrafficComparison()
        for name, content in self.bundle.traffic.items():
            comparison.add(name.partition(".")[0], content, changed)
        comparison.attach(opened.market)
        play_log(opened.market, self._entries, self.manifest.at)
        return Comparison(comparison.compared, comparison.passed_over, comparison.difference(), self.reason)

    def open(self, opener: MarketOpener) -> OpenedMarket:
        """Open the market as it was at first, except that it waits for its first subscriber.

        Raises:
            RecordingError: it would have other bytes, as the digests say.
        """
        made = self.manifest
        spec = MarketSpec(
            scenario=None if made.own else made.scenario,
            seed=made.seed,
            speed=parse_speed(made.speed if made.speed == "max" else str(float(Fraction(made.speed)))),
            at=0,
            paused=made.paused,
            faults=tuple(map(read_fault, made.faults)) if isinstance(made.faults, list) else made.faults,
            wait_for=max(1, made.wait_for),
        )
        start = opener.open(made.market, spec).market.source.start
        anchor: Anchor = start + made.shift if made.shift else "scenario"
        opened = opener.open(made.market, replace(spec, at=made.begins - start, anchor=anchor))
        market = opened.market
        if market.state.digest != made.digest:
            reason = self.reason or "its scenarios or files are not those that it was made with"
            raise failure(self._path, "manifest.json", f"every byte would differ: {reason}")
        market.obey(replace(market.state, waits=True))
        return opened

    def opener(self, opener: MarketOpener) -> Callable[[str, MarketSpec], OpenedMarket]:
        """Return an opener that opens the bundle's market under its own name and as the shared one, and all others."""

        def open_market(name: str, spec: MarketSpec) -> OpenedMarket:
            return self.open(opener) if name in (MAIN, self.manifest.market) else opener.open(name, spec)

        return open_market

    def stage(self, markets: Markets, clock: Clock) -> None:
        """Let the log run on the shared market, and on one with the bundle's name, from their first subscriber on."""
        if self.manifest.market != MAIN:
            markets.open(self.manifest.market, MarketSpec())
        for hosted in markets:
            rerun = Rerun(hosted.market, hosted.player, hosted.control, self._entries, clock)
            hosted.player.on_awaited = rerun.begin
            if hosted.name != MAIN:
                markets.play(hosted)


@contextmanager
def opened_bundle(path: Path, settings: ServeSettings) -> Iterator[BundleRerun]:
    """Read a bundle, and unpack its scenarios and files for the block.

    Raises:
        RecordingError: it is none, or names files outside of itself.
        UsageError: its log cannot be read.
    """
    bundle = read_bundle(path)
    entries = entries_from(bundle.log)
    with TemporaryDirectory(prefix="feed-bundle-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        bundle.unpack(folder)
        _check_files(path, bundle, folder)
        yield BundleRerun(path, bundle, _settings(bundle, folder, settings), entries)


def _check_files(path: Path, bundle: Bundle, folder: Path) -> None:
    """Raise RecordingError where a scenario would play a file that is not in the bundle."""
    for name in bundle.scenarios:
        scenario, _ = find_scenario(str(folder / "scenarios" / f"{name}.toml"))
        for file in scenario.files:
            if not file.startswith(FILES) or file.removeprefix(FILES) not in bundle.files:
                raise failure(path, f"scenarios/{name}.toml", f"plays {file[:100]}, which is not in the bundle")


def _settings(bundle: Bundle, folder: Path, settings: ServeSettings) -> ServeSettings:
    made = bundle.manifest
    update: dict[str, object] = {
        "scenarios": folder / "scenarios",
        "recordings": folder / "files",
        "market_idle": DAY,
        "activity": 1.0,
        "seed": None,
        "until": None,
    }
    if made.own:
        file = folder / "scenarios" / f"{made.scenario}.toml"
        update["scenario"] = str(file)
        scenario, _ = find_scenario(str(file))
        if made.end is not None and scenario.replay is None and scenario.end != made.end:
            update["until"] = made.end - scenario.start
    return settings.model_copy(update=update)
