"""Stream to subscribers: who listens to what, in which form of the wire.

A message is encoded and framed once for each form in use, and the same bytes go to all of its subscribers. What is
published together shares a write. Nothing here knows what is in the bytes.

A stream is lossless, or it is conflated: a subscriber that does not keep up then gets the newest message only, and is
told how many it was not sent.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable

from feed.clock import Clock
from feed.delivery.fanout import Fanout
from feed.delivery.group import Group
from feed.delivery.recall import Encoded, Form, Recall
from feed.delivery.subscriber import Detour, Subscriber
from feed.protocol.effects import Stream

__all__ = ["Hub", "Run", "Topic"]

Run = tuple[int, int, int]
"""Messages of one stream with no other stream's between them: its number, and the rows `lo` to `hi` of it."""


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
        recall: gives what has been published to those who missed it.
        conflated: of which streams the newest message stands for those before it.

    Attributes:
        counters: what went out.
        sampled: how many subscriptions are in no group, since they take the newest message when they want it.
    """

    def __init__(
        self, streams: Iterable[Stream], clock: Clock, recall: Recall | None = None, conflated: Container[Stream] = ()
    ) -> None:
        self._recall = recall
        self._conflated = conflated
        self._fanout = Fanout(clock)
        self.counters = self._fanout.counters
        self.topics = {stream: Topic() for stream in streams}
        self.numbered = tuple(self.topics.values())
        self.sampled = 0

    @property
    def subscriptions(self) -> int:
        """How many pairs of subscriber and stream there are."""
        return sum(len(topic) for topic in self.topics.values()) + self.sampled

    def seq(self, stream: Stream) -> int:
        """The last `seq` that was published on a stream."""
        return self.topics[stream].seq

    def written_at(self, stream: Stream, form: Form) -> int:
        """When the stream was last written in a form; where nobody has it in that, when it was last published."""
        topic = self.topics[stream]
        group = topic.groups.get(form)
        return group.written_at if group is not None and group.size else topic.published_at

    # Who listens.

    def join(self, subscriber: Subscriber, stream: Stream, form: Form) -> None:
        """Deliver the stream to the subscriber from the next message on."""
        topic = self.topics[stream]
        group = topic.groups.get(form)
        if group is None:
            recall = self._recall if stream in self._conflated else None
            group = topic.groups[form] = Group(stream, form, recall)
        # While nobody was in it, nobody told it.
        group.seq = topic.seq
        self._fanout.enter(subscriber, group)

    def leave(self, subscriber: Subscriber, stream: Stream, form: Form) -> None:
        """Stop delivering the stream."""
        group = self.topics[stream].groups.get(form)
        if group is not None:
            self._fanout.leave(subscriber, group)

    def dismiss(self, subscriber: Subscriber) -> None:
        """Stop delivering anything: the connection is closing or gone."""
        self._fanout.dismiss(subscriber)

    def divert(self, subscriber: Subscriber, detour: Detour) -> None:
        """Have the frames for a subscriber taken one by one, in place of being written."""
        self._fanout.divert(subscriber, detour)

    def undivert(self, subscriber: Subscriber) -> None:
        """Write to a subscriber as to any other again."""
        self._fanout.undivert(subscriber)

    def sample(self, stream: Stream, tell: Callable[[], None]) -> None:
        """Count somebody in who takes the newest message when it wants it, and tell it of the next one."""
        self.sampled += 1
        self.await_news(stream, tell)

    def stop_sampling(self, stream: Stream, tell: Callable[[], None]) -> None:
        """Count somebody out again."""
        self.sampled -= 1
        self.topics[stream].listening.pop(tell, None)

    def await_news(self, stream: Stream, tell: Callable[[], None]) -> None:
        """Call this once, when the next message of the stream has been published."""
        self.topics[stream].listening[tell] = None

    # How far they have got.

    @property
    def backlog(self) -> int:
        """For how many subscribers something waits."""
        return len(self._fanout.stragglers)

    def call_when_idle(self, call: Callable[[], None]) -> None:
        """Call this each time when nothing waits for anybody any more."""
        self._fanout.stragglers.on_none = call

    def measure_readers(self, wanted: bool) -> None:
        """Ask readers how far they have got, or don't: where the market itself waits for them."""
        self._fanout.measures = wanted

    def queue(self, subscriber: Subscriber) -> None:
        """Go through the subscriber's outbox from now on: something waits for it."""
        self._fanout.queue(subscriber)

    def resume(self, subscriber: Subscriber) -> None:
        """Give a subscriber what it missed: its socket has taken everything."""
        self._fanout.resume(subscriber)

    def hear(self, subscriber: Subscriber, number: int) -> None:
        """Take a subscriber's answer to question `number`."""
        self._fanout.hear(subscriber, number)

    def ask(self, subscriber: Subscriber) -> None:
        """Ask a subscriber how far it has got, unless that was done a moment ago."""
        self._fanout.ask(subscriber)

    def stop_measuring(self, subscriber: Subscriber) -> None:
        """Give a subscriber what it missed that has not answered by now: it never will, as it seems."""
        self._fanout.stop_measuring(subscriber)

    def release(self, subscriber: Subscriber) -> None:
        """Send a subscriber what waits of lossless streams, so that nothing comes in front of it."""
        self._fanout.release(subscriber)

    def release_all(self) -> None:
        """Send everybody what waits of lossless streams: from now on `recall` may tell of other messages."""
        self._fanout.release_all()

    # What is published.

    def publish(self, runs: Iterable[Run], encoded: Encoded, now: int, lag: int = 0) -> None:
        """Send messages; all that one subscriber gets of them goes out in one write.

        Args:
            runs: a stream's number and the rows of it that follow each other, `lo` up to, not including, `hi`.
            encoded: gives the frames of a run in a form; asked only for those that anybody listens in.
            now: monotonic time.
            lag: how long ago the first of them was due, ns.
        """
        fanout, topics, joined = self._fanout, self.numbered, encoded.joined
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
                    data = joined(number, lo, hi, form)
                    frames = encoded.frames(number, lo, hi, form) if group.diverted else ()
                    readers = fanout.stage(group, data, seq, frames)
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

    def newest(self, stream: Stream, form: Form, since: int) -> bytes:
        """The frame that stands for all messages of a stream behind `since`, for one subscriber that skips the rest."""
        assert self._recall is not None
        frame = self._recall.newest(stream, since, form)
        counters = self.counters
        counters.deliveries += 1
        counters.delivered_bytes += len(frame)
        counters.writes += 1
        counters.skipped += self.topics[stream].seq - since - 1
        return frame
