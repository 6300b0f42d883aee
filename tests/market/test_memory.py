"""What nobody reads any more is let go, what is kept has a bound in bytes, and who comes back misses nothing by it."""

from __future__ import annotations

import pytest

from feed.clock import ManualClock
from feed.dialects.registry import PLAIN
from feed.engine.source import EngineSource
from feed.market.history import ResumeWindow
from feed.market.market import Market
from feed.protocol.effects import Stream
from feed.scenario.load import scenario_from
from feed.units import MILLISECOND, SECOND
from tests.support.market import TRADING, Reader, make_market, start, unframed
from tests.support.sources import MetronomeSource

DERIVED = [Stream("book", "BTC/USD", "25"), Stream("ticker", "BTC/USD", ""), Stream("candles", "BTC/USD", "1m")]


def run(market: Market, clock: ManualClock, seconds: float) -> None:
    """So much real time."""
    for _ in range(round(seconds * 20)):
        clock.advance(50 * MILLISECOND)
        while (due := market.next_time()) is not None and due <= market.here:
            market.publish_due(market.here, 512)


def running(speed: float, window: ResumeWindow | None = None, orders: float = 5) -> tuple[Market, ManualClock]:
    """A market that runs."""
    clock = ManualClock()
    source = EngineSource(scenario_from({"name": "steady", "market": {"orders_per_second": orders}}, "test"))
    market = make_market(source, clock, speed=speed, window=window)
    start(market, clock.now())
    return market, clock


def test_what_nobody_reads_is_let_go() -> None:
    """A visitor of all channels who has left costs no memory and no work after a while."""
    market, clock = running(20.0, orders=2)
    run(market, clock, 1)
    alone = market.run.active.copy()
    visitor = Reader(market, *market.streams, limit=2**30)
    run(market, clock, 0.5)
    market.hub.dismiss(visitor.subscriber)
    taken = market.history.nbytes
    run(market, clock, 15)
    assert market.run.active == alone
    segments = market.history._segments
    assert not [segment for segment in segments if set(segment.active) - alone or set(segment._tracks) - alone]
    assert market.history.nbytes < taken


@pytest.mark.parametrize("stream", DERIVED)
def test_who_comes_back_misses_nothing(stream: Stream) -> None:
    """What was let go is made again: the same messages, with the same numbers, as of somebody who has stayed."""
    window = ResumeWindow(10**6, 300 * SECOND)
    market, clock = running(4.0, window)
    other, others = running(4.0, window)
    reader, stays = Reader(market, stream), Reader(other, stream)
    run(market, clock, 3)
    market.hub.dismiss(reader.subscriber)
    seen = len(reader.payloads)
    run(market, clock, 15)
    assert stream not in {market.streams[number] for number in market.run.active}
    run(other, others, 18)
    market.listen(stream)
    assert market.seq(stream) == other.seq(stream) > seen
    assert market.recoverable(stream, market.epoch, seen)
    missed = unframed(b"".join(market.missed(stream, seen, 10**6, PLAIN)))
    again = Reader(market, stream)
    run(market, clock, 3)
    run(other, others, 3)
    assert [*reader.payloads, *missed, *again.payloads] == stays.payloads


def test_a_sampled_or_held_stream_is_read() -> None:
    """Whoever waits for a message, or for the past in front of it, keeps the stream."""
    market, clock = running(2.0)
    waiting, held, left = DERIVED
    for stream in DERIVED:
        market.listen(stream)
    market.hub.await_news(waiting, lambda: market.hub.await_news(waiting, lambda: None))
    market.hold(held)
    run(market, clock, 30)
    active = {market.streams[number] for number in market.run.active}
    assert held in active
    assert left not in active
    market.release(held)
    run(market, clock, 30)
    assert held not in {market.streams[number] for number in market.run.active}


@pytest.mark.parametrize("speed", [1.0, 1000.0])
def test_memory_has_a_bound_in_bytes(speed: float) -> None:
    """At any speed and with readers of everything: the oldest is dropped, and is not promised to who comes back."""
    limit = 2**20
    market, clock = running(speed, ResumeWindow(10**6, 10**6 * SECOND, limit), orders=2)
    readers = [Reader(market, stream, limit=2**30) for stream in (TRADING, DERIVED[1], DERIVED[2])]
    for _ in range(8):
        run(market, clock, 0.5)
        newest = market.history._segments[-1].nbytes
        assert market.history.nbytes <= max(limit, newest)
    assert market.seq(TRADING) == len(readers[0].payloads)
    first = market.history.first_seq(market.catalog.number(TRADING), market.seq(TRADING))
    assert not market.recoverable(TRADING, market.epoch, first - 2) or first == 1
    assert market.recoverable(TRADING, market.epoch, first - 1)
    assert (first > 1) is (speed > 1)


def test_old_segments_keep_no_encoded_messages() -> None:
    """A chunk of each stream in each form, for every batch of minutes, would be more than all else."""
    market = make_market(MetronomeSource(count=1000, batch=100))
    Reader(market, TRADING, limit=2**30)
    Reader(market, TRADING, limit=2**30, numbers="string")
    while market.next_time() is not None:
        market.publish_due(2**62, 512)
    *old, newest = market.history._segments
    assert len(old) > 5
    assert not any(segment._chunks or segment._rows or len(segment.times) for segment in old)
    assert newest._chunks
