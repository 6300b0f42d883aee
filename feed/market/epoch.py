"""Epoch of a market: a source played from one market time on, with its own sequence numbers and history."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Protocol

from feed.data.ticks import Batch
from feed.market.catalog import Catalog
from feed.market.history import History, ResumeWindow
from feed.market.segment import Base, Segment

__all__ = ["Epoch"]

TICK_BYTES = 80
"""Bytes of a fill in a block: ten columns."""


class _Numbered(Protocol):
    seq: int


class Epoch:
    """Epoch of a market, from one beginning of `seq` to the next.

    Args:
        catalog: the streams of the source.
        begins: market time at which it begins, ns UTC.
        window: the limits of a resume.
        topics: for each stream, the object that keeps its last `seq`; all are reset to the epoch's beginning.
        active: the streams that have had subscribers so far.
        number: the number of the epoch in its market, from 1.
        on_open: called with the beginning of each batch that is opened.

    Attributes:
        published: market time up to which everything has been published.
        history: the messages that can be sent again.
        cursor: the number of messages of the segment that have been published.
    """

    def __init__(
        self,
        catalog: Catalog,
        begins: int,
        window: ResumeWindow,
        topics: Sequence[_Numbered],
        active: Iterable[int] = (),
        *,
        number: int = 1,
        on_open: Callable[[int], None] | None = None,
    ) -> None:
        self._catalog = catalog
        self._topics = topics
        self._on_open = on_open
        self.begins = begins
        self.number = number
        self.published = begins - 1
        self.history = History(window)
        self.active = {*catalog.eager, *active}
        self.segment: Segment | None = None
        self.cursor = 0
        self._batches: Iterator[Batch] = catalog.shared.batches(begins)
        # A recording played from its beginning keeps the numbers of its messages.
        known = catalog.source.numbering if begins == catalog.source.start else {}
        self._numbering = tuple(known.get(stream.key, 0) for stream in catalog.streams)
        for topic, number in zip(topics, self._numbering, strict=True):
            topic.seq = number
        catalog.begin(begins, lambda stream: known.get(stream.key, 0))

    def next_time(self) -> int | None:
        """Return the market time of the next message, or None if the source has ended."""
        self.merge()
        while self.segment is None or self.cursor >= len(self.segment):
            batch = next(self._batches, None)
            if batch is None:
                return None
            self._open(batch)
        return int(self.segment.times[self.cursor])

    def seq(self, number: int) -> int:
        """Return the last `seq` of a stream; without subscribers so far, the number that it would have."""
        return self._topics[number].seq if number in self.active else self.seq_at(number, self.published)

    def seq_at(self, number: int, time: int) -> int:
        """Return the last `seq` of a stream at market time `time`."""
        return self._numbering[number] + self._catalog.count(number, time, self.begins)

    def advance(self, hi: int) -> None:
        """Note that the messages of the segment up to, not including, `hi` have been published."""
        assert self.segment is not None
        self.cursor = hi
        self.published = int(self.segment.times[hi - 1])

    def activate(self, number: int, here: int) -> None:
        """Publish a stream from now on; everything due at market time `here` or before it counts as published."""
        if number in self.active:
            return
        if here >= self.begins:
            upcoming = self._upcoming()
            # Nothing is due at the end itself, where market time finally stops.
            last = self._catalog.source.end if upcoming is None else upcoming
            self.published = max(self.published, here if last is None else min(here, last - 1))
        self._topics[number].seq = self.seq_at(number, self.published)
        self.active.add(number)
        if self.segment is not None:
            self.segment.activate(number, self.published)

    def deactivate(self, number: int) -> None:
        """Publish a stream no more, and let go of its messages: nobody reads it."""
        self.active.discard(number)
        self.history.let_go(number)

    def merge(self) -> None:
        """Merge newly activated streams into the messages to come."""
        segment = self.segment
        if segment is not None and not segment.is_whole:
            segment.merge()
            self.cursor = segment.reach(self.published)

    def end(self, at: int) -> None:
        """Note that the source has ended at market time `at`, so that everything before it counts as published."""
        self.published = max(self.published, at - 1)

    def _upcoming(self) -> int | None:
        """Return the same as `next_time`, but without merging, which is cheaper when many subscribers join at once."""
        due = None if self.segment is None else self.segment.upcoming(self.cursor)
        return self.next_time() if due is None else due

    def _open(self, batch: Batch) -> None:
        before = batch.start - 1
        base = Base({number: self._topics[number].seq for number in self.active}, partial(self.seq_at, time=before))
        self.published = max(self.published, before)
        self.segment = Segment(
            partial(self._catalog.track, batch=batch),
            self.active,
            base,
            batch.start,
            batch.end,
            chunks=self._catalog.chunks,
            streams=self._catalog.streams,
            epoch=self.number,
            held=sum(map(len, batch.ticks)) * TICK_BYTES,
        )
        self.cursor = 0
        self.history.append(self.segment)
        self._catalog.learn(batch)
        if self._on_open is not None:
            self._on_open(batch.start)
