"""How old what a slow reader of a conflated stream sees is, in virtual time: bounded by its own answers."""

from __future__ import annotations

import os
import re
import socket
from collections import deque

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from feed.clock import ManualClock
from feed.delivery.fanout import Fanout
from feed.delivery.framing import PING_FIN
from feed.delivery.group import Group
from feed.delivery.outbox import Outbox, OutboxLimits
from feed.delivery.pulse import (
    CALM_AFTER,
    LATE_AFTER,
    MAX_FIRST_WAIT,
    MAX_REPEATED,
    MAX_REPEATED_TRUSTED,
    MIN_PING_INTERVAL,
    RECHECK_AFTER,
    TRUSTED_AFTER,
    Pulse,
)
from feed.delivery.subscriber import Subscriber
from feed.protocol.effects import Stream
from feed.units import MICROSECOND, MILLISECOND, SECOND

STREAM = Stream("numbers", "BTC/USD")

MESSAGE = re.compile(rb"(\d+)(?:-(\d+))?;")
STEP = 500 * MICROSECOND


class Nowhere:
    """A wire that takes everything."""

    def write(self, data: bytes) -> None:
        """Nobody reads it."""

    def waiting(self) -> int:
        """Nothing waits."""
        return 0


class World:
    """One conflated stream, a fast reader in the same audience, and one reader with a pace of its own.

    A reader takes a message each `pause` ns, and answers a question at once when it comes to it. What it has not taken
    yet lies in a buffer without an end, as that of a kernel seems to be.
    """

    def __init__(self, every: int, pause: int, *, round_trip: int = 0, answers: bool = True) -> None:
        self.clock = ManualClock()
        self.fanout = Fanout(self.clock)
        self.group = Group(STREAM, recall=self)
        self.every, self.pause, self.round_trip, self.answers = every, pause, round_trip, answers
        self.seq = 0
        self.published: list[int] = []
        self.ours, self.theirs = socket.socketpair()
        self.ours.setblocking(False)
        self.theirs.setblocking(False)
        outbox = Outbox(self, OutboxLimits(2**30, SECOND), lambda _: None)
        self.subscriber = Subscriber(outbox, self.ours.fileno(), lambda: round_trip)
        self.nowhere = os.open(os.devnull, os.O_WRONLY)
        self.fast = self.mute()
        # When it arrives, and its number; a message also says how many were skipped, and a question does not.
        self.arriving: deque[tuple[int, int, int | None]] = deque()
        self.leaving: deque[tuple[int, int]] = deque()
        self.reads_at = 0
        self.stalled_until = 0
        self.ages: list[int] = []
        self.seen = 0
        self.skipped = 0
        self.questions = 0

    def mute(self) -> Subscriber:
        """A reader that takes everything and answers nothing, which is known of it."""
        subscriber = Subscriber(Outbox(Nowhere(), OutboxLimits(2**30, 1), lambda _: None), self.nowhere)
        self.fanout.ask(subscriber)
        self.fanout.stop_measuring(subscriber)
        return subscriber

    # Wire of the outbox.

    def write(self, data: bytes) -> None:
        """Direct writes and those of the outbox go the same way."""
        os.write(self.ours.fileno(), data)

    def waiting(self) -> int:
        """The kernel takes everything."""
        return 0

    def _line(self, seq: int, skipped: int = 0) -> bytes:
        return b"%d-%d;" % (seq, skipped) if skipped else b"%d;" % seq

    def newest(self, stream: Stream, since: int, form: object) -> bytes:
        """The recall's."""
        return self._line(self.seq, self.seq - since - 1)

    def missed(self, stream: Stream, after: int, count: int, form: object, kind: str = "update") -> list[bytes]:
        """The recall's."""
        return [self._line(seq) for seq in range(after + 1, after + 1 + count)]

    def open(self) -> None:
        """Both readers come, and are asked first."""
        self.fanout.ask(self.subscriber)
        self.fanout.enter(self.subscriber, self.group)
        self.fanout.enter(self.fast, self.group)

    def run(self, length: int) -> None:
        """Let time pass."""
        until = self.clock.now() + length
        while (now := self.clock.now()) < until:
            while self.leaving and self.leaving[0][0] <= now:
                self.fanout.hear(self.subscriber, self.leaving.popleft()[1])
            while len(self.published) < now // self.every:
                self.publish()
            self._receive(now)
            self._read(now)
            self.clock.advance(STEP)

    def publish(self) -> None:
        """The next message, however late it is."""
        now = self.clock.now()
        self.published.append(now)
        self.seq += 1
        self.fanout.settle(now - self.seq * self.every)
        self.fanout.stage(self.group, self._line(self.seq), self.seq)
        self.fanout.flush()

    def stand_still(self, length: int) -> None:
        """The reader takes nothing for so long, from now on."""
        self.stalled_until = self.clock.now() + length

    def _receive(self, now: int) -> None:
        try:
            data = self.theirs.recv(2**20)
        except BlockingIOError:
            return
        while data:
            if data[0] == PING_FIN:
                length = 2 + data[1]
                item: tuple[int, int | None] = (int(data[2:length]), None)
            else:
                match = MESSAGE.match(data)
                assert match is not None
                length = len(match[0])
                item = int(match[1]), int(match[2] or 0)
            self.arriving.append((now + self.round_trip // 2, *item))
            data = data[length:]

    def _read(self, now: int) -> None:
        while self.arriving and self.arriving[0][0] <= now and max(self.reads_at, self.stalled_until) <= now:
            _, seq, skipped = self.arriving.popleft()
            if skipped is None:
                self.questions += 1
                if self.answers:
                    self.leaving.append((now + self.round_trip // 2, seq))
                continue
            assert seq == self.seen + skipped + 1, "nothing is left out without a word"
            self.seen, self.skipped = seq, self.skipped + skipped
            self.ages.append(now - self.published[seq - 1])
            self.reads_at = now + self.pause

    def close(self) -> None:
        """Close the sockets."""
        self.ours.close()
        self.theirs.close()
        os.close(self.nowhere)


@pytest.mark.parametrize("rate", [1, 7, 50, 210, 1000])
@pytest.mark.parametrize("part", [2, 4, 10])
def test_reader_at_a_part_of_the_rate_sees_nothing_old(rate: int, part: int) -> None:
    """Half, a quarter or a tenth of the rate: what it sees is at most a second old, all the time."""
    every = SECOND // rate
    world = World(every, part * every)
    world.open()
    world.run(20 * SECOND if rate < 50 else 8 * SECOND)
    # The newest there is may be as old as the time between two.
    assert max(world.ages) <= max(SECOND, every + 4 * STEP)
    assert world.skipped > 0.8 * (1 - 1 / part) * world.seq - 10
    assert world.seq - world.seen <= max(1, SECOND // every) + part
    world.close()


@settings(max_examples=25, deadline=None)
@example(125, 9.0, 8, [])
@given(
    st.integers(1, 1000),
    st.floats(1.0, 10.0),
    st.integers(0, 60),
    st.lists(st.tuples(st.integers(1, 300), st.integers(0, 70)), max_size=6),
)
def test_nothing_is_old_or_lost_without_a_word(
    rate: int, part: float, round_trip: int, stalls: list[tuple[int, int]]
) -> None:
    """Any rate, any pace down to a tenth, near or far, and standing still now and then."""
    every = SECOND // rate
    world = World(every, int(part * every), round_trip=round_trip * MILLISECOND)
    world.open()
    for length, stall in stalls:
        world.run(length * MILLISECOND)
        world.stand_still(stall * MILLISECOND)
    world.run(2 * SECOND)
    # Until a question is late the reader falls behind by so much, and by as much again while the next one is open.
    falls_behind = 2 * int(part * (MIN_PING_INTERVAL + LATE_AFTER + round_trip * MILLISECOND + every))
    stood = max((stall for _, stall in stalls), default=0) * MILLISECOND
    bound = max(SECOND, every + 4 * STEP, falls_behind) + 10 * (round_trip * MILLISECOND + stood)
    assert not world.ages or max(world.ages) <= bound
    world.close()


@pytest.mark.parametrize("rate", [7, 210, 1000])
@pytest.mark.parametrize("round_trip", [0, 80 * MILLISECOND, 300 * MILLISECOND])
def test_reader_that_keeps_up_gets_everything(rate: int, round_trip: int) -> None:
    """However far away it is, and although it stands still for a moment now and then."""
    world = World(SECOND // rate, 0, round_trip=round_trip)
    world.open()
    for _ in range(6):
        world.run(700 * MILLISECOND)
        world.stand_still(MAX_REPEATED - 20 * MILLISECOND)
    world.run(CALM_AFTER + SECOND)
    assert world.skipped == 0
    assert world.seen >= world.seq - 1 - (round_trip // 2 + STEP) // world.every
    assert world.subscriber.direct
    world.close()


def test_reader_that_was_quick_for_long_is_trusted() -> None:
    """It stands still for almost half a second and misses nothing; one that has just come misses some."""
    world = World(5 * MILLISECOND, 0)
    world.open()
    world.run(SECOND)
    world.stand_still(MAX_REPEATED_TRUSTED - 50 * MILLISECOND)
    world.run(SECOND)
    skipped = world.skipped
    assert skipped > 0
    world.run(TRUSTED_AFTER + SECOND)
    world.stand_still(MAX_REPEATED_TRUSTED - 50 * MILLISECOND)
    world.run(SECOND)
    assert world.skipped == skipped
    world.close()


def test_reader_that_never_answers_is_not_measured() -> None:
    """It gets its first messages a moment later, and then all of them, as if nobody had asked."""
    world = World(10 * MILLISECOND, 0, answers=False)
    world.open()
    world.run(MAX_FIRST_WAIT)
    assert world.seen <= 5
    world.fanout.stop_measuring(world.subscriber)
    world.run(3 * SECOND)
    assert (world.seen, world.skipped) == (world.seq, 0)
    assert max(world.ages) <= MAX_FIRST_WAIT + 2 * STEP
    assert world.subscriber.direct
    world.close()


def test_server_that_stood_still_does_not_blame_its_readers() -> None:
    """The answers came in time, but were looked at late: nobody is held for that."""
    world = World(10 * MILLISECOND, 0)
    world.open()
    world.run(SECOND)
    for _ in range(5):
        while not world.subscriber.is_asked:
            world.run(10 * MILLISECOND)
            world.publish()
        world.clock.advance(200 * MILLISECOND)
        # The market is first, and the answers come only then.
        world.publish()
        assert world.subscriber.direct
        world.run(SECOND)
        assert world.subscriber.direct
    assert (world.seen, world.skipped) == (world.seq, 0)
    world.close()


def test_reader_is_asked_seldom_and_less_so_among_many() -> None:
    """A quick reader is asked once in a while, not behind every message."""
    world = World(MILLISECOND, 0)
    world.open()
    world.run(3 * SECOND)
    assert world.questions <= 3 * SECOND // MIN_PING_INTERVAL + 2
    alone = world.questions
    for subscriber in [world.mute() for _ in range(400)]:
        world.fanout.enter(subscriber, world.group)
    world.run(3 * SECOND)
    assert world.questions - alone <= alone // 5
    world.close()


def test_answers_that_nobody_asked_for() -> None:
    """A client may send any pong: it fools nobody but itself."""
    pulse = Pulse()
    assert not pulse.hear(5, 0)
    pulse.ask(1, 0)
    assert not pulse.is_open
    assert not pulse.is_new
    pulse = Pulse()
    pulse.ask(3, 0)
    assert not pulse.hear(2, 10)
    assert pulse.is_open
    assert not pulse.is_late(LATE_AFTER)
    assert pulse.is_late(LATE_AFTER + 1)
    assert not pulse.is_late(LATE_AFTER + 1, RECHECK_AFTER)
    assert pulse.hear(3, 20)
    assert not pulse.hear(3, 30)
    assert pulse.took == 20
