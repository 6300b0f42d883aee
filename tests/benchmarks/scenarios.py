"""What is measured: each scenario names its contenders, their work, the load, and the figure that is compared."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from pathlib import Path

from tests.benchmarks.contenders import Work, start
from tests.benchmarks.processes import memory_kib
from tests.benchmarks.product import messages_a_write, publish_log
from tests.benchmarks.sink import Load, Measurement, holding, measure
from tests.benchmarks.tools import MissingError

__all__ = ["SCENARIOS", "Entry", "Figures", "Scenario", "deliver"]

Figures = dict[str, float]


@dataclass(frozen=True, slots=True)
class Entry:
    """One contender with its work and load; the label tells entries of one contender apart."""

    contender: str
    work: Work
    load: Load
    label: str = ""

    @property
    def name(self) -> str:
        """The row's name."""
        return f"{self.contender} {self.label}".strip()


@dataclass(frozen=True, slots=True)
class Scenario:
    """Entries that are tried in turn. The first is what the others are compared with."""

    name: str
    entries: tuple[Entry, ...]
    figures: tuple[str, ...] = ("deliveries/cpu-s",)
    trial: Callable[[Entry, float], Figures] | None = None
    """Measures one entry for some seconds; `deliver` where there is none."""

    def narrowed(self, contenders: Collection[str], length: int) -> Scenario:
        """The same with the entries of these contenders, whose messages have that length."""
        chosen = [entry for entry in self.entries if entry.contender in contenders]
        return replace(self, entries=tuple(replace(e, work=replace(e.work, length=length)) for e in chosen))


def deliver(entry: Entry, seconds: float) -> Figures:
    """Deliver for some seconds.

    Raises:
        MissingError: the contender is not on this machine, or messages were lost.
    """
    with tempfile.TemporaryDirectory(prefix="feed-benchmark-") as folder:
        load, work = replace(entry.load, seconds=seconds), entry.work
        if load.latency != "none" and entry.contender == "product":
            log = publish_log(Path(folder) / "published")
            load, work = replace(load, latency=str(log)), replace(work, log=log)
        with start(entry.contender, work) as server:
            seen = measure(server, load)
            own = {"messages/write": messages_a_write(server.port)} if entry.contender == "product" else {}
    if work.deflate and not seen.deflated:
        raise MissingError("it does not compress")
    return _figures(seen) | own


def _figures(seen: Measurement) -> Figures:
    if seen.gaps:
        raise MissingError(f"{seen.gaps} connections missed messages")
    figures = {
        "deliveries/cpu-s": seen.per_cpu_second,
        "deliveries/s": seen.frames / seen.seconds,
        "cpu": seen.cpu_seconds / seen.seconds,
        "bytes/delivery": seen.bytes / max(1, seen.frames),
        "disconnects": seen.disconnects,
        "deflated": seen.deflated,
        "unchecked": seen.unchecked,
    }
    if seen.samples:
        figures |= {"p50 us": seen.p50_us, "p99 us": seen.p99_us}
    return figures


def idle_memory(entry: Entry, seconds: float) -> Figures:
    """KiB that an idle connection costs: what the server grew by, divided by how many there are."""
    del seconds
    with start(entry.contender, entry.work) as server:
        # What is loaded by the first connections is not their cost.
        with holding(server, 20, deflate=entry.load.deflate):
            pass
        before = memory_kib(server.pid)
        with holding(server, entry.load.idle, deflate=entry.load.deflate):
            after = memory_kib(server.pid)
    return {"KiB/connection": (after - before) / entry.load.idle}


def _all(work: Work, load: Load, *names: str) -> tuple[Entry, ...]:
    return tuple(Entry(name, work, load) for name in names)


RIVALS = ("floor", "node ws", "broadcast", "textbook", "product")
FEW = ("floor", "node ws", "product")
MANY = 1000
STREAM = '{"event":"subscribe","channel":"trading","symbol":"S%d/USD"}'
TIMED = Load(latency="sent")
SENT = ("deliveries/cpu-s", "messages/write")


def _paced(name: str, subscribers: int, rate: int, names: tuple[str, ...] = FEW) -> Scenario:
    return Scenario(name, _all(Work(rate=rate), Load(connections=subscribers), *names), SENT)


def _gathered(name: str, microseconds: int) -> Scenario:
    work = Work(rate=10_000, gather_us=microseconds)
    return Scenario(name, _all(work, Load(), *FEW), SENT)


def _product_only(name: str, one: tuple[str, Work, Load], other: tuple[str, Work, Load], *figures: str) -> Scenario:
    entries = tuple(Entry("product", work, load, label) for label, work, load in (one, other))
    return Scenario(name, entries, figures or ("deliveries/cpu-s",))


SCENARIOS: dict[str, Scenario] = {
    scenario.name: scenario
    for scenario in (
        _paced("paced-100", 100, 1000, RIVALS),
        _paced("paced-1000", MANY, 100),
        _gathered("gathered-1ms", 1000),
        _gathered("gathered-5ms", 5000),
        Scenario("latency", _all(Work(), TIMED, "floor", "node ws", "broadcast", "product"), ("p50 us", "p99 us")),
        Scenario(
            "memory",
            (
                Entry("broadcast", Work(rate=-1), Load(idle=MANY), "bare, no compression"),
                Entry("node ws", Work(rate=-1), Load(idle=MANY)),
                Entry("product", Work(rate=1), Load(idle=MANY)),
                Entry("product", Work(rate=1, deflate=True), Load(idle=MANY, deflate=True), "deflate"),
                Entry("broadcast", Work(rate=-1, deflate=True), Load(idle=MANY, deflate=True), "deflate"),
            ),
            ("KiB/connection",),
            idle_memory,
        ),
        _product_only(
            "idle-crowd",
            ("100 listen", Work(), Load()),
            ("and 10 000 idle", Work(), Load(idle=9900)),
        ),
        _product_only(
            "streams",
            ("1 stream x 1000", Work(rate=100), Load(connections=MANY)),
            ("1000 streams x 1", Work(rate=100, streams=MANY), Load(connections=MANY, streams=MANY, subscribe=STREAM)),
        ),
        _product_only(
            "slow-readers",
            ("healthy alone", Work(), TIMED),
            ("10 read nothing", Work(), replace(TIMED, stalled=10)),
            "p99 us",
            "p50 us",
        ),
        Scenario(
            "compression",
            (
                *_all(Work(), Load(), "floor", "product"),
                Entry("product", Work(deflate=True), Load(deflate=True), "deflate"),
                Entry("node ws", Work(deflate=True), Load(deflate=True), "deflate"),
                Entry("broadcast", Work(deflate=True), Load(deflate=True), "deflate"),
            ),
        ),
        _paced("saturated-100", 100, 0),
        _paced("saturated-1000", MANY, 0),
    )
}
