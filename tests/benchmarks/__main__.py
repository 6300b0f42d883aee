"""`python -m tests.benchmarks`: measure, and print one table of ratios."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

from tests.benchmarks.contenders import CONTENDERS, LENGTH
from tests.benchmarks.report import as_json, as_table
from tests.benchmarks.runner import run
from tests.benchmarks.scenarios import SCENARIOS

__all__ = ["main"]

BUDGET = 240.0
"""Seconds after which no further scenario is begun, so that a run stays below five minutes."""


def main(arguments: list[str] | None = None) -> int:
    """Run the chosen scenarios; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("scenario", nargs="*", help=f"which of {', '.join(SCENARIOS)} (all of them)")
    parser.add_argument("--repeats", type=int, default=3, help="rounds of each scenario (3)")
    parser.add_argument("--seconds", type=float, default=0.7, help="length of a trial's window (0.7)")
    parser.add_argument("--quick", action="store_true", help="one round of 0.2 s: whether it works, not how fast")
    parser.add_argument(
        "--budget", type=float, default=BUDGET, help=f"begin no scenario after this many s ({BUDGET:.0f})"
    )
    parser.add_argument("--only", nargs="+", metavar="NAME", help=f"only these of {', '.join(CONTENDERS)}")
    parser.add_argument("--length", type=int, default=LENGTH, help=f"bytes of a rival's message ({LENGTH})")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every trial's figures here")
    options = parser.parse_args(arguments)
    if unknown := [name for name in options.scenario if name not in SCENARIOS]:
        parser.error(f"no scenario {unknown[0]!r}; there are {', '.join(SCENARIOS)}")
    repeats, seconds = (1, 0.2) if options.quick else (options.repeats, options.seconds)
    results = []
    begun = time.monotonic()
    for name in options.scenario or SCENARIOS:
        if time.monotonic() - begun > options.budget:
            print(f"{name} left out: the time is up", file=sys.stderr)
            continue
        scenario = SCENARIOS[name].narrowed(options.only or CONTENDERS, options.length)
        results.append(run(scenario, repeats=repeats, seconds=seconds, say=_say))
    _say("")
    print(as_table(results))
    if options.json:
        options.json.write_text(json.dumps(as_json(results), indent=1) + "\n")
    return 0


def _say(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
