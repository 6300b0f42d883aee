"""`python -m tests.benchmarks.reading`: the memory that `feed.read` takes, by what is asked for, of a long recording.

Each question is asked by a process of its own; told is the peak of its resident memory above that of a process which
has imported the same and read one second.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from feed.engine.source import EngineSource
from feed.scenario.find import find_scenario
from feed.tape.export import generate
from feed.tape.layout import RecordingInfo
from feed.units import DAY
from feed.version import __version__

__all__ = ["QUESTIONS", "main", "peak"]

QUESTIONS = {
    "an hour, every column": "feed.read(path, start='12h', end='13h').ticks",
    "an hour, one column": "feed.read(path, start='12h', end='13h', columns=['price']).ticks",
    "an hour of the lazy frame": "feed.scan(path, start='12h', end='13h').collect()",
    "one figure of all, by the lazy frame": "feed.scan(path).select(pl.col('price').mean()).collect()",
    "all, one column": "feed.read(path, columns=['price']).ticks",
    "all, every column": "feed.read(path).ticks",
}
"""What is asked for, as Python reads it."""

CODE = """
import resource, sys
import polars as pl
import feed
path = sys.argv[1]
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
feed.read(path, start='1s', end='2s').ticks
pl.DataFrame({{'x': [1]}}).lazy().collect()
base = peak()
{question}
print((peak() - base) / 1024)
"""


def peak(path: Path, question: str) -> float:
    """MiB above a process that has read one second."""
    command = [sys.executable, "-c", CODE.format(question=question), str(path)]
    told = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(told.stdout)


def long_recording(path: Path, days: int) -> int:
    """Write so many days of a calm market; returns the number of its ticks."""
    source = EngineSource(find_scenario("calm")[0], 7)
    steps = {each.symbol: (f"{each.tick_size:f}", f"{each.lot_size:f}") for each in source.instruments}
    info = RecordingInfo(version=__version__, source="benchmark", scenario="calm", seed=7, instruments=steps)
    return generate(source, path, length=days * DAY, info=info).rows


def main(arguments: list[str] | None = None) -> int:
    """Measure, and print a table; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.reading", description=__doc__)
    parser.add_argument("--days", type=int, default=3, help="days of market time in the recording (3)")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="feed-benchmark-") as folder:
        path = Path(folder) / "x.parquet"
        rows = long_recording(path, options.days)
        print(f"{options.days} days, {rows:,} ticks, {path.stat().st_size / 2**20:.0f} MiB")
        for name, question in QUESTIONS.items():
            print(f"{name:40} {peak(path, question):8.0f} MiB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
