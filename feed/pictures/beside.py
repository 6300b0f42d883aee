"""Generation of a long preview's ticks in parallel processes, while this one imports matplotlib."""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from itertools import pairwise

from feed.engine.source import EngineSource
from feed.pictures.preview import PreviewPart, PreviewStretch, read_here
from feed.units import HOUR

__all__ = ["read_beside"]

WORTH_IT = 2 * HOUR
"""Minimum length (ns) for parallel processes; below, they take longer to start than the ticks to make."""

MOST_WORKERS = 4

_stretch: PreviewStretch | None = None
"""Stretch that a worker reads, inherited from its parent's memory, so that only the parts are sent."""


def read_beside(stretch: PreviewStretch, meanwhile: Callable[[], object] = lambda: None) -> list[PreviewPart]:
    """Read a stretch, an hour at a time, and call `meanwhile` during that.

    A file of trades is read in this process: that is quick, and an open file must not be shared.
    """
    # Other systems have no fork, or, as macOS, one that numpy's threads and the system's libraries do not survive.
    forks = sys.platform == "linux" and "fork" in multiprocessing.get_all_start_methods()
    if stretch.length < WORTH_IT or not forks or not isinstance(stretch.source, EngineSource):
        meanwhile()
        return read_here(stretch)
    hours = _hours(stretch)
    # This process works, too, first on `meanwhile` and then on hours from the other end.
    workers = max(1, min((os.cpu_count() or 1) - 1, MOST_WORKERS))
    with ProcessPoolExecutor(workers, multiprocessing.get_context("fork"), _take, (stretch,)) as pool:
        asked = [pool.submit(_read, *hour) for hour in hours]
        meanwhile()
        own = {index: stretch.read(*hours[index]) for index in reversed(range(len(hours))) if asked[index].cancel()}
        return [own[index] if index in own else future.result() for index, future in enumerate(asked)]


def _hours(stretch: PreviewStretch) -> list[tuple[int, int]]:
    """Return the stretch cut at whole hours, at which no block of the engine is split."""
    end = stretch.start + stretch.length
    edges = [stretch.start, *range(stretch.start // HOUR * HOUR + HOUR, end, HOUR), end]
    return list(pairwise(edges))


def _take(stretch: PreviewStretch) -> None:
    global _stretch
    _stretch = stretch


def _read(start: int, end: int) -> PreviewPart:
    assert _stretch is not None  # the pool's initializer has set it
    return _stretch.read(start, end)
