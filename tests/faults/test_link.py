"""A link: what goes in comes out, in order, but for what a filter does; and what is held comes out in the end."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from feed.faults.link import Delivery, Link, LinkCut, Parcel
from feed.protocol.effects import Stream

TRADING = Stream("trading", "BTC/USD")
TICKER = Stream("ticker", "BTC/USD")


def parcel(seq: int, stream: Stream | None = TRADING) -> Parcel:
    """One message."""
    return Parcel(b"%d" % seq, "event" if stream is None else "data", stream, seq, "")


class Later:
    """Holds a stream's messages, or all, for as long as a list says, over and over."""

    kept = 0

    def __init__(self, waits: Sequence[int], stream: Stream | None = None) -> None:
        self._waits = waits
        self._stream = stream
        self._count = 0

    def concerns(self, parcel: Parcel) -> bool:
        return self._stream in (None, parcel.stream)

    def carry(self, parcel: Parcel, now: int) -> Sequence[Delivery]:
        self._count += 1
        return (Delivery(now + self._waits[self._count % len(self._waits)], parcel),)

    def release(self) -> Sequence[Parcel]:
        return ()


class Swap:
    """Keeps every second message, and gives it back behind the next one."""

    def __init__(self) -> None:
        self._held: list[Parcel] = []

    def concerns(self, parcel: Parcel) -> bool:
        return True

    def carry(self, parcel: Parcel, now: int) -> Sequence[Delivery]:
        if not self._held:
            self._held.append(parcel)
            return ()
        return (Delivery(now, parcel), Delivery(now, self._held.pop()))

    def release(self) -> Sequence[Parcel]:
        return [self._held.pop()] if self._held else ()

    @property
    def kept(self) -> int:
        return sum(len(parcel.data) for parcel in self._held)


class CutAt:
    """Ends everything in front of one message."""

    kept = 0

    def __init__(self, seq: int) -> None:
        self._seq = seq

    def concerns(self, parcel: Parcel) -> bool:
        return True

    def carry(self, parcel: Parcel, now: int) -> Sequence[Delivery] | LinkCut:
        return LinkCut("reset") if parcel.seq == self._seq else (Delivery(now, parcel),)

    def release(self) -> Sequence[Parcel]:
        return ()


def carried(link: Link, one: Parcel, now: int) -> list[Parcel]:
    """What comes out at once, of a link that cuts nothing."""
    ready = link.carry(one, now)
    assert not isinstance(ready, LinkCut)
    return ready


def expired(link: Link, now: int) -> list[Parcel]:
    """What comes out later, of a link that cuts nothing."""
    ready = link.expire(now)
    assert not isinstance(ready, LinkCut)
    return ready


WAITS = st.lists(st.integers(0, 30), min_size=1, max_size=4)


@given(st.lists(st.integers(0, 10), max_size=40), st.lists(WAITS, max_size=3), st.integers(0, 40))
def test_whatever_waits_keeps_its_order(pauses: list[int], chain: list[list[int]], removed_at: int) -> None:
    """Any chain of delays, and one of them taken away on the way: each message once, in order, none earlier."""
    link = Link()
    for number, waits in enumerate(chain):
        link.add(number, Later(waits))
    got: list[tuple[int, int]] = []
    now = 0
    for seq, pause in enumerate(pauses):
        now += pause
        got += [(now, one.seq) for one in expired(link, now)]
        got += [(now, one.seq) for one in carried(link, parcel(seq), now)]
        if seq == removed_at and chain:
            left = link.remove(0, now)
            assert not isinstance(left, LinkCut)
            got += [(now, one.seq) for one in left]
    while (deadline := link.deadline) is not None:
        assert deadline > now
        now = deadline
        got += [(now, one.seq) for one in expired(link, now)]
    assert [seq for _, seq in got] == list(range(len(pauses)))
    assert link.held == 0
    if not chain:
        assert [at for at, _ in got] == [sum(pauses[: seq + 1]) for seq in range(len(pauses))]


def test_what_a_filter_does_not_concern_passes_beside_it() -> None:
    """The other stream goes at once, and the same one waits behind what is held."""
    link = Link()
    link.add(1, Later([0, 50], TRADING))
    assert carried(link, parcel(1), 0) == []
    assert carried(link, parcel(1, TICKER), 0) == [parcel(1, TICKER)]
    assert carried(link, parcel(2), 10) == []
    assert (link.deadline, link.held) == (50, 2)
    assert expired(link, 49) == []
    assert expired(link, 50) == [parcel(1), parcel(2)]
    assert (link.deadline, link.held) == (None, 0)


def test_what_a_removed_filter_holds_goes_on_through_those_behind_it() -> None:
    """Held by time or kept to itself: it is passed on, and a later filter still has its say."""
    link = Link()
    link.add(1, Swap())
    link.add(2, Later([20]))
    assert carried(link, parcel(1), 0) == []
    assert link.held == 1
    assert link.remove(1, 5) == []
    assert link.deadline == 25
    assert link.remove(2, 6) == [parcel(1)]
    assert len(link) == 0


def test_filter_may_change_the_order() -> None:
    """Who wants another order gives it."""
    link = Link()
    link.add(1, Swap())
    got = [one.seq for seq in range(1, 6) for one in carried(link, parcel(seq), 0)]
    assert got == [2, 1, 4, 3]
    assert link.remove(1, 0) == [parcel(5)]


def test_cut_ends_what_comes_to_it_now_or_later() -> None:
    """Also for what an earlier filter has held."""
    link = Link()
    link.add(1, Later([0, 10]))
    link.add(2, CutAt(1))
    assert carried(link, parcel(1), 0) == []
    assert link.expire(10) == LinkCut("reset")
    link = Link()
    link.add(1, CutAt(2))
    assert carried(link, parcel(1), 0) == [parcel(1)]
    assert link.carry(parcel(2), 0) == LinkCut("reset")
