"""Stream to subscribers: who listens to what, in which form of the wire.

A message is encoded and framed once for each form in use, and the same bytes go to all of its subscribers. What is
published together shares a write. Nothing here knows what is in the bytes.

A stream is lossless, or it is conflated: a subscriber that does not keep up then gets the newest message only, and is
told how many it was not sent.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass
from functools import partial

from feed.clock import Clock
from feed.delivery.fanout import Fanout
from feed.delivery.group import Group
from feed.delivery.subscriber import Subscriber
from feed.dialects.base import Form
from feed.protocol.effects import Stream

__all__ = ["Hub", "HubCounters", "Run", "Topic"]

Run = tuple[int, int, int]
"""Messages of one stream with no other stream's between them: its number, and the rows `lo` to `hi` of it."""


@dataclass(slots=True)
class HubCounters:
    """What went out, ever."""

    published: int = 0
    deliveries: int = 0
    delivered_bytes: int = 0
    skipped: int = 0


class Topic:
    """One stream's last `seq`, and its subscribers by form."""

    __slots__ = ("groups", "listening", "published_at", "seq")

    def __init__(self) -> None:
        self.seq = 0
        self.published_at = 0
        self.groups: dict[Form, Group] = {}
        # Who has everything that was published, and wants to know when there is more.
        self.listening: dict[Callable[[], None], None] = {}

    def __len__(self) -> int:
        return sum(len(group) for group in self.groups.values())


class Hub:
    """The streams of one market and everyone who listens to them.

    Args:
        streams: all of them; a stream's number is its place in them.
        clock: real time.
        newest: the frame that stands for all of a stream behind a `seq`, for those that are conflated.
        missed: all frames behind a `seq`, at most so many, or none where they are not kept.
        conflated: which streams that are.
    """

    def __init__(
        self,
        streams: Iterable[Stream],
        clock: Clock,
        newest: Callable[[Stream, int, Form], bytes] | None = None,
        missed: Callable[[Stream, int, int, Form], list[bytes]] | None = None,
        conflated: Container[Stream] = (),
    ) -> None:
        self._newest = newest
        self._missed = missed
        self._conflated = conflated
        self.topics = {stream: Topic() for stream in streams}
        self.numbered = tuple(self.topics.values())
        self.counters = HubCounters()
        # Subscribers that are in no group, since they take the newest message when they want it.
        self.sampled = 0
        self.fanout = Fanout(clock)

    @property
    def subscriptions(self) -> int:
        """How many pairs of subscriber and stream there are."""
        return sum(len(topic) for topic in self.topics.values()) + self.sampled

    def join(self, subscriber: Subscriber, stream: Stream, form: Form) -> None:
        """Deliver the stream to the subscriber from the next message on."""
        topic = self.topics[stream]
        group = topic.groups.get(form)
        if group is None:
            conflated = self._newest is not None and stream in self._conflated
            newest = partial(self.newest, stream, form) if conflated else None
            missed = partial(self.missed, stream, form) if conflated else None
            group = topic.groups[form] = Group(self.fanout, newest, missed)
        # While nobody was in it, nobody told it.
        group.seq = topic.seq
        subscriber.enter(group)

    def leave(self, subscriber: Subscriber, stream: Stream, form: Form) -> None:
        """Stop delivering the stream."""
        group = self.topics[stream].groups.get(form)
        if group is not None:
            subscriber.leave(group)

    def publish(
        self, runs: Iterable[Run], frames: Callable[[int, int, int, Form], bytes], now: int, lag: int = 0
    ) -> None:
        """Send messages; all that one subscriber gets of them goes out in one write.

        Args:
            runs: a stream's number and the rows of it that follow each other, `lo` up to, not including, `hi`.
            frames: gives the frames of a run, joined, in a form; asked only for those that anybody listens in.
            now: monotonic time.
            lag: how long ago the first of them was due, ns.
        """
        fanout, topics = self.fanout, self.numbered
        published = deliveries = delivered_bytes = 0
        told: list[Topic] = []
        fanout.settle(lag)
        for number, lo, hi in runs:
            topic = topics[number]
            count = hi - lo
            topic.seq = seq = topic.seq + count
            topic.published_at = now
            published += count
            for form, group in topic.groups.items():
                if group.size:
                    data = frames(number, lo, hi, form)
                    readers = group.stage(data, seq)
                    if data:
                        group.written_at = now
                    deliveries += readers * count
                    delivered_bytes += readers * len(data)
            if topic.listening:
                told.append(topic)
        fanout.flush()
        counters = self.counters
        counters.published += published
        counters.deliveries += deliveries
        counters.delivered_bytes += delivered_bytes
        for topic in told:
            listening, topic.listening = topic.listening, {}
            for tell in listening:
                tell()

    def written_at(self, stream: Stream, form: Form) -> int:
        """When the stream was last written in a form; where nobody has it in that, when it was last published."""
        topic = self.topics[stream]
        group = topic.groups.get(form)
        return group.written_at if group is not None and group.size else topic.published_at

    def await_news(self, stream: Stream, tell: Callable[[], None]) -> None:
        """Call this once, when the next message of the stream has been published."""
        self.topics[stream].listening[tell] = None

    def forget_news(self, stream: Stream, tell: Callable[[], None]) -> None:
        """It is not called any more."""
        self.topics[stream].listening.pop(tell, None)

    def newest(self, stream: Stream, form: Form, since: int) -> bytes:
        """The frame that stands for all messages of a stream behind `since`, for one subscriber that skips the rest."""
        assert self._newest is not None
        frame = self._newest(stream, since, form)
        self._count_one_write(1, frame)
        self.counters.skipped += self.topics[stream].seq - since - 1
        return frame

    def missed(self, stream: Stream, form: Form, since: int) -> bytes:
        """The frames of all messages of a stream behind `since`, for one subscriber, or nothing if one is not kept."""
        count = self.topics[stream].seq - since
        frames = self._missed(stream, since, count, form) if self._missed is not None else []
        if len(frames) < count:
            return b""
        data = b"".join(frames)
        self._count_one_write(count, data)
        return data

    def _count_one_write(self, messages: int, data: bytes) -> None:
        self.counters.deliveries += messages
        self.counters.delivered_bytes += len(data)
        self.fanout.writes += 1
