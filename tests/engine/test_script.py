"""What a scenario says is what its market does."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from feed.data.ticks import SELL, TickBlock
from feed.engine.source import EngineSource
from feed.scenario.load import scenario_from
from feed.units import DAY, MINUTE, SECOND
from tests.engine.test_source import assert_sound, joined, source_of, window

STILL = {"orders_per_second": 4, "daily_volatility": "0.2%", "seasonality": False}
START = 6_500_000


def market(length: int, **keys: Any) -> tuple[EngineSource, TickBlock]:
    """The first `length` ns of a nearly still market with a script."""
    source = source_of({"name": "any", "market": STILL, **keys})
    block = joined(window(source, source.start, length))
    assert_sound(block)
    return source, block


def price_at(source: EngineSource, block: TickBlock, at: int) -> float:
    """The last price before `at` ns of the scenario, in start prices."""
    return float(block.price[np.searchsorted(block.time, source.start + at) - 1]) / START


def rate(source: EngineSource, block: TickBlock, start: int, end: int) -> float:
    """Orders a second from `start` to `end` ns of the scenario."""
    times = np.unique(block.time)
    lo, hi = np.searchsorted(times, [source.start + start, source.start + end])
    return float(hi - lo) / ((end - start) / SECOND)


def median_of(column: str, source: EngineSource, block: TickBlock, start: int, end: int) -> float:
    """The median of a column, or of the spread, from `start` to `end` ns of the scenario."""
    values = block.ask - block.bid if column == "spread" else getattr(block, column)
    first = np.unique(block.time, return_index=True)[1]
    first = first[(block.time[first] >= source.start + start) & (block.time[first] < source.start + end)]
    return float(np.median(values[first]))


def test_flash_crash_falls_and_recovers() -> None:
    """Down by its size within the fall, back by its share within the recovery, busy and wide in between."""
    event = {"kind": "flash-crash", "at": "5m", "size": "-8%", "fall": "3m", "recovery": "10m", "recovered": "50%"}
    source, block = market(20 * MINUTE, events=[event])
    assert price_at(source, block, 5 * MINUTE) == pytest.approx(1, abs=0.004)
    assert price_at(source, block, 8 * MINUTE) == pytest.approx(0.92, abs=0.006)
    assert price_at(source, block, 18 * MINUTE) == pytest.approx(0.96, abs=0.006)
    assert rate(source, block, 5 * MINUTE, 8 * MINUTE) > 3 * rate(source, block, 0, 5 * MINUTE)
    assert median_of("spread", source, block, 5 * MINUTE, 8 * MINUTE) > 100
    assert median_of("bid_size", source, block, 5 * MINUTE, 8 * MINUTE) < median_of(
        "bid_size", source, block, 0, 5 * MINUTE
    )
    fall = block.side[(block.time > source.start + 5 * MINUTE) & (block.time < source.start + 8 * MINUTE)]
    assert (fall == SELL).mean() > 0.6


@pytest.mark.parametrize("target", [70_000, 64_000, 65_000])
def test_target_is_met(target: int) -> None:
    """The price is there at that time, and on its way it is no line."""
    event = {"kind": "target", "at": "2m", "for": "10m", "price": target}
    market_keys = {**STILL, "daily_volatility": "5%"}
    source = source_of({"name": "any", "market": market_keys, "events": [event]})
    block = joined(window(source, source.start, 12 * MINUTE))
    reached = price_at(source, block, 12 * MINUTE) * 65_000
    assert reached == pytest.approx(target, abs=5)
    minutes = [price_at(source, block, minute * MINUTE) for minute in range(2, 13)]
    assert np.diff(minutes).std() > 1e-5


def test_targets_follow_each_other_and_moves() -> None:
    """A jump on the way does not keep the price from its target, nor does the target before."""
    events = [
        {"kind": "target", "at": 0, "for": "5m", "price": 66000},
        {"kind": "jump", "at": "7m", "size": "-3%"},
        {"kind": "target", "at": "5m", "for": "5m", "price": 67000},
    ]
    source, block = market(15 * MINUTE, events=events)
    assert price_at(source, block, 5 * MINUTE) * 65_000 == pytest.approx(66_000, abs=5)
    assert price_at(source, block, 10 * MINUTE) * 65_000 == pytest.approx(67_000, abs=5)


def test_jump_has_no_trades_on_its_way() -> None:
    """The quotes are elsewhere from one trade to the next."""
    source, block = market(4 * MINUTE, events=[{"kind": "jump", "at": "90s", "size": "4%"}])
    row = int(np.searchsorted(block.time, source.start + 90 * SECOND))
    assert block.price[row] / block.price[row - 1] == pytest.approx(1.04, abs=0.001)
    assert block.bid[row] / block.bid[row - 1] == pytest.approx(1.04, abs=0.001)


def test_gap_is_silent_and_then_elsewhere() -> None:
    """No trade for its time, then another price."""
    source, block = market(4 * MINUTE, events=[{"kind": "gap", "at": "70s", "for": "30s", "size": "-5%"}])
    since = block.time - source.start
    assert not ((since >= 70 * SECOND) & (since < 100 * SECOND)).any()
    assert price_at(source, block, 110 * SECOND) / price_at(source, block, 70 * SECOND) == pytest.approx(
        0.95, abs=0.002
    )


def test_halt_goes_through_its_auction() -> None:
    """Halted without trades, auction, online again: with the reason."""
    halt = {"kind": "halt", "at": "1m", "for": "2m", "auction": "30s", "gap": "-2%", "reason": "breaker"}
    source, block = market(6 * MINUTE, events=[halt], phases=[{"name": "day", "for": "10m"}])
    since = block.time - source.start
    assert not ((since >= MINUTE) & (since < 3 * MINUTE)).any()
    changes = [change for batch in window(source, source.start, 6 * MINUTE) for change in batch.statuses]
    told = [((c.time - source.start) // SECOND, c.status, c.reason, c.phase) for c in changes if c.phase == "day"]
    assert told == [(60, "halted", "breaker", "day"), (180, "auction", "breaker", "day"), (210, "online", "", "day")]
    assert price_at(source, block, 215 * SECOND) == pytest.approx(0.98, abs=0.004)


def test_squeeze_and_pump() -> None:
    """Up by their sizes, and the pump down again."""
    source, block = market(12 * MINUTE, events=[{"kind": "squeeze", "at": "1m", "for": "10m", "size": "6%"}])
    assert price_at(source, block, 6 * MINUTE) < 1.03
    assert price_at(source, block, 11 * MINUTE) == pytest.approx(1.06, abs=0.006)
    pump = {"kind": "pump", "at": "1m", "size": "40%", "rise": "4m", "fall": "5m", "kept": "25%"}
    source, block = market(12 * MINUTE, events=[pump])
    assert price_at(source, block, 5 * MINUTE) == pytest.approx(1.4, abs=0.01)
    assert price_at(source, block, 10 * MINUTE) == pytest.approx(1.1, abs=0.01)


@pytest.mark.parametrize(
    ("event", "column", "low", "high"),
    [
        ({"kind": "spread-blowout", "factor": 1000}, "spread", 300, 1000),
        ({"kind": "thin-book", "factor": 0.05}, "bid_size", 0.02, 0.12),
        ({"kind": "overlay", "for": "2m", "liquidity": 10}, "ask_size", 5, 20),
        ({"kind": "overlay", "for": "2m", "spread": 50}, "spread", 45, 55),
    ],
    ids=lambda value: str(value.get("kind")) if isinstance(value, dict) else None,
)
def test_multiples_of_the_book(event: dict[str, Any], column: str, low: float, high: float) -> None:
    """Against the same market without the event."""
    source, block = market(3 * MINUTE, events=[{"at": "1m", **event}])
    plain_source, plain = market(3 * MINUTE)
    ratio = median_of(column, source, block, MINUTE, 2 * MINUTE) / median_of(
        column, plain_source, plain, MINUTE, 2 * MINUTE
    )
    assert low <= ratio <= high


def test_burst_and_quiet() -> None:
    """More orders, fewer, and none while the symbol is online."""
    events = [
        {"kind": "burst", "at": "1m", "for": "1m", "factor": 20},
        {"kind": "quiet", "at": "3m", "for": "1m", "factor": 0},
    ]
    source, block = market(5 * MINUTE, events=events)
    assert rate(source, block, MINUTE, 2 * MINUTE) > 8 * rate(source, block, 0, MINUTE)
    assert rate(source, block, 3 * MINUTE, 4 * MINUTE) == 0
    assert source.statuses(source.start + 200 * SECOND)[0].status == "online"


def test_event_of_one_symbol() -> None:
    """The others know nothing of it: their ticks are the same bytes."""
    symbols = [{"symbol": "A"}, {"symbol": "B"}]
    event = {"kind": "jump", "at": "1m", "size": "50%", "symbols": ["B"]}
    plain = source_of({"name": "any", "market": STILL, "symbols": symbols})
    scripted = source_of({"name": "any", "market": STILL, "symbols": symbols, "events": [event]})
    before, after = (window(source, source.start, 5 * MINUTE) for source in (plain, scripted))
    assert (joined(before, 0).price == joined(after, 0).price).all()
    assert joined(after, 1).price[-1] > 1.4 * joined(before, 1).price[-1]


def test_reversion_stays_near() -> None:
    """Over days the price goes nowhere, though each minute moves as much."""
    phases = [{"name": "range", "reversion": "20m"}]
    free = {"name": "any", "market": {"orders_per_second": 0.05, "daily_volatility": "6%"}}
    spreads = []
    for document in (free, {**free, "phases": phases}):
        source = source_of(document)
        block = joined(window(source, source.start, 2 * DAY))
        spreads.append(np.log(block.price / START).std())
    assert spreads[1] < spreads[0] / 2
    assert spreads[1] < 0.015


def test_timeline_repeats() -> None:
    """Each turn is the same script on other dice."""
    event = {"kind": "gap", "at": "1m", "for": "30s", "size": "1%"}
    source, block = market(12 * MINUTE, phases=[{"name": "turn", "for": "3m"}], events=[event], repeat=3)
    since = block.time - source.start
    for turn in range(3):
        inside = (since >= (3 * turn + 1) * MINUTE) & (since < (3 * turn + 1) * MINUTE + 30 * SECOND)
        assert not inside.any()
    assert ((since >= 10 * MINUTE) & (since < 10 * MINUTE + 30 * SECOND)).any()
    assert price_at(source, block, 9 * MINUTE) == pytest.approx(1.01**3, abs=0.005)


def test_written_ticks_are_exact() -> None:
    """Time, price, size and side to the last digit, among others that stay as they were."""
    ticks = [
        {"at": "90s", "price": 64000.01, "size": 0.5, "side": "sell"},
        {"at": "90s", "price": 66000.01, "size": "0.00001"},
        {"at": "00:16:00", "price": 65000, "size": 7},
    ]
    source, block = market(30 * MINUTE, ticks=ticks)
    plain_source, plain = market(30 * MINUTE)
    written = block.time == source.start + 90 * SECOND
    assert block.price[written].tolist() == [6_400_001, 6_600_001]
    assert block.size[written].tolist() == [50_000, 1]
    assert block.side[written].tolist() == [-1, 1]
    assert len(block) == len(plain) + 3
    assert set(plain.price.tolist()) <= set(block.price.tolist())
    sought = joined(
        window(
            EngineSource(scenario_from({"name": "any", "market": STILL, "ticks": ticks}, "x")),
            source.start + 29 * MINUTE,
            SECOND,
        )
    )
    assert sought.volume[-1] == block.volume[-1] == plain.volume[-1] + 50_000 + 1 + 700_000
    assert plain_source.start == source.start


def test_a_written_tick_in_a_silent_block() -> None:
    """It stands alone, with quotes of its own."""
    phases = [{"name": "silence", "for": "30m", "activity": 0.01}]
    ticks = [{"at": "5m", "price": 65000, "size": 1}]
    _, block = market(20 * MINUTE, market=STILL | {"orders_per_second": 0.01}, phases=phases, ticks=ticks)
    assert len(block) == 1
    assert block.bid[0] < block.ask[0] == block.price[0]


@pytest.mark.parametrize("start_price", ["0.02", "0.05"])
def test_the_price_stays_above_zero(start_price: str) -> None:
    """A crash of a price of a few ticks ends on the floor."""
    symbols = [{"symbol": "A", "start_price": start_price, "lot_size": 1, "order_size": 100}]
    events = [{"kind": "flash-crash", "at": "1m", "size": "-95%"}, {"kind": "jump", "at": "2m", "size": "-95%"}]
    _, block = market(10 * MINUTE, symbols=symbols, events=events)
    assert block.price.min() >= 1
    assert block.bid.min() >= 1


def test_years_before_and_after() -> None:
    """Any market time has its ticks: the day before 1970 too, and a year from the start."""
    source = source_of({"name": "any", "start": "1970-01-01", "market": STILL})
    for at in (-2 * MINUTE, 365 * DAY):
        block = joined(window(source, source.start + at, MINUTE))
        assert_sound_or_past(block)
        assert len(block)


def assert_sound_or_past(block: TickBlock) -> None:
    """As every tick, but for the ids: those of times before 1970 are negative."""
    assert (block.bid < block.ask).all()
    assert (np.diff(block.trade_id) > 0).all()
    assert (np.abs(block.trade_id) < 2**53).all()
