"""What one connection gets of several streams comes in the order of publication, however late anybody is."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from feed.clock import ManualClock
from feed.delivery.fanout import Fanout
from feed.delivery.group import Group
from feed.delivery.outbox import Outbox, OutboxLimits
from feed.delivery.subscriber import Subscriber
from feed.protocol.effects import Stream
from feed.units import MILLISECOND, SECOND

STREAMS = [Stream(name, "BTC/USD") for name in ("trading", "status", "ticker", "candles")]

QUESTION = re.compile(rb"\x89.(\d+)")
MESSAGE = re.compile(rb"m(\d+):(\d):(\d+);")


class World:
    """Two lossless and two conflated streams, and a reader whose socket, answers and time a test decides on.

    Each message is its number in the order of publication, its stream, and its `seq` there. A conflated stream keeps
    only its last messages.
    """

    def __init__(self, *, direct: bool) -> None:
        self.clock = ManualClock()
        self.fanout = Fanout(self.clock)
        self.full = False
        self.buffer: list[bytes] = []
        self.got = b""
        self.too_slow = False
        self.placed: list[list[int]] = [[] for _ in range(4)]
        self.count = 0
        self.groups = [Group(stream, recall=self if number > 1 else None) for number, stream in enumerate(STREAMS)]
        outbox = Outbox(self, OutboxLimits(2**20, SECOND), self._gave_up)
        # Written to through the outbox either way: what goes to a descriptor directly is noted by nobody.
        self.subscriber = Subscriber(outbox, None)
        if direct:
            self.fanout.ask(self.subscriber)
        for group in self.groups:
            self.fanout.enter(self.subscriber, group)

    def _gave_up(self, reason: str) -> None:
        self.too_slow = True
        self.fanout.dismiss(self.subscriber)

    # Wire of the outbox.

    def write(self, data: bytes) -> None:
        """Take everything, or keep it."""
        if self.full:
            self.buffer.append(data)
        else:
            self.got += data

    def waiting(self) -> int:
        """What was kept."""
        return sum(map(len, self.buffer))

    def line(self, stream: int, seq: int) -> bytes:
        """One message."""
        return b"m%d:%d:%d;" % (self.placed[stream][seq - 1], stream, seq)

    def newest(self, stream: Stream, since: int, form: object) -> bytes:
        """The recall's."""
        number = STREAMS.index(stream)
        return self.line(number, len(self.placed[number]))

    def missed(self, stream: Stream, after: int, count: int, form: object, kind: str = "update") -> list[bytes]:
        """The recall's."""
        number = STREAMS.index(stream)
        if after + 50 < len(self.placed[number]):
            return []
        return [self.line(number, seq) for seq in range(after + 1, after + 1 + count)]

    def messages(self) -> list[tuple[int, int, int]]:
        """What came: its place in the order of publication, its stream, and its seq there."""
        return [(int(place), int(stream), int(seq)) for place, stream, seq in MESSAGE.findall(self.got)]

    # What happens.

    def publish(self, streams: list[int]) -> None:
        """One message of each, in this order."""
        self.fanout.settle()
        for stream in streams:
            self.count += 1
            self.placed[stream].append(self.count)
            seq = len(self.placed[stream])
            self.fanout.stage(self.groups[stream], self.line(stream, seq), seq)
        self.fanout.flush()

    def act(self, action: str) -> None:
        """Something happens to the reader."""
        if action == "full":
            self.full = True
        elif action == "room":
            self.full = False
            self.got += b"".join(self.buffer)
            self.buffer.clear()
            self.fanout.resume(self.subscriber)
        elif action == "answer":
            numbers = QUESTION.findall(self.got)
            if numbers:
                self.fanout.hear(self.subscriber, int(numbers[-1]))
        elif action == "ask":
            self.fanout.ask(self.subscriber)
        elif action == "queue":
            self.fanout.queue(self.subscriber)
        elif action == "hold":
            self.fanout.hold(self.subscriber, self.clock.now())
        else:
            self.fanout.release(self.subscriber)

    def settle(self) -> None:
        """The reader catches up."""
        for _ in range(4):
            self.act("room")
            self.act("ask")
            self.act("answer")
            self.clock.advance(3 * SECOND)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("publish"), st.lists(st.integers(0, 3), min_size=1, max_size=6)),
        st.tuples(st.just("wait"), st.lists(st.integers(1, 300), min_size=1, max_size=1)),
        st.tuples(st.sampled_from(["full", "room", "answer", "ask", "queue", "hold", "release"]), st.just([])),
    ),
    max_size=60,
)


@given(STEPS, st.booleans())
def test_several_streams_come_in_the_order_of_publication(steps: list[tuple[str, list[int]]], direct: bool) -> None:
    """Nothing overtakes anything, of lossless streams nothing is missing, and the newest of the others comes."""
    world = World(direct=direct)
    for action, numbers in steps:
        if action == "publish":
            world.publish(numbers)
        elif action == "wait":
            world.clock.advance(numbers[0] * MILLISECOND)
        else:
            world.act(action)
    world.settle()
    assert not world.too_slow
    lines = world.messages()
    places = [place for place, _, _ in lines]
    assert places == sorted(set(places))
    for stream, placed in enumerate(world.placed):
        seqs = [seq for _, own, seq in lines if own == stream]
        if stream < 2:
            assert seqs == list(range(1, len(placed) + 1))
        elif placed:
            assert seqs[-1] == len(placed)


def test_lossless_messages_wait_a_moment_at_most() -> None:
    """Behind a conflated one, for a reader that does not answer: then both go out, in their order."""
    world = World(direct=True)
    world.publish([2])
    world.clock.advance(100 * MILLISECOND)
    world.publish([2, 0])
    assert [stream for _, stream, _ in world.messages()] == [2]
    world.clock.advance(300 * MILLISECOND)
    world.publish([1])
    assert [stream for _, stream, _ in world.messages()] == [2, 2, 0, 1]
    world.publish([3, 0])
    world.fanout.release(world.subscriber)
    assert [stream for _, stream, _ in world.messages()] == [2, 2, 0, 1, 3, 0]
