"""Source that several markets play: its second instance for slow work, the thread for that, and all that is known."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import replace
from functools import cached_property

import numpy as np

from feed.data.ticks import Batch, Source
from feed.market.chores import Chore, Chores
from feed.market.memory import Hours, inherited

__all__ = ["SharedSource"]

KEPT_BEGINNINGS = 8
"""The number of first batches that are kept: markets that are opened alike begin with the same one."""


class SharedSource:
    """Source with all that markets of the same plan have in common: none of it depends on where a market stands.

    Args:
        source: the source, for the event loop.
        past: a second instance, for the thread that does slow work; without it nothing is deferred.
        chores: the thread.

    Attributes:
        hours: for each instrument, the minute bars that are known.
    """

    def __init__(self, source: Source, past: Source | None = None, chores: Chores | None = None) -> None:
        self.source = source
        self.past = past
        self.chores = chores or Chores()
        self.hours: list[Hours] = [{} for _ in source.instruments]
        self._beginnings: deque[Batch] = deque(maxlen=KEPT_BEGINNINGS)
        self._preparing: dict[int, Future[None]] = {}

    @cached_property
    def light(self) -> Source:
        """The instance of the thread, for bars, which need no volume."""
        return (self.past or self.source).without_volume()

    def inherit(self, earlier: SharedSource, until: int) -> None:
        """Take over what is known of a source that is equal up to market time `until`."""
        self.hours = [inherited(hours, until) for hours in earlier.hours]

    def prepare(self, begins: int) -> Future[None] | None:
        """Make the first batch of an epoch in the thread; return None if it is there or nothing is deferred."""
        if self.past is None or self._beginning(begins) is not None:
            return None
        preparing = self._preparing.get(begins)
        if preparing is None:
            preparing = self._preparing[begins] = self.chores.start(("beginning", begins), self._begin(begins))
        return preparing

    def batches(self, begins: int) -> Iterator[Batch]:
        """Yield the batches from market time `begins` on; the first may have been made already."""
        first = self._beginning(begins)
        if first is None:
            yield from self.source.batches(begins)
            return
        yield first
        if self.source.end is None or first.end < self.source.end:
            yield from self.source.batches(first.end)

    def _beginning(self, begins: int) -> Batch | None:
        for batch in list(self._beginnings):
            if batch.start <= begins < batch.end:
                return batch if batch.start == begins else _behind(batch, begins)
        return None

    def _begin(self, begins: int) -> Chore[None]:
        assert self.past is not None
        try:
            batch = next(self.past.batches(begins), None)
            yield
            if batch is not None:
                self._beginnings.append(batch)
        finally:
            self._preparing.pop(begins, None)


def _behind(batch: Batch, begins: int) -> Batch:
    """Return the batch without what comes before market time `begins`."""
    ticks = tuple(block[int(np.searchsorted(block.time, begins)) :] for block in batch.ticks)
    changes = tuple(change for change in batch.statuses if change.time >= begins)
    return replace(batch, start=begins, ticks=ticks, statuses=changes)
