"""`python -m tests.benchmarks.recording`: what a recording costs, against pyarrow alone with the same columns.

The contenders take turns in one process, and only ratios of the same round are compared.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import pyarrow as pa
import pyarrow.parquet as pq

from feed.clock import SystemClock
from feed.engine.source import EngineSource
from feed.market.history import ResumeWindow
from feed.market.market import Market, MarketIdentity
from feed.market.recorder import MarketRecorder
from feed.market.shared import SharedSource
from feed.scenario.find import find_scenario
from feed.sources.files import open_recorded
from feed.tape.layout import COUNTS, NAMES, SCHEMA, RecordingInfo
from feed.tape.parquet import GROUP_ROWS
from feed.tape.reader import open_recording
from feed.tape.rows import Ticks
from feed.tape.writer import RecordingWriter
from feed.units import MAX_SPEED, SECOND
from tests.support.market import opening_state, start

__all__ = ["main"]

RUN = 512
"""Messages that a market publishes at a time."""


def rows_of(count: int) -> tuple[EngineSource, list[Ticks]]:
    """So many trades of one symbol, as a market publishes them."""
    source = EngineSource(find_scenario("calm")[0], 7)
    runs: list[Ticks] = []
    seq = 1
    for batch in source.batches(source.start):
        block = batch.ticks[0]
        for lo in range(0, len(block), RUN):
            hi = min(lo + RUN, len(block))
            runs.append(Ticks(source.instruments[0], block, lo, hi, seq, seq))
            seq += hi - lo
        if seq > count:
            return source, runs
    raise AssertionError("it never ends")


def recorded(runs: list[Ticks], path: Path) -> None:
    """Through the writer: a journal, and a Parquet along the way."""
    steps = {run.instrument.symbol: (f"{run.instrument.tick_size:f}", f"{run.instrument.lot_size:f}") for run in runs}
    info = RecordingInfo(version="1", source="benchmark", instruments=steps)
    writer = RecordingWriter(path, info, SystemClock())
    for run in runs:
        while writer.filled > 0.5:
            time.sleep(0.001)
        writer.add_ticks(run)
    done = writer.close()
    assert (done.state, done.lost) == ("finished", 0)


def by_pyarrow(table: pa.Table, path: Path) -> None:
    """The same Parquet by pyarrow alone, synced as well; the columns are there already."""
    with pq.ParquetWriter(
        path, SCHEMA, compression="zstd", write_page_checksum=True, use_dictionary=list(NAMES),
        column_encoding=dict.fromkeys(COUNTS, "DELTA_BINARY_PACKED"),
    ) as writer:  # fmt: skip
        writer.write_table(table, row_group_size=GROUP_ROWS)
    with path.open("rb") as file:
        os.fsync(file.fileno())


def read_back(path: Path) -> None:
    """With every checksum."""
    with open_recording(path) as recording:
        recording.check()


def replayed(path: Path) -> None:
    """Opened as a source, with every check, and gone through as columns."""
    source = open_recorded(path)
    for _ in source.batches(source.start):
        pass


def market_of(source: EngineSource) -> Market:
    """A market at full speed without subscribers."""
    window = ResumeWindow(10_000, 300 * SECOND)
    return Market(
        MarketIdentity("main", "calm"),
        SharedSource(source),
        opening_state(source, speed=MAX_SPEED),
        window=window,
        clock=SystemClock(),
    )


def played(market: Market, count: int, recorder: MarketRecorder | None) -> None:
    """Publish so many messages, and finish."""
    start(market, SystemClock().now())
    while count > 0 and market.next_time() is not None:
        count -= market.publish_due(2**62, RUN)
        while recorder is not None and recorder.is_busy:
            time.sleep(0.002)
    if recorder is not None:
        assert (recorder.close().state, recorder.counters.lost) == ("finished", 0)


def rate(count: int, work: Callable[[], object]) -> tuple[float, float]:
    """Rows a second of real time, and of CPU time."""
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
    work()
    passed, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return count / passed, count / used


def round_of(folder: Path, number: int, source: EngineSource, runs: list[Ticks]) -> dict[str, tuple[float, float]]:
    """Each contender once."""
    ours, theirs, tapped = (folder / f"{name}{number}.parquet" for name in ("ours", "theirs", "tapped"))
    count = sum(run.hi - run.lo for run in runs)
    figures = {"feed: record": rate(count, lambda: recorded(runs, ours))}
    with open_recording(ours) as recording:
        table = pa.Table.from_batches(recording.batches())
    figures["pyarrow: write"] = rate(count, lambda: by_pyarrow(table, theirs))
    figures["feed: read back"] = rate(count, lambda: read_back(ours))
    figures["feed: replay"] = rate(count, lambda: replayed(ours))
    figures["pyarrow: read"] = rate(count, lambda: pq.read_table(theirs, use_threads=False, memory_map=False))
    market = market_of(source)
    figures["market alone"] = rate(count, lambda: played(market, count, None))
    market = market_of(source)
    recorder = MarketRecorder(market, tapped, ["trading"], SystemClock())
    figures["market recorded"] = rate(count, lambda: played(market, count, recorder))
    return figures


PAIRS = (
    ("feed: record", "pyarrow: write"), ("feed: read back", "pyarrow: read"), ("feed: replay", "pyarrow: read"),
    ("market recorded", "market alone"),
)  # fmt: skip


def main(arguments: list[str] | None = None) -> int:
    """Measure, and print a table; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.recording", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="how often (5)")
    parser.add_argument("--rows", type=int, default=1_000_000, help="trades of a round (1000000)")
    options = parser.parse_args(arguments)
    source, runs = rows_of(options.rows)
    with tempfile.TemporaryDirectory(prefix="feed-benchmark-", dir=Path.cwd()) as folder:
        rounds = [round_of(Path(folder), number, source, runs) for number in range(options.rounds)]
        size = (Path(folder) / "ours0.parquet").stat().st_size / sum(run.hi - run.lo for run in runs)
    for name in rounds[0]:
        real, cpu = (median(each[name][kind] for each in rounds) for kind in (0, 1))
        print(f"{name:16} {real:12,.0f} rows/s {cpu:12,.0f} rows/cpu-s")
    for one, other in PAIRS:
        ratios = sorted(each[one][0] / each[other][0] for each in rounds)
        print(f"{one} / {other}: {median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})")
    print(f"{size:.1f} bytes a row")
    return 0


if __name__ == "__main__":
    sys.exit(main())
