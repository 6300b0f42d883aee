"""What one connection gets of several streams comes in the order of publication, however late anybody is."""

from __future__ import annotations

import re
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from feed.clock import ManualClock
from feed.delivery.fanout import Fanout
from feed.delivery.group import Group
from feed.delivery.outbox import Outbox, OutboxLimits
from feed.delivery.subscriber import Subscriber
from feed.units import MILLISECOND, SECOND

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
        self.groups = [
            Group(self.fanout, self._newest(number), self._missed(number)) if number > 1 else Group(self.fanout)
            for number in range(4)
        ]
        outbox = Outbox(self, OutboxLimits(2**20, SECOND), self._gave_up)
        # Written to through the outbox either way: what goes to a descriptor directly is noted by nobody.
        self.subscriber = Subscriber(outbox, None, self.fanout)
        if direct:
            self.subscriber.ask()
        for group in self.groups:
            self.subscriber.enter(group)

    def _gave_up(self, reason: str) -> None:
        self.too_slow = True
        self.subscriber.leave_all()

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

    def _newest(self, stream: int) -> Callable[[int], bytes]:
        return lambda since: self.line(stream, len(self.placed[stream]))

    def _missed(self, stream: int) -> Callable[[int, int], bytes]:
        def missed(since: int, until: int) -> bytes:
            if since + 50 < len(self.placed[stream]):
                return b""
            return b"".join(self.line(stream, seq) for seq in range(since + 1, until + 1))

        return missed

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
            self.groups[stream].stage(self.line(stream, seq), seq)
        self.fanout.flush()

    def act(self, action: str) -> None:
        """Something happens to the reader."""
        if action == "full":
            self.full = True
        elif action == "room":
            self.full = False
            self.got += b"".join(self.buffer)
            self.buffer.clear()
            self.subscriber.drained()
        elif action == "answer":
            numbers = QUESTION.findall(self.got)
            if numbers:
                self.subscriber.answered(int(numbers[-1]))
        elif action == "ask":
            self.subscriber.ask()
        elif action == "queue":
            self.subscriber.queue()
        elif action == "hold":
            self.subscriber.hold(self.clock.now())
        else:
            self.subscriber.release()

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
    world.subscriber.release()
    assert [stream for _, stream, _ in world.messages()] == [2, 2, 0, 1, 3, 0]
