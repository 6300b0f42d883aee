"""What is lost is found, by seq, by heartbeat and by a refused resume; what is not lost is not."""

from __future__ import annotations

from typing import Any

import pytest

from feed.client.backoff import BackOff
from feed.client.progress import Gap, Progress
from feed.protocol.effects import Stream
from feed.units import SECOND

BTC = Stream("trading", "BTC/USD")


def data(seq: int, kind: str = "update", **keys: Any) -> dict[str, Any]:
    """A data frame."""
    return {"event": "data", "channel": "trading", "symbol": "BTC/USD", "type": kind, "seq": seq, "data": {}} | keys


def subscribed(seq: int, epoch: str = "a-1", **keys: Any) -> dict[str, Any]:
    """An answer to a subscription."""
    return {"event": "subscribed", "channel": "trading", "symbol": "BTC/USD", "seq": seq, "epoch": epoch} | keys


def heartbeat(seq: int) -> dict[str, Any]:
    """A heartbeat that tells of one stream."""
    return {"event": "heartbeat", "timestamp": 0, "last": {"trading:BTC/USD": seq, "trading:ETH/USD": 9}}


def found(*bodies: dict[str, Any]) -> list[Gap]:
    """Everything that is found to be lost."""
    progress = Progress()
    gaps = [gap for body in bodies for gap in progress.note(body)]
    assert progress.lost == sum(gap.count or 0 for gap in gaps)
    return gaps


def test_a_whole_stream_has_no_gap() -> None:
    """Subscribed, past, present, and heartbeats in between."""
    past = [data(seq, "snapshot") for seq in (8, 9, 10)]
    live = [data(seq) for seq in (11, 12)]
    assert found(subscribed(10), *past, *live, heartbeat(12), data(13)) == []


def test_a_hole_is_a_gap() -> None:
    """In the middle by seq, at the end by the heartbeat, each told once."""
    assert found(subscribed(0), data(1), data(4)) == [Gap(BTC, 1, 2, "left out")]
    assert found(subscribed(0), data(1), heartbeat(3), heartbeat(3), data(4)) == [Gap(BTC, 1, 2, "told by a heartbeat")]
    assert found(subscribed(5), data(7)) == [Gap(BTC, 5, 1, "left out")]


def test_what_stands_for_others_is_no_gap() -> None:
    """A conflated update says how many it replaces; one that comes late or twice replaces none."""
    assert found(subscribed(0), data(1), data(5, skipped=3)) == []
    assert found(subscribed(0), data(1), data(2), data(2), data(1), data(3)) == []


def test_the_past_may_still_be_coming() -> None:
    """A heartbeat between the pages of a resume is ahead of them, and shows nothing."""
    progress = Progress()
    for body in (subscribed(0), data(1)):
        progress.note(body)
    assert progress.note(subscribed(100, recovered=True)) == []
    assert progress.note(data(2)) == []
    assert progress.note(heartbeat(100)) == []
    for seq in range(3, 101):
        assert progress.note(data(seq)) == []
    assert progress.note(heartbeat(103)) == [Gap(BTC, 100, 3, "told by a heartbeat")]


def test_a_refused_resume_is_a_gap() -> None:
    """Known in number within an epoch; beyond it nobody can tell."""
    assert found(subscribed(0), data(1), subscribed(50, recovered=False), data(50, "snapshot"), data(51)) == [
        Gap(BTC, 1, 49, "too long ago to resume")
    ]
    other = subscribed(3, "b-1", recovered=False)
    assert found(subscribed(0), data(1), other, data(4)) == [Gap(BTC, 1, None, "the market began anew")]


def test_a_new_epoch_counts_from_its_own_beginning() -> None:
    """Numbers of the epoch before mean nothing."""
    market = {"event": "market", "state": "running", "epoch": "a-2"}
    assert found(subscribed(0), data(1), data(2), market, data(1), data(2)) == []


def test_candles_have_a_stream_for_each_interval() -> None:
    """Two intervals count apart."""
    progress = Progress()
    for interval in ("1s", "1m"):
        for seq in (1, 2):
            assert progress.note(data(seq, channel="candles", data={"interval": interval})) == []
    assert [stream.key for stream in progress.seqs] == ["candles:BTC/USD:1s", "candles:BTC/USD:1m"]


@pytest.mark.parametrize("broken", [{"event": "data"}, {"event": "subscribed"}, {"event": "heartbeat", "last": 3}, {}])
def test_a_strange_frame_is_no_loss(broken: dict[str, Any]) -> None:
    """What is not understood shows nothing."""
    assert found(broken, subscribed(0), broken, data(1)) == []


def test_waits_double_and_part() -> None:
    """Between three quarters of each step and the whole, never above the longest, and not all alike."""
    steps = [min(15 * SECOND, SECOND // 4 << number) for number in range(40)]
    for _ in range(20):
        back_off = BackOff()
        for step in steps:
            assert step * 3 // 4 <= back_off.next() <= step
    assert len({BackOff().next() for _ in range(50)}) > 10
    back_off = BackOff()
    for _ in range(5):
        back_off.next()
    back_off.reset()
    assert back_off.next() <= SECOND // 4
