"""Stream to subscribers: who listens to what, in which wire variant.

A message is encoded and framed once for each variant in use, and the same bytes go to all of its subscribers.
Nothing here knows what is in the bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from feed.dialects.native import Variant
from feed.fanout import Backlog, Group, Subscriber
from feed.protocol.effects import Stream

__all__ = ["Hub", "HubCounters", "Topic"]


@dataclass(slots=True)
class HubCounters:
    """What went out, ever."""

    published: int = 0
    deliveries: int = 0
    writes: int = 0
    delivered_bytes: int = 0


class Topic:
    """One stream's last `seq`, and its subscribers by variant."""

    __slots__ = ("groups", "published_at", "seq")

    def __init__(self) -> None:
        self.seq = 0
        self.published_at = 0
        self.groups: dict[Variant, Group] = {}

    def __len__(self) -> int:
        return sum(len(group) for group in self.groups.values())


class Hub:
    """The streams of one market and everyone who listens to them."""

    def __init__(self, streams: Iterable[Stream]) -> None:
        self.topics = {stream: Topic() for stream in streams}
        self.counters = HubCounters()
        self.backlog = Backlog()

    @property
    def subscriptions(self) -> int:
        """How many pairs of subscriber and stream there are."""
        return sum(len(topic) for topic in self.topics.values())

    def join(self, subscriber: Subscriber, stream: Stream, variant: Variant) -> None:
        """Deliver the stream to the subscriber from the next message on."""
        groups = self.topics[stream].groups
        group = groups.get(variant)
        if group is None:
            group = groups[variant] = Group()
        subscriber.enter(group)

    def leave(self, subscriber: Subscriber, stream: Stream, variant: Variant) -> None:
        """Stop delivering the stream."""
        group = self.topics[stream].groups.get(variant)
        if group is not None:
            subscriber.leave(group)

    def publish(self, topic: Topic, count: int, frames: Callable[[Variant], bytes], now: int) -> None:
        """Send `count` messages, joined by `frames` for each variant that anybody listens in."""
        topic.seq += count
        topic.published_at = now
        counters = self.counters
        counters.published += count
        for variant, group in topic.groups.items():
            readers = len(group)
            if readers:
                data = frames(variant)
                group.write(data)
                counters.deliveries += readers * count
                counters.writes += readers
                counters.delivered_bytes += readers * len(data)
