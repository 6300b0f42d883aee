"""Distribution of streams to their subscribers, grouped by wire form.

A message is encoded and framed once for each form in use, and the same bytes go to all of its subscribers. Messages
published together share a write. This module never inspects the bytes.

A stream is either lossless or conflated. On a conflated stream, a subscriber that does not keep up gets only the
newest message, with the number of messages that were skipped.
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
"""Consecutive messages of one stream: the stream's number, and the range of its rows, `lo` to `hi`."""


class Topic:
    """Last `seq` of one stream, and its subscribers by form."""

    __slots__ = ("groups", "listening", "published_at", "seq")

    def __init__(self) -> None:
        self.seq = 0
        self.published_at = 0
        self.groups: dict[Form, Group] = {}
        # Callbacks of subscribers that have everything published so far and wait for the next message.
        self.listening: dict[Callable[[], None], None] = {}

    def __len__(self) -> int:
        return sum(len(group) for group in self.groups.values())

    @property
    def is_read(self) -> bool:
        """Tell whether a subscriber gets its messages, or waits for the next one."""
        return bool(self.listening) or any(map(len, self.groups.values()))


class Hub:
    """Streams of one market and all of their subscribers.

    Args:
        streams: all streams; a stream's number is its position in this iterable.
        clock: real time.
        recall: source of published messages for subscribers that missed them.
        conflated: the streams on which the newest message stands for the ones before it.

    Attributes:
        counters: totals of published and delivered messages.
        sampled: the number of sampled subscriptions, which fetch the newest message themselves and are in no group.
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
        """The number of pairs of subscriber and stream."""
        return self._fanout.memberships + self.sampled

    def seq(self, stream: Stream) -> int:
        """Return the last `seq` published on a stream."""
        return self.topics[stream].seq

    def written_at(self, stream: Stream, form: Form) -> int:
        """Return the time a stream was last written in a form, or last published if the form has no subscribers."""
        topic = self.topics[stream]
        group = topic.groups.get(form)
        return group.written_at if group is not None and group.size else topic.published_at

    # Subscriptions.

    def join(self, subscriber: Subscriber, stream: Stream, form: Form) -> None:
        """Deliver the stream to the subscriber from the next message on."""
        topic = self.topics[stream]
        group = topic.groups.get(form)
        if group is None:
            recall = self._recall if stream in self._conflated else None
            group = topic.groups[form] = Group(stream, form, recall)
        # An empty group is not updated by `publish`.
        group.seq = topic.seq
        group.is_measurable = subscriber.is_measurable
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
        """Hand a subscriber's frames to `detour` one by one instead of writing them."""
        self._fanout.divert(subscriber, detour)

    def undivert(self, subscriber: Subscriber) -> None:
        """Remove a subscriber's detour, so that frames are written normally again."""
        self._fanout.undivert(subscriber)

    def sample(self, stream: Stream, tell: Callable[[], None]) -> None:
        """Count a sampled subscription, and call `tell` once when the next message has been published."""
        self.sampled += 1
        self.await_news(stream, tell)

    def stop_sampling(self, stream: Stream, tell: Callable[[], None]) -> None:
        """Remove a sampled subscription from the count, and its pending callback."""
        self.sampled -= 1
        self.topics[stream].listening.pop(tell, None)

    def await_news(self, stream: Stream, tell: Callable[[], None]) -> None:
        """Call `tell` once, when the next message of the stream has been published."""
        self.topics[stream].listening[tell] = None

    # Progress of subscribers.

    @property
    def backlog(self) -> int:
        """The number of subscribers with messages waiting."""
        return len(self._fanout.stragglers)

    def call_when_idle(self, call: Callable[[], None]) -> None:
        """Register a function to be called each time the last waiting subscriber has caught up."""
        self._fanout.stragglers.on_none = call

    def measure_readers(self, wanted: bool) -> None:
        """Turn progress pings to readers on or off; off if the market itself waits for its readers."""
        self._fanout.measures = wanted

    def queue(self, subscriber: Subscriber) -> None:
        """Send through the subscriber's outbox from now on, because it has messages waiting."""
        self._fanout.queue(subscriber)

    def resume(self, subscriber: Subscriber) -> None:
        """Send a subscriber the messages it missed, because its socket has taken everything."""
        self._fanout.resume(subscriber)

    def hear(self, subscriber: Subscriber, number: int) -> None:
        """Process a subscriber's answer to progress ping `number`."""
        self._fanout.hear(subscriber, number)

    def ask(self, subscriber: Subscriber) -> None:
        """Send a subscriber a progress ping, unless one was sent a moment ago."""
        self._fanout.ask(subscriber)

    def stop_measuring(self, subscriber: Subscriber) -> None:
        """Stop waiting for a subscriber that has never answered a progress ping, and send it the messages it missed."""
        self._fanout.stop_measuring(subscriber)

    def release(self, subscriber: Subscriber) -> None:
        """Send a subscriber its waiting messages of lossless streams, so that nothing overtakes them."""
        self._fanout.release(subscriber)

    def release_all(self) -> None:
        """Send all waiting messages of lossless streams, because `recall` may cover other messages from now on."""
        self._fanout.release_all()

    # Publishing.

    def publish(self, runs: Iterable[Run], encoded: Encoded, now: int, lag: int = 0) -> None:
        """Publish messages; everything for one subscriber goes out in one write.

        Args:
            runs: stream numbers, each with a range of consecutive rows, `lo` up to, not including, `hi`.
            encoded: source of the frames of a run in a form; used only for forms that have subscribers.
            now: monotonic time.
            lag: the time since the first message was due, ns.
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
        """Return the frame that stands for all messages of a stream after `since`, and count the others as skipped."""
        assert self._recall is not None
        frame = self._recall.newest(stream, since, form)
        counters = self.counters
        counters.deliveries += 1
        counters.delivered_bytes += len(frame)
        counters.writes += 1
        counters.skipped += self.topics[stream].seq - since - 1
        return frame
