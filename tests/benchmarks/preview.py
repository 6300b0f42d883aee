"""`python -m tests.benchmarks.preview`: a picture of a market's day, in multiples of a picture of nothing.

The unit is a process of its own that imports matplotlib and saves an empty figure of the same size, so that the
machine, its load and whether there is bytecode are the same on both sides; the two take turns, and the best of each
counts.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from feed.pictures.market import HEIGHT, WIDTH
from feed.scenario.find import list_scenarios

__all__ = ["main", "ratios"]

EMPTY = f"""
import sys
from matplotlib.figure import Figure
Figure(figsize=({WIDTH}, {HEIGHT}), dpi=100).savefig(sys.argv[1])
"""


def main(arguments: list[str] | None = None) -> int:
    """Measure the chosen scenarios and print a row of each; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.preview", description=__doc__)
    parser.add_argument("scenario", nargs="*", help="which (all of them)")
    parser.add_argument("--for", dest="length", default="1d", help="how much market time (1d)")
    parser.add_argument("--repeats", type=int, default=3, help="turns (3)")
    options = parser.parse_args(arguments)
    print(f"{'':18} {'empty, s':>9} {'png':>7} {'svg':>7} {'terminal':>9}   (multiples of the empty figure)")
    for name in options.scenario or [scenario.name for scenario in list_scenarios()]:
        empty, (png, svg, plot) = ratios(name, options.length, options.repeats)
        print(f"{name:18} {empty:9.2f} {png:7.2f} {svg:7.2f} {plot:9.2f}", flush=True)
    return 0


def ratios(name: str, length: str, repeats: int) -> tuple[float, list[float]]:
    """Seconds for an empty PNG, and how many times as long a scenario's PNG, SVG and terminal plot take."""
    with tempfile.TemporaryDirectory() as folder:
        png, svg = (str(Path(folder) / f"out.{kind}") for kind in ("png", "svg"))
        look = [sys.executable, "-m", "feed", "preview", name, "--for", length]
        commands = [[sys.executable, "-c", EMPTY, png], [*look, "--out", png], [*look, "--out", svg], look]
        turns = [[_seconds(command) for command in commands] for _ in range(repeats)]
    empty, *rest = (min(column) for column in zip(*turns, strict=True))
    return empty, [best / empty for best in rest]


def _seconds(command: list[str]) -> float:
    begun = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begun


if __name__ == "__main__":
    raise SystemExit(main())
