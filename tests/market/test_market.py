"""A market by itself: seq, order, history, and time that is exact."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feed.clock import ManualClock
from feed.dialects.registry import PLAIN
from feed.market.history import ResumeWindow
from feed.market.market import Market
from feed.market.player import Player
from feed.protocol.effects import Stream
from feed.units import DAY, HOUR, MAX_SPEED, MILLISECOND, MINUTE, SECOND
from tests.support.market import STATUS, TRADING, Reader, make_market, opening_state, start, state_of, unframed
from tests.support.sources import BTC, ETH, START, MetronomeSource
from tests.support.virtual import LoopClock, VirtualLoop, run_virtually

EVER = 2**62


def play_out(market: Market, slice_size: int = 512) -> None:
    """Publish everything, in slices."""
    while market.next_time() is not None:
        market.publish_due(EVER, slice_size)


@settings(deadline=None, max_examples=5)
@given(st.integers(1, 700), st.integers(1, 50), st.integers(1, 200))
def test_slices_change_nothing(slice_size: int, batch: int, count: int) -> None:
    """However a market is cut into batches and writes, a subscriber gets the same bytes."""
    reference = make_market(MetronomeSource((BTC, ETH), count=count, batch=count, halt_at=7))
    expected = Reader(reference, *reference.streams)
    play_out(reference, 10**9)
    market = make_market(MetronomeSource((BTC, ETH), count=count, batch=batch, halt_at=7))
    reader = Reader(market, *market.streams)
    play_out(market, slice_size)
    assert reader.payloads == expected.payloads
    assert reader.seqs() == [1 + number // 2 for number in range(2 * count)]


def test_messages_of_one_moment_keep_their_order() -> None:
    """A change of status comes before the ticks of the same time; symbols come in their fixed order."""
    market = make_market(MetronomeSource((BTC, ETH), count=3, halt_at=1))
    reader = Reader(market, *(stream for stream in market.streams if stream.channel in ("trading", "status")))
    play_out(market)
    told = [(message["channel"], message["symbol"], message["seq"]) for message in reader.messages]
    assert told == [
        ("trading", "BTC/USD", 1), ("trading", "ETH/USD", 1),
        ("status", "BTC/USD", 1), ("status", "ETH/USD", 1), ("trading", "BTC/USD", 2), ("trading", "ETH/USD", 2),
        ("trading", "BTC/USD", 3), ("trading", "ETH/USD", 3),
    ]  # fmt: skip


def test_late_subscriber_and_history_meet_without_a_seam() -> None:
    """What was missed is sent again byte for byte, and the live stream goes on behind it."""
    market = make_market(MetronomeSource(count=5000, batch=700))
    early = Reader(market, TRADING)
    for _ in range(5):
        market.next_time()
        market.publish_due(EVER, 600)
    seq = market.seq(TRADING)
    late = Reader(market)
    assert market.recoverable(TRADING, market.epoch, 17)
    after = 17
    while after < seq:
        frames = market.missed(TRADING, after, 512, PLAIN)
        late.data += b"".join(frames)
        after += len(frames)
    market.join(late.subscriber, TRADING, PLAIN)
    play_out(market)
    assert late.payloads == early.payloads[17:]


def test_readers_that_skip_as_many_share_a_frame() -> None:
    """The newest message is made once for each number of messages left out, and says that number."""
    market = make_market(MetronomeSource(count=5000, batch=700))
    ticker = Stream("ticker", "BTC/USD")
    Reader(market, ticker)
    play_out(market)
    seq = market.seq(ticker)
    assert seq > 3
    one, other, same = (market.newest(ticker, since, PLAIN) for since in (seq - 2, seq - 3, seq - 2))
    assert one is same
    [plain], [told], [more] = (unframed(market.newest(ticker, since, PLAIN)) for since in (seq - 1, seq - 2, seq - 3))
    assert (told, more) == tuple(plain.replace(b',"data":', b',"skipped":%d,"data":' % number, 1) for number in (1, 2))
    assert unframed(other) == [more]


def test_snapshot_differs_by_its_type_alone() -> None:
    """`history` sends the last messages with their own seq, marked as a snapshot."""
    market = make_market(MetronomeSource(count=100))
    reader = Reader(market, TRADING)
    play_out(market)
    begins = market.snapshot_begins(TRADING, 30)
    frames = market.missed(TRADING, begins, 30, PLAIN, "snapshot")
    payloads = unframed(b"".join(frames))
    assert [payload.replace(b'"snapshot"', b'"update"') for payload in payloads] == reader.payloads[-30:]


@pytest.mark.parametrize(("seq", "possible"), [(4000, True), (3999, False), (5000, True), (5001, False), (0, False)])
def test_resume_window_counts_messages(seq: int, possible: bool) -> None:
    """At the limit a resume is complete, one past it is refused."""
    market = make_market(MetronomeSource(count=5000, batch=100), window=ResumeWindow(1000, 300 * SECOND))
    play_out(market)
    assert market.seq(TRADING) == 5000
    assert market.recoverable(TRADING, market.epoch, seq) is possible
    assert not market.recoverable(TRADING, "another-1", seq)


def test_resume_window_counts_real_time() -> None:
    """What was published longer ago than the window is not promised, and its memory is freed."""
    clock = ManualClock()
    market = make_market(MetronomeSource(batch=10), clock, window=ResumeWindow(10**6, 300 * SECOND))
    start(market, clock.now())
    for _ in range(400):
        clock.advance(SECOND)
        while (due := market.next_time()) is not None and due <= market.here:
            market.publish_due(market.here, 512)
    seq = market.seq(TRADING)
    assert seq == 4001
    assert market.recoverable(TRADING, market.epoch, seq - 2980)
    assert not market.recoverable(TRADING, market.epoch, seq - 3020)
    assert len(market.history._segments) < 310


def test_memory_is_bounded_at_full_speed() -> None:
    """A million messages within a second keep no more than the window, whatever else happened in between."""
    clock = ManualClock()
    source = MetronomeSource(every=MILLISECOND, count=300_000, batch=1000, halt_at=1500)
    market = make_market(source, clock, speed=MAX_SPEED)
    market.hub.dismiss(Reader(market, TRADING, STATUS).subscriber)
    while market.next_time() is not None:
        market.publish_due(EVER, 512)
        clock.advance(10 * MILLISECOND)
        assert len(market.history._segments) <= 230
    assert len(market.history._segments) <= 130
    seq = market.seq(TRADING)
    assert market.recoverable(TRADING, market.epoch, seq - 10_000)
    assert not market.recoverable(TRADING, market.epoch, seq - 10_001)
    assert market.recoverable(STATUS, market.epoch, 0), "a rare change stays within its own window"
    assert not market.recoverable(TRADING, market.epoch, 1400)
    assert len(unframed(b"".join(market.missed(TRADING, seq - 10_000, 20_000, PLAIN)))) == 10_000


def test_status_snapshot_tells_the_state() -> None:
    """Who subscribes to `status` is told what is in force, with the seq of the last change."""
    market = make_market(MetronomeSource(count=100, halt_at=50))
    [before] = unframed(state_of(market, STATUS, 1))
    assert b'"type":"snapshot","seq":0' in before
    assert b'"status":"online"' in before
    assert market.state_of(TRADING, 1, PLAIN) is None


def test_anchor_shifts_times_and_nothing_else() -> None:
    """Every timestamp moves by one amount; all else stays, the day's volume too."""
    plain, moved = (make_market(MetronomeSource(count=50), shift=shift) for shift in (0, 3 * HOUR))
    readers = [Reader(market, TRADING) for market in (plain, moved)]
    for market in (plain, moved):
        play_out(market)
    for one, other in zip(readers[0].messages, readers[1].messages, strict=True):
        other["data"]["timestamp"] -= 3 * HOUR // MILLISECOND
        assert one == other


def test_epochs_differ_where_frames_do() -> None:
    """A client can't resume in a market of another seed, scenario or beginning."""
    first = make_market(MetronomeSource())
    other = make_market(MetronomeSource(start=START + DAY))
    assert first.epoch == make_market(MetronomeSource()).epoch != other.epoch


@given(st.sampled_from([0.1, 0.3, 1.0, 7.5, 60.0, 1000.0]), st.lists(st.integers(0, 10**12), max_size=20))
def test_pace_is_exact(speed: float, moments: list[int]) -> None:
    """`when` is the first moment at which `at` has arrived, for every speed and after any time."""
    state = opening_state(MetronomeSource(), speed=speed).run(12345)
    for moment in moments:
        due = state.when(START + moment)
        assert state.position(due) >= START + moment
        assert state.position(due - 1) < START + moment


def test_pace_stands_still_until_it_runs() -> None:
    """Market time begins with the first subscriber."""
    state = opening_state(MetronomeSource(), speed=60.0)
    assert state.position(10**15) == START - 1, "what is due at the beginning has not been published"
    assert state.run(10**15).position(10**15 + SECOND) == START + MINUTE
    assert opening_state(MetronomeSource(), speed=MAX_SPEED).is_max


def paced(speed: float, source: MetronomeSource, wait_for: int = 0) -> tuple[VirtualLoop, LoopClock, Market, Player]:
    """A market that runs in virtual time."""
    loop = VirtualLoop()
    clock = LoopClock(loop)
    market = make_market(source, clock, speed=speed)
    return loop, clock, market, Player(market, clock, wait_for=wait_for, gather=MILLISECOND, patience=10 * SECOND)


@pytest.mark.parametrize("speed", [0.1, 1.0, 60.0, 1000.0, MAX_SPEED])
def test_every_speed_sends_the_same_bytes(speed: float) -> None:
    """Speed changes when, never what."""
    source = MetronomeSource((BTC, ETH), count=1000, batch=300, halt_at=450)
    loop, _, market, player = paced(speed, source)
    streams = [stream for stream in market.streams if stream.part not in ("25", "100")]
    reader = Reader(market, *streams)
    run_virtually(player.play_out(), loop)
    reference = make_market(source)
    expected = Reader(reference, *streams)
    play_out(reference)
    assert reader.payloads == expected.payloads


def test_schedule_does_not_drift() -> None:
    """After an hour of ticks the last one is published at its own millisecond."""
    loop, clock, market, player = paced(1.0, MetronomeSource(every=250 * MILLISECOND, count=4 * 3600))
    begun = clock.now()
    Reader(market, TRADING)
    run_virtually(player.play_out(), loop)
    assert clock.now() - begun == HOUR
    assert player.counters.worst_lag <= 2 * MILLISECOND
    assert player.counters.late == 0


def test_late_loop_catches_up_and_says_so() -> None:
    """A stall of a minute loses nothing, changes no order, is caught up and is counted."""
    loop, clock, market, player = paced(1.0, MetronomeSource(every=10 * MILLISECOND, count=20_000))
    reader = Reader(market, TRADING)

    async def main() -> int:
        task = asyncio.create_task(player.play_out())
        await asyncio.sleep(10)
        clock.stall(MINUTE)
        await asyncio.sleep(1)
        caught_up = market.seq(TRADING)
        await task
        return caught_up

    assert run_virtually(main(), loop) == pytest.approx(7100, abs=5)
    assert reader.seqs() == list(range(1, 20_001))
    assert player.counters.worst_lag >= 59 * SECOND
    assert 5000 <= player.counters.late <= 6010


def test_market_waits_for_its_subscribers() -> None:
    """Time stands still until so many have joined, and then begins at the beginning for all of them."""
    loop, _, market, player = paced(1.0, MetronomeSource(count=50), wait_for=2)

    async def main() -> tuple[Reader, Reader]:
        task = asyncio.create_task(player.play_out())
        await asyncio.sleep(60)
        first = Reader(market, TRADING, STATUS)
        await asyncio.sleep(60)
        assert market.phase == "paused"
        assert market.seq(TRADING) == 0
        second = Reader(market, TRADING)
        await task
        return first, second

    first, second = run_virtually(main(), loop)
    assert first.seqs() == second.seqs() == list(range(1, 51))


def test_full_speed_waits_for_its_readers() -> None:
    """At full speed a reader that needs time gets it: nothing piles up and nobody is closed."""
    loop, _, market, player = paced(MAX_SPEED, MetronomeSource(count=20_000))
    reader = Reader(market, TRADING, limit=400_000)

    async def main() -> None:
        task = asyncio.create_task(player.play_out())
        while not task.done():
            reader.stuck = True
            await asyncio.sleep(0.05)
            assert reader.waiting() < 400_000
            reader.release()
            await asyncio.sleep(0)
        await task
        reader.release()

    run_virtually(main(), loop)
    assert not reader.too_slow
    assert reader.seqs() == list(range(1, 20_001))


def test_full_speed_does_not_wait_for_ever() -> None:
    """One that never reads is found too slow, and the market goes on for the others."""
    loop, clock, market, player = paced(MAX_SPEED, MetronomeSource(count=20_000))
    stuck, good = Reader(market, TRADING, limit=400_000), Reader(market, TRADING)
    stuck.stuck = True
    begun = clock.now()
    run_virtually(player.play_out(), loop)
    assert stuck.too_slow
    assert good.seqs() == list(range(1, 20_001))
    assert clock.now() - begun <= MINUTE


def test_state_is_told_to_everybody() -> None:
    """Running and ended are events for all who are there, subscribed or not."""
    loop, _, market, player = paced(60.0, MetronomeSource(count=10))
    told: list[str] = []
    market.attend("somebody", lambda event: told.append(getattr(event, "state", "")))
    run_virtually(player.play_out(), loop)
    assert told == ["running", "ended"]
