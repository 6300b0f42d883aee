"""Digests of short markets, by scenario: what `test_golden` compares, and how its file is written anew.

`python -m tests.engine.golden` prints them; with `--write` it replaces golden.json, which is right only together with
another `GENERATOR_VERSION`.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path

from feed.data.ticks import TickBlock
from feed.engine.source import EngineSource
from feed.scenario.find import find_scenario
from feed.units import HOUR, MINUTE

FILE = Path(__file__).with_name("golden.json")
SCENARIOS = (
    "calm", "circuit-breaker", "exact-ticks", "flash-crash", "majors", "news", "pump-and-dump", "range", "realistic",
    "target", "waves", "weekend",
)  # fmt: skip
LENGTH = 20 * MINUTE
PAST = 10 * MINUTE
LONG_AGO = 3 * HOUR


def digest(name: str) -> str:
    """A hash of all columns of the first 20 minutes of a bundled scenario, and of two stretches of its past."""
    source = EngineSource(find_scenario(name)[0])
    hashed = hashlib.sha256()
    start = source.start
    for at, length in ((start, LENGTH), (start - PAST, PAST), (start - LONG_AGO, PAST)):
        for batch in source.batches(at):
            if batch.start >= at + length:
                break
            for block in batch.ticks:
                for column in fields(TickBlock):
                    hashed.update(getattr(block, column.name).astype("<i8").tobytes())
    return hashed.hexdigest()


def digests(names: Iterable[str] = SCENARIOS) -> dict[str, str]:
    """Those of some scenarios."""
    return {name: digest(name) for name in names}


def main() -> None:
    """Prints them, or writes them."""
    text = json.dumps(digests(), indent=2) + "\n"
    if "--write" in sys.argv:
        FILE.write_text(text)
    else:
        sys.stdout.write(text)


if __name__ == "__main__":
    main()
