"""The fan-out, on real sockets: everybody gets every byte in order, and O(1) bookkeeping stays true."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Iterable
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feed.clock import ManualClock
from feed.delivery.fanout import Fanout
from feed.delivery.framing import payload_of, text_frame
from feed.delivery.group import Group
from feed.delivery.outbox import Outbox, OutboxLimits
from feed.delivery.subscriber import Subscriber
from feed.faults.link import Parcel
from feed.protocol.effects import Stream
from feed.units import SECOND

STREAM = Stream("numbers", "BTC/USD")


@dataclass
class SocketWire:
    """A non-blocking socket with a buffer behind it, as a transport has one."""

    ours: socket.socket
    theirs: socket.socket
    buffer: bytearray = field(default_factory=bytearray)

    @classmethod
    def pair(cls, buffer: int = 4096) -> SocketWire:
        ours, theirs = socket.socketpair()
        for sock in (ours, theirs):
            sock.setblocking(False)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffer)
        return cls(ours, theirs)

    def write(self, data: bytes) -> None:
        self.buffer += data
        self.flush()

    def waiting(self) -> int:
        return len(self.buffer)

    def flush(self) -> None:
        try:
            sent = os.write(self.ours.fileno(), self.buffer) if self.buffer else 0
        except BlockingIOError:
            sent = 0
        except OSError:
            sent = len(self.buffer)
        del self.buffer[:sent]

    def read(self) -> bytes:
        got = b""
        while True:
            try:
                data = self.theirs.recv(65536)
            except BlockingIOError:
                return got
            if not data:
                return got
            got += data

    def close(self) -> None:
        self.ours.close()
        self.theirs.close()


QUESTION = re.compile(rb"\x89.\d+")
"""A ping frame; what these tests send besides has no such byte."""


def write(fanout: Fanout, group: Group, data: bytes, seq: int = 0) -> None:
    """One message of one group on its own."""
    fanout.settle()
    fanout.stage(group, data, seq)
    fanout.flush()


class Listener:
    """A subscriber on a socket pair."""

    def __init__(self, fanout: Fanout, limit: int = 2**20) -> None:
        self.wire = SocketWire.pair()
        self.too_slow: list[str] = []
        self.fanout = fanout
        self.outbox = Outbox(self.wire, OutboxLimits(limit, 10 * SECOND), self._slow)
        self.subscriber = Subscriber(self.outbox, self.wire.ours.fileno())
        self.got = b""

    def _slow(self, reason: str) -> None:
        self.too_slow.append(reason)
        self.fanout.dismiss(self.subscriber)

    def read(self) -> None:
        """Read all there is, as an event loop would let it."""
        while True:
            data = self.wire.read()
            self.got += data
            self.wire.flush()
            if not data and not self.wire.waiting():
                break
        self.fanout.resume(self.subscriber)


@pytest.mark.parametrize("count", [1, 2, 20])
def test_everybody_gets_every_byte(count: int) -> None:
    """Fast readers and one that reads late get the same bytes."""
    fanout = Fanout(ManualClock())
    group = Group(STREAM)
    listeners = [Listener(fanout) for _ in range(count)]
    for listener in listeners:
        fanout.enter(listener.subscriber, group)
    sent = b""
    for number in range(300):
        data = b"%05d" % number * 200
        write(fanout, group, data)
        sent += data
        for listener in listeners[1:]:
            listener.read()
    assert len(fanout.stragglers) == 1, "the one that has not read"
    listeners[0].read()
    assert len(fanout.stragglers) == 0
    assert all(listener.got == sent for listener in listeners)
    write(fanout, group, b"again")
    listeners[0].read()
    assert listeners[0].got == sent + b"again"
    for listener in listeners:
        listener.wire.close()


def test_reader_that_never_reads_is_found_by_its_bytes() -> None:
    """Its buffer grows to the bound and no further, and the others lose nothing."""
    fanout = Fanout(ManualClock())
    group = Group(STREAM)
    good, bad = Listener(fanout), Listener(fanout, limit=50_000)
    for listener in (bad, good):
        fanout.enter(listener.subscriber, group)
    for _ in range(200):
        write(fanout, group, b"x" * 1000)
        good.read()
        assert bad.wire.waiting() <= 50_000
    assert len(bad.too_slow) == 1
    assert len(group) == 1
    assert len(fanout.stragglers) == 0
    assert good.got == b"x" * 200_000
    for listener in (good, bad):
        listener.wire.close()


def test_reader_without_progress_is_found_by_time() -> None:
    """Nothing sent for ten seconds ends it; any progress starts the count anew."""
    fanout = Fanout(ManualClock())
    listener = Listener(fanout)
    fanout.queue(listener.subscriber)
    listener.outbox.write(b"x" * 500_000)
    assert listener.outbox.check(0) == 10 * SECOND
    assert listener.outbox.check(4 * SECOND) == 10 * SECOND
    listener.wire.read()
    listener.wire.flush()
    assert listener.outbox.check(9 * SECOND) == 19 * SECOND
    assert not listener.too_slow
    assert listener.outbox.check(19 * SECOND) is None
    assert listener.too_slow == ["nothing could be sent for 10 s"]
    listener.wire.close()


def test_dead_socket_harms_nobody() -> None:
    """A peer that is gone does not stop the write to those behind it."""
    fanout = Fanout(ManualClock())
    group = Group(STREAM)
    first, gone, last = (Listener(fanout) for _ in range(3))
    for listener in (first, gone, last):
        fanout.enter(listener.subscriber, group)
    gone.wire.theirs.close()
    for _ in range(5):
        write(fanout, group, b"abc")
    first.read()
    last.read()
    assert first.got == last.got == b"abc" * 5
    for listener in (first, gone, last):
        listener.wire.close()


STEPS = st.lists(
    st.tuples(st.sampled_from(["enter", "leave", "queue", "drained", "gone"]), st.integers(0, 7)), max_size=60
)


@given(STEPS)
def test_membership_is_exact(steps: list[tuple[str, int]]) -> None:
    """After any sequence of joining, leaving, filling and draining, a write reaches exactly the members, once."""
    fanout = Fanout(ManualClock())
    groups = (Group(STREAM), Group(STREAM))
    got: dict[int, int] = dict.fromkeys(range(8), 0)

    class Count:
        def __init__(self, number: int) -> None:
            self.number = number

        def write(self, data: bytes) -> None:
            got[self.number] += len(data)

        def waiting(self) -> int:
            return 0

    outboxes = [Outbox(Count(number), OutboxLimits(2**40, 1), lambda reason: None) for number in range(8)]
    # No descriptor: all go through their outbox, where writes can be counted.
    subscribers = [Subscriber(outbox, None) for outbox in outboxes]
    members: set[int] = set()
    for action, number in steps:
        subscriber = subscribers[number]
        if action == "enter":
            fanout.enter(subscriber, groups[0])
            fanout.enter(subscriber, groups[1])
            members.add(number)
        elif action == "leave":
            fanout.leave(subscriber, groups[0])
            fanout.leave(subscriber, groups[1])
            members.discard(number)
        elif action == "queue":
            fanout.queue(subscriber)
        elif action == "drained":
            fanout.resume(subscriber)
        else:
            fanout.dismiss(subscriber)
            members.discard(number)
    assert len(groups[0]) == len(groups[1]) == len(members)
    write(fanout, groups[0], b"x")
    write(fanout, groups[1], b"xx")
    assert {number for number, count in got.items() if count} == members
    assert all(count in (0, 3) for count in got.values())


class Numbers:
    """A conflated stream of numbers in lines: `12` is a message, `12-3` one that stands for three that were skipped."""

    def __init__(self, fanout: Fanout) -> None:
        self.seq = 0
        self.fanout = fanout
        self.group = Group(STREAM, recall=self)

    def newest(self, stream: Stream, since: int, form: object) -> bytes:
        return self._line(since)

    def missed(self, stream: Stream, after: int, count: int, form: object, kind: str = "update") -> list[bytes]:
        return []

    def _line(self, since: int) -> bytes:
        skipped = self.seq - since - 1
        return (f"{self.seq}-{skipped}" if skipped else f"{self.seq}").encode().rjust(499) + b"\n"

    def publish(self, count: int = 1) -> None:
        """The next numbers in one write."""
        data = b""
        for _ in range(count):
            self.seq += 1
            data += self._line(self.seq - 1)
        write(self.fanout, self.group, data, self.seq)


def checked(got: bytes, last: int) -> int:
    """Every number is there or counted as skipped; returns how many were."""
    seen = total = 0
    for line in QUESTION.sub(b"", got).decode().split():
        number, _, skipped = line.partition("-")
        assert int(number) == seen + int(skipped or 0) + 1
        seen, total = int(number), total + int(skipped or 0)
    assert seen == last
    return total


def test_conflated_reader_holds_one_message_and_misses_none_silently() -> None:
    """What waits for it does not grow, the fast one gets everything, and each skipped message is counted."""
    fanout = Fanout(ManualClock())
    numbers = Numbers(fanout)
    fast, slow = Listener(fanout), Listener(fanout)
    for listener in (fast, slow):
        fanout.enter(listener.subscriber, numbers.group)
    for _ in range(50):
        for _ in range(20):
            numbers.publish()
            fast.read()
        assert slow.wire.waiting() <= 500
        slow.got += slow.wire.read()
        slow.wire.flush()
        if not slow.wire.waiting():
            fanout.resume(slow.subscriber)
    slow.read()
    slow.read()
    assert checked(fast.got, 1000) == 0
    assert checked(slow.got, 1000) > 500
    assert len(fanout.stragglers) == 0
    numbers.publish(3)
    slow.read()
    assert QUESTION.sub(b"", slow.got).split()[-3:] == [b"1001", b"1002", b"1003"]
    for listener in (fast, slow):
        listener.wire.close()


def test_no_conflated_stream_of_one_reader_starves() -> None:
    """A reader that takes one write at a time gets the newest of each of its streams with it."""
    fanout = Fanout(ManualClock())
    listener = Listener(fanout)
    streams = [Numbers(fanout) for _ in range(3)]
    written: list[bytes] = []

    class OneAtATime:
        full = False

        def write(self, data: bytes) -> None:
            written.append(data)
            self.full = True

        def waiting(self) -> int:
            return int(self.full)

    wire = OneAtATime()
    listener.subscriber.outbox = Outbox(wire, OutboxLimits(2**20, SECOND), listener._slow)
    for numbers in streams:
        fanout.enter(listener.subscriber, numbers.group)
    fanout.queue(listener.subscriber)
    wire.full = True
    for _ in range(9):
        for numbers in streams:
            numbers.publish()
        wire.full = False
        fanout.resume(listener.subscriber)
        newest = [line.split(b"-")[0] for line in written[-1].split()]
        assert newest == [b"%d" % numbers.seq for numbers in streams]
    assert len(written) == 9
    listener.wire.close()


def test_conflated_reader_without_a_descriptor_gets_everything_that_it_has_room_for() -> None:
    """Several messages in one write are not conflated as long as nothing waits."""
    fanout = Fanout(ManualClock())
    numbers = Numbers(fanout)
    listener = Listener(fanout)
    listener.subscriber = Subscriber(listener.outbox, None)
    fanout.enter(listener.subscriber, numbers.group)
    for _ in range(5):
        numbers.publish(4)
        listener.read()
    assert checked(listener.got, 20) == 0
    listener.wire.close()


def test_streams_share_a_write_and_keep_their_order() -> None:
    """Readers of the same streams, and one of only some, get what they listen to in the order in which it came."""
    fanout = Fanout(ManualClock())
    trades, book = Group(STREAM), Group(STREAM)
    both, also_both, only_book = (Listener(fanout) for _ in range(3))
    for listener in (both, also_both):
        fanout.enter(listener.subscriber, trades)
        fanout.enter(listener.subscriber, book)
    fanout.enter(only_book.subscriber, book)
    fanout.settle()
    assert fanout.stage(trades, b"t1,") == 2
    assert fanout.stage(book, b"b1,") == 3
    assert fanout.stage(trades, b"t2,") == 2
    assert not both.wire.read()
    fanout.flush()
    assert fanout.counters.writes == 3
    for listener in (both, also_both, only_book):
        listener.read()
    assert both.got == also_both.got == b"t1,b1,t2,"
    assert only_book.got == b"b1,"
    for listener in (both, also_both, only_book):
        listener.wire.close()


def test_who_fills_up_between_staging_and_flushing_gets_what_was_staged_first() -> None:
    """Something else was written to it in between: what was published before that is neither lost nor sent twice."""
    fanout = Fanout(ManualClock())
    groups = Group(STREAM), Group(STREAM)
    listener, other = Listener(fanout), Listener(fanout)
    for one in (listener, other):
        for group in groups:
            fanout.enter(one.subscriber, group)
    fanout.settle()
    fanout.stage(groups[0], b"a", 1)
    fanout.queue(listener.subscriber)
    fanout.stage(groups[1], b"b", 1)
    fanout.flush()
    fanout.resume(listener.subscriber)
    write(fanout, groups[0], b"c", 2)
    for one in (listener, other):
        one.read()
        assert one.got == b"abc"
        one.wire.close()


def test_who_comes_between_staging_and_flushing_gets_only_what_comes_behind() -> None:
    """And who leaves gets what was published while it was there."""
    fanout = Fanout(ManualClock())
    group = Group(STREAM)
    early, late = Listener(fanout), Listener(fanout)
    fanout.enter(early.subscriber, group)
    fanout.settle()
    fanout.stage(group, b"a", 1)
    fanout.enter(late.subscriber, group)
    fanout.leave(early.subscriber, group)
    fanout.settle()
    fanout.stage(group, b"b", 2)
    fanout.flush()
    for one in (early, late):
        one.read()
    assert (early.got, late.got) == (b"a", b"b")
    assert len(group) == len(group.audiences) == 1
    for one in (early, late):
        one.wire.close()


ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["enter", "leave"]), st.integers(0, 4), st.integers(0, 2)),
        st.tuples(st.sampled_from(["read", "queue", "gone", "divert", "undivert"]), st.integers(0, 4), st.just(0)),
        st.tuples(st.just("publish"), st.integers(1, 5), st.integers(0, 2)),
    ),
    max_size=80,
)


class Through:
    """A detour that has every frame written at once."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox

    def take(self, parcels: Iterable[Parcel]) -> None:
        for parcel in parcels:
            assert payload_of(parcel.data)[1:].startswith(b":%d;" % parcel.seq)
            self._outbox.write(parcel.data)


class Crowd:
    """Five readers of three streams, and what each of them should have got."""

    def __init__(self) -> None:
        self.fanout = Fanout(ManualClock())
        self.groups = [Group(STREAM) for _ in range(3)]
        self.listeners = [Listener(self.fanout) for _ in range(5)]
        self.wanted = [b""] * 5
        self.members: set[tuple[int, int]] = set()
        self.gone: set[int] = set()
        self._number = 0

    def publish(self, count: int, first: int) -> None:
        """So many messages, of one stream after the other."""
        self.fanout.settle()
        for step in range(count):
            group = (first + step) % 3
            self._number += 1
            # Now and then more than a socket takes.
            line = text_frame(b"%d:%d;" % (group, self._number) * (1 if self._number % 4 else 700))
            self.fanout.stage(self.groups[group], line, self._number, [line])
            for who, which in self.members:
                if which == group:
                    self.wanted[who] += line
        self.fanout.flush()

    def act(self, action: str, who: int, which: int) -> None:
        """One reader does something; one that is gone does nothing any more."""
        if who in self.gone:
            return
        subscriber = self.listeners[who].subscriber
        if action == "enter":
            self.fanout.enter(subscriber, self.groups[which])
            self.members.add((who, which))
        elif action == "leave":
            self.fanout.leave(subscriber, self.groups[which])
            self.members.discard((who, which))
        elif action == "read":
            self.listeners[who].read()
        elif action == "queue":
            self.fanout.queue(subscriber)
        elif action == "divert":
            self.fanout.divert(subscriber, Through(subscriber.outbox))
        elif action == "undivert":
            self.fanout.undivert(subscriber)
        else:
            self.fanout.dismiss(subscriber)
            self.members -= {(who, group) for group in range(3)}
            self.gone.add(who)

    def close(self) -> None:
        """Close the sockets."""
        for listener in self.listeners:
            listener.wire.close()


@given(ACTIONS)
def test_everybody_gets_each_of_its_streams_whole(actions: list[tuple[str, int, int]]) -> None:
    """Whatever readers do, each gets exactly the messages published while it listened, in the order of publishing."""
    crowd = Crowd()
    try:
        for action, who, which in actions:
            if action == "publish":
                crowd.publish(who, which)
            else:
                crowd.act(action, who, which)
        for listener, wanted in zip(crowd.listeners, crowd.wanted, strict=True):
            listener.read()
            assert listener.got == wanted
        sizes = [sum(1 for _, which in crowd.members if which == index) for index in range(3)]
        assert [len(group) for group in crowd.groups] == sizes
        assert len(crowd.fanout.stragglers) == 0
        diverted = [listener.subscriber.detour is not None for listener in crowd.listeners]
        for number, group in enumerate(crowd.groups):
            assert group.diverted == sum(diverted[who] for who, which in crowd.members if which == number)
    finally:
        crowd.close()


class Notebook:
    """A detour that writes down which frames it is given."""

    def __init__(self) -> None:
        self.taken: list[tuple[int, bytes]] = []

    def take(self, parcels: Iterable[Parcel]) -> None:
        """Note them."""
        self.taken += [(parcel.seq, payload_of(parcel.data)) for parcel in parcels]


def test_frames_keep_their_numbers_where_some_say_nothing() -> None:
    """A message that a form has no word for has a number nevertheless."""
    wire = SocketWire.pair()
    subscriber = Subscriber(Outbox(wire, OutboxLimits(4096, SECOND), print), None)
    detour = subscriber.detour = Notebook()
    subscriber.show(STREAM, 5, [text_frame(b"3"), b"", text_frame(b"5")])
    subscriber.show(STREAM, 7, [text_frame(b"6") + text_frame(b"7")])
    subscriber.show(STREAM, 8, [b""])
    assert detour.taken == [(3, b"3"), (5, b"5"), (6, b"6"), (7, b"7")]
    wire.close()
