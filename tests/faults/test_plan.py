"""When a fault strikes, and whom: exact, the same for the same seed, and independent of timing and of chunks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feed.faults.fault import Fault, Strike
from feed.faults.keeping import StatefulEffect
from feed.faults.link import Delivery, Link, LinkCut, Parcel
from feed.faults.log import MAX_DEEDS, Deed, FaultLog
from feed.faults.plan import ArmedFault, FaultIdentity, FaultTarget
from feed.faults.registry import read_fault
from feed.protocol.effects import Stream
from feed.protocol.shape import MessageShape
from feed.server.faulting import WireFraming
from feed.units import MILLISECOND, SECOND

TRADING = Stream("trading", "BTC/USD")
OTHER = Stream("trading", "ETH/USD")
TICKER = Stream("ticker", "BTC/USD")
START = 1_735_689_600 * SECOND


class Calendar:
    """A message a second on every stream; what is older than `kept_from` is not kept."""

    start = START

    def __init__(self, seed: int = 1) -> None:
        self.seed = seed
        self.now = self.here = START
        self.kept_from = 0

    def time_of(self, stream: Stream, seq: int) -> int | None:
        """The seq-th second."""
        return START + seq * SECOND if seq >= self.kept_from else None


class World:
    """One connection with some faults."""

    def __init__(self, *faults: dict[str, Any], seed: int = 1, ordinal: int = 1) -> None:
        self.calendar = Calendar(seed)
        self.log = FaultLog()
        self.link = Link()
        self.armed: list[ArmedFault] = []
        for number, document in enumerate(faults, 1):
            armed = ArmedFault(
                read_fault(document),
                FaultIdentity(number, "url"),
                FaultTarget(f"c{ordinal}", ordinal, MessageShape(), WireFraming()),
                calendar=self.calendar,
                log=self.log,
            )
            self.armed.append(armed)
            self.link.add(number, armed)

    def send(self, stream: Stream, *seqs: int, now: int = 0) -> list[int]:
        """The seqs of those that come out at once; -1 where the connection is cut."""
        got: list[int] = []
        for seq in seqs:
            ready = self.link.carry(Parcel(b"x", "data", stream, seq, "data"), now)
            if isinstance(ready, LinkCut):
                return [*got, -1]
            got += [parcel.seq for parcel in ready]
        return got


TEN = tuple(range(1, 11))


@pytest.mark.parametrize(
    ("when", "dropped"),
    [
        ({}, set(TEN)),
        ({"seq": 4}, {4, 5, 6, 7, 8, 9, 10}),
        ({"seq": 4, "count": 2}, {4, 5}),
        ({"after": 3, "count": 1}, {4}),
        ({"count": 3}, {1, 2, 3}),
        ({"at": "3s"}, {3, 4, 5, 6, 7, 8, 9, 10}),
        ({"at": "3s", "for": "2s"}, {3, 4}),
        ({"at": "2025-01-01T00:00:08Z"}, {8, 9, 10}),
        ({"seq": 4, "for": "3s"}, {4, 5, 6}),
        ({"after": 5, "for": 2}, {6, 7}),
        ({"for": "4s"}, {1, 2, 3}),
        ({"connection": 1, "count": 1}, {1}),
        ({"connection": 2}, set()),
        ({"channel": "ticker"}, set()),
        ({"symbol": "BTC/USD", "channel": "trading", "count": 1}, {1}),
        ({"symbol": "ETH/USD"}, set()),
        ({"direction": "in"}, set()),
        ({"on": "subscribe"}, set()),
    ],
)
def test_drop_leaves_out_exactly_these(when: dict[str, Any], dropped: set[int]) -> None:
    """And the log says so, message by message."""
    world = World({"kind": "drop", **when})
    assert world.send(TRADING, *TEN) == [seq for seq in TEN if seq not in dropped]
    assert {deed.seq for deed in world.log.deeds} == dropped
    assert {deed.stream for deed in world.log.deeds} <= {"trading:BTC/USD"}


def test_counts_are_by_stream() -> None:
    """However two streams are mixed, the same messages of each are struck."""
    first, second = World({"kind": "drop", "after": 2, "count": 2}), World({"kind": "drop", "after": 2, "count": 2})
    mixed = [(first.send(TRADING, seq), first.send(TICKER, seq)) for seq in TEN]
    assert [one for pair in mixed for got in pair for one in got] == [seq for seq in (1, 2, *TEN[4:]) for _ in "ab"]
    assert (second.send(TRADING, *TEN), second.send(TICKER, *TEN)) == ([1, 2, 5, 6, 7, 8, 9, 10],) * 2


def test_fault_waits_for_what_the_client_sends() -> None:
    """Each time anew, and for so many messages."""
    world = World({"kind": "drop", "on": "subscribe", "count": 2})
    assert world.send(TRADING, 1) == [1]
    world.armed[0].hear("ping")
    assert world.send(TRADING, 2) == [2]
    world.armed[0].hear("subscribe")
    assert world.send(TRADING, 3, 4, 5) == [5]
    world.armed[0].hear("subscribe")
    assert world.send(TRADING, 6, 7, 8) == [8]


def test_events_are_not_struck_but_keep_their_place() -> None:
    """A heartbeat waits behind delayed data, unless the delay is of one channel."""
    heartbeat = Parcel(b"h", "event", None, 0, "heartbeat")
    world = World({"kind": "delay", "by": "50ms"})
    assert world.link.carry(heartbeat, 0) == [heartbeat]
    assert world.send(TRADING, 1) == []
    assert world.link.carry(heartbeat, 0) == []
    assert [parcel.name for parcel in expired(world.link, 50 * MILLISECOND)] == ["data", "heartbeat"]
    world = World({"kind": "delay", "by": "50ms", "channel": "trading"})
    assert world.send(TRADING, 1) == []
    assert world.link.carry(heartbeat, 0) == [heartbeat]


def expired(link: Link, now: int) -> list[Parcel]:
    """What is due."""
    ready = link.expire(now)
    assert not isinstance(ready, LinkCut)
    return ready


def test_delay_is_told_with_its_length() -> None:
    """By, and by chance up to `jitter` more: the same each time."""
    worlds = [World({"kind": "delay", "by": "10ms", "jitter": "10ms"}) for _ in range(2)]
    for world in worlds:
        world.send(TRADING, *TEN)
    told = [[deed.ms for deed in world.log.deeds] for world in worlds]
    assert told[0] == told[1]
    assert all(ms is not None and 10 <= ms < 20 for ms in told[0])
    assert len(set(told[0])) == 10
    assert worlds[0].link.deadline is not None


def test_reset_cuts_in_front_of_its_message() -> None:
    """What came before is there."""
    world = World({"kind": "reset", "seq": 3})
    assert world.send(TRADING, 1, 2, 3, 4) == [1, 2, -1]
    assert world.log.deeds == (Deed(1, "reset", "c1", "out", "trading:BTC/USD", 3, "cut", None, "url", 1),)


RATE = {"kind": "drop", "rate": 0.3}


@given(
    st.integers(0, 2**53 - 1),
    st.integers(1, 50),
    st.lists(st.tuples(st.sampled_from([TRADING, OTHER, TICKER]), st.integers(1, 30)), max_size=30),
    st.integers(0, 10**12),
)
def test_chance_is_a_matter_of_the_message(seed: int, ordinal: int, turns: list[tuple[Stream, int]], now: int) -> None:
    """The same seed and ordinal: the same messages, however they are mixed, cut and timed."""
    mixed = World(RATE, seed=seed, ordinal=ordinal)
    last = {TRADING: 0, OTHER: 0, TICKER: 0}
    for turn, (stream, count) in enumerate(turns):
        mixed.send(stream, *range(last[stream] + 1, last[stream] + count + 1), now=now + turn)
        last[stream] += count
    for stream, count in last.items():
        alone = World(RATE, seed=seed, ordinal=ordinal)
        alone.send(stream, *range(1, count + 1))
        struck = [deed.seq for deed in mixed.log.deeds if deed.stream == stream.key]
        assert struck == [deed.seq for deed in alone.log.deeds]


def test_chance_differs_by_seed_fault_connection_and_stream() -> None:
    """And comes as often as it should."""
    many = range(1, 3001)

    def struck(world: World, stream: Stream = TRADING) -> tuple[int, ...]:
        world.send(stream, *many)
        return tuple(deed.seq for deed in world.log.deeds)

    never = {"kind": "drop", "connection": 99}
    found = {
        struck(World(RATE)),
        struck(World(RATE, seed=2)),
        struck(World(RATE, ordinal=2)),
        struck(World(never, RATE)),
        struck(World(RATE), OTHER),
    }
    assert len(found) == 5
    assert all(800 < len(seqs) < 1000 for seqs in found)


class Swapped(Fault):
    """A kind that remembers something: every second message comes behind the next one."""

    summary: ClassVar[str] = "Two messages change places."
    remedy: ClassVar[str] = "Orders them by seq."
    kind: Literal["swapped"] = "swapped"

    def begin(self) -> Swapping:
        return Swapping()


class Swapping(StatefulEffect):
    """What it remembers of one connection."""

    def strike(self, parcel: Parcel, strike: Strike) -> Sequence[Delivery]:
        if not self._parcels:
            self._parcels.append(parcel)
            return ()
        return (Delivery(strike.now, parcel), Delivery(strike.now, self._parcels.pop()))


def test_kind_may_remember_something_of_each_connection() -> None:
    """Two connections with the same fault know nothing of each other."""
    fault = Swapped()
    links = []
    for ordinal in (1, 2):
        link = Link()
        target = FaultTarget(f"c{ordinal}", ordinal, MessageShape(), WireFraming())
        link.add(1, ArmedFault(fault, FaultIdentity(1, "url"), target, calendar=Calendar(), log=FaultLog()))
        links.append(link)
    parcels = [Parcel(b"x", "data", TRADING, seq, "data") for seq in (1, 2, 3)]
    assert [links[0].carry(parcel, 0) for parcel in parcels] == [[], [parcels[1], parcels[0]], []]
    assert [link.held for link in links] == [1, 0]
    assert links[0].remove(1, 0) == [parcels[2]]
    assert links[1].carry(parcels[2], 0) == []


def test_log_is_bounded() -> None:
    """What is forgotten is counted."""
    log = FaultLog()
    for seq in range(MAX_DEEDS + 5):
        log.note(Deed(1, "drop", "c1", "out", "trading:BTC/USD", seq, "dropped"))
    document = log.document()
    assert (len(document["done"]), document["forgotten"]) == (MAX_DEEDS, 5)
    assert document["done"][0] == {
        "fault": 1, "kind": "drop", "connection": "c1", "direction": "out",
        "stream": "trading:BTC/USD", "seq": 5, "deed": "dropped", "from": "url",
    }  # fmt: skip
