"""`feed`, with the clock noted in a file each time the market hands messages to its hub. Used to measure latency.

Run with `FILE` and then what `feed` takes.
"""

from __future__ import annotations

import importlib
import mmap
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from feed.delivery.hub import Hub, Run
from feed.dialects.base import Form
from tests.benchmarks.product import LOG_SLOTS

__all__ = ["note_publishing"]


def note_publishing(path: Path) -> None:
    """From now on each message's publish time is in the file, in the slot of its sequence number."""
    with path.open("r+b") as file:
        slots = memoryview(mmap.mmap(file.fileno(), LOG_SLOTS * 8)).cast("q")
    publish = Hub.publish

    def noted(
        hub: Hub, runs: Iterable[Run], frames: Callable[[int, int, int, Form], bytes], now: int, lag: int
    ) -> None:
        at = time.monotonic_ns()
        runs = list(runs)
        for number, lo, hi in runs:
            seq = hub.numbered[number].seq
            for one in range(seq + 1, seq + 1 + hi - lo):
                slots[one % LOG_SLOTS] = at
        publish(hub, runs, frames, now, lag)

    Hub.publish = noted  # type: ignore[method-assign, assignment]


if __name__ == "__main__":
    note_publishing(Path(sys.argv.pop(1)))
    importlib.import_module("feed.cli").main()
