"""One epoch of a market: a source played from one market time on, with its own numbers and its own history."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Protocol

from feed.data.ticks import Batch
from feed.market.catalog import Catalog
from feed.market.history import History, ResumeWindow
from feed.market.segment import Base, Segment

__all__ = ["Epoch"]


class _Numbered(Protocol):
    seq: int


class Epoch:
    """What is published between one beginning of `seq` and the next.

    Args:
        catalog: the streams of the source.
        begins: market time at which it begins, ns UTC.
        window: how far back a client may resume.
        topics: of each stream, where its last `seq` is kept; they are set to the epoch's beginning.
        active: the streams that somebody listens to by now.
        number: which epoch of the market it is, counted from 1.
        on_open: called with the beginning of each batch that is opened.

    Attributes:
        published: market time up to which everything has been published.
        history: what can be sent again.
        cursor: how many messages of the segment have been published.
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
        self._batches: Iterator[Batch] = catalog.source.batches(begins)
        # Whoever plays a recording from its beginning gives its messages the numbers that they had.
        known = catalog.source.numbering if begins == catalog.source.start else {}
        self._numbering = tuple(known.get(stream.key, 0) for stream in catalog.streams)
        for topic, number in zip(topics, self._numbering, strict=True):
            topic.seq = number

    def next_time(self) -> int | None:
        """Market time of the next message, or None when the source has ended."""
        self.merge()
        while self.segment is None or self.cursor >= len(self.segment):
            batch = next(self._batches, None)
            if batch is None:
                return None
            self._open(batch)
        return int(self.segment.times[self.cursor])

    def seq(self, number: int) -> int:
        """The last `seq` of a stream; where nobody ever listened, what it would have been."""
        return self._topics[number].seq if number in self.active else self.seq_at(number, self.published)

    def seq_at(self, number: int, time: int) -> int:
        """The last `seq` of a stream at market time `time`."""
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
        upcoming = self._upcoming()
        # At the end itself, where market time stands in the end, nothing is due.
        last = self._catalog.source.end if upcoming is None else upcoming
        self.published = max(self.published, here if last is None else min(here, last - 1))
        self._topics[number].seq = self.seq_at(number, self.published)
        self.active.add(number)
        if self.segment is not None:
            self.segment.activate(number, self.published)

    def merge(self) -> None:
        """Give what was activated its place among what is to come."""
        segment = self.segment
        if segment is not None and not segment.is_whole:
            segment.merge()
            self.cursor = segment.reach(self.published)

    def end(self, at: int) -> None:
        """Note that the source has ended at a market time: nothing is due any more before it."""
        self.published = max(self.published, at - 1)

    def _upcoming(self) -> int | None:
        """The same as `next_time`, for one of many that join at once: nothing is put in order for it."""
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
        )
        self.cursor = 0
        self.history.append(self.segment)
        self._catalog.learn(batch)
        if self._on_open is not None:
            self._on_open(batch.start)
