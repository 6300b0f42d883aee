"""What every market keeps, whatever the scenario and the seed, and that a block needs no past."""

from __future__ import annotations

import itertools
from dataclasses import fields
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feed.data.ticks import Batch, TickBlock
from feed.engine.source import EngineSource
from feed.scenario.load import scenario_from
from feed.units import DAY, HOUR, MINUTE, SECOND

PHASES = st.lists(
    st.fixed_dictionaries(
        {"name": st.sampled_from(["a", "b", "c"]), "for": st.sampled_from(["1s", "30s", "1m", "4m", "00:07:30"])},
        optional={
            "drift": st.sampled_from(["-60%", "-8%", "0%", "3%", "90%"]),
            "volatility": st.floats(0.01, 20),
            "activity": st.floats(0.01, 5),
            "spread": st.floats(0.01, 500),
            "liquidity": st.floats(0.01, 10),
            "status": st.sampled_from(["online", "halted", "auction", "maintenance"]),
        },
    ),
    max_size=5,
)
SYMBOLS: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    [
        {"symbol": "BTC/USD"},
        {"symbol": "A/B", "tick_size": 0.5, "lot_size": 1, "start_price": 3, "order_size": 4},
        {"symbol": "DOGE/USD", "tick_size": "0.00001", "lot_size": 1, "start_price": "0.3", "order_size": 100},
        {"symbol": "X", "tick_size": 25, "lot_size": "0.25", "start_price": 100_000, "order_size": 1},
    ]
)
MARKETS = st.fixed_dictionaries(
    {"orders_per_second": st.floats(0.01, 10)},
    optional={
        "daily_volatility": st.sampled_from(["0%", "0.1%", "3.4%", "60%"]),
        "correlation": st.sampled_from([0, 0.5, 1]),
        "seasonality": st.booleans(),
    },
)


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """A scenario as its file says it."""
    symbols = draw(st.lists(SYMBOLS, min_size=1, max_size=2, unique_by=lambda symbol: str(symbol["symbol"])))
    return {
        "name": "any",
        "seed": draw(st.integers(0, 2**53 - 1)),
        "market": draw(MARKETS),
        "symbols": symbols,
        "phases": draw(PHASES),
    }


def source_of(document: dict[str, Any], seed: int | None = None) -> EngineSource:
    """The market of a document."""
    return EngineSource(scenario_from(document, "test"), seed)


def window(source: EngineSource, at: int, length: int) -> list[Batch]:
    """The batches of a stretch of market time, the last one whole."""
    return list(itertools.takewhile(lambda batch: batch.start < at + length, source.batches(at)))


def joined(batches: list[Batch], symbol: int = 0) -> TickBlock:
    """The ticks of one symbol as one block."""
    return TickBlock.joined([batch.ticks[symbol] for batch in batches])


def assert_sound(block: TickBlock) -> None:
    """What holds for every tick."""
    assert all(getattr(block, column.name).dtype == np.int64 for column in fields(TickBlock))
    assert (block.bid >= 1).all()
    assert (block.bid < block.ask).all()
    assert (block.bid <= block.price).all()
    assert (block.price <= block.ask).all()
    assert (block.size >= 1).all()
    assert (block.bid_size >= 1).all()
    assert (block.ask_size >= 1).all()
    assert np.isin(block.side, (-1, 1)).all()
    assert (np.diff(block.time) >= 0).all()
    assert (np.diff(block.trade_id) > 0).all()
    assert (block.trade_id < 2**53).all()


@settings(deadline=None, max_examples=12)
@given(documents())
def test_every_market_is_sound(document: dict[str, Any]) -> None:
    """A spread, a price inside the quotes, positive sizes, times and ids that grow: always."""
    source = source_of(document)
    batches = window(source, source.start - 5 * MINUTE, 30 * MINUTE)
    for one, other in itertools.pairwise(batches):
        assert one.end == other.start
    for symbol in range(len(source.instruments)):
        block = joined(batches, symbol)
        assert_sound(block)
        for batch in batches:
            times = batch.ticks[symbol].time
            assert ((times >= batch.start) & (times < batch.end)).all()
        new_day = np.diff(block.time // DAY) > 0
        assert (np.diff(block.volume)[~new_day] == block.size[1:][~new_day]).all()


@settings(deadline=None, max_examples=10)
@given(documents(), st.integers(-HOUR // 2, HOUR))
def test_seeking_gives_the_same_ticks(document: dict[str, Any], offset: int) -> None:
    """A market that begins anywhere has, from there on, the ticks and the statuses of one that came from the start."""
    early = source_of(document)
    at = early.start + offset
    passed = joined(window(early, min(early.start, at) - MINUTE, abs(offset) + 20 * MINUTE))
    sought_batches = window(source_of(document), at, 10 * MINUTE)
    sought = joined(sought_batches)
    lo = int(np.searchsorted(passed.time, at))
    hi = int(np.searchsorted(passed.time, sought_batches[-1].end))
    shared = min(hi - lo, len(sought))
    assert shared == len(sought) or hi == len(passed)
    for column in fields(TickBlock):
        assert (getattr(passed, column.name)[lo : lo + shared] == getattr(sought, column.name)[:shared]).all(), column


def test_seeds_differ_and_a_seed_stays() -> None:
    """The same seed is the same market, another seed another one."""
    document = {"name": "any", "market": {"orders_per_second": 5}}
    blocks = [joined(window(source_of(document, seed), 1_736_121_600 * SECOND, HOUR)) for seed in (1, 1, 2)]
    assert (blocks[0].price == blocks[1].price).all()
    assert len(blocks[0]) != len(blocks[2]) or (blocks[0].price != blocks[2].price).any()


def test_halted_means_no_trades() -> None:
    """Nothing trades while halted or under maintenance; the status tells when it begins and ends."""
    phases = [
        {"name": "before", "for": "90s"},
        {"name": "stop", "for": "75s", "status": "halted", "reason": "drill"},
        {"name": "works", "for": "10s", "status": "maintenance"},
    ]
    source = source_of({"name": "any", "market": {"orders_per_second": 20}, "phases": phases})
    batches = window(source, source.start, 10 * MINUTE)
    times = joined(batches).time - source.start
    assert not ((times >= 90 * SECOND) & (times < 175 * SECOND)).any()
    assert (times < 90 * SECOND).any()
    assert (times >= 175 * SECOND).any()
    changes = [(c.time - source.start, c.status, c.phase) for batch in batches for c in batch.statuses]
    assert [(time // SECOND, status) for time, status, _ in changes if time < 10 * MINUTE] == [
        (90, "halted"), (165, "maintenance"), (175, "online"),
    ]  # fmt: skip
    assert source.statuses(source.start + 100 * SECOND)[0].reason == "drill"


@pytest.mark.parametrize("drift", [-0.5, -0.08, 0.06, 1.0])
def test_drift_arrives(drift: float) -> None:
    """Without volatility the price ends where the phase says."""
    phases = [{"name": "move", "for": "30m", "drift": f"{drift:+.0%}"}]
    market = {"orders_per_second": 2, "daily_volatility": "0%", "seasonality": False}
    source = source_of({"name": "any", "market": market, "phases": phases})
    block = joined(window(source, source.start, HOUR))
    after = block.price[block.time > source.start + 31 * MINUTE]
    assert after[-1] / 6_500_000 == pytest.approx(1 + drift, rel=1e-3)


def test_a_scenario_with_a_duration_ends() -> None:
    """No batch reaches past the end, and the last one ends there."""
    source = source_of({"name": "any", "duration": "00:10:30"})
    batches = list(source.batches(source.start))
    assert source.end == source.start + 630 * SECOND == batches[-1].end
    assert (joined(batches).time < source.start + 630 * SECOND).all()


def test_correlation_is_shared() -> None:
    """Symbols that share their factor move together, and others do not."""

    def correlation(share: float) -> float:
        symbols = [{"symbol": "A"}, {"symbol": "B"}]
        source = source_of({"name": "any", "market": {"correlation": share}, "symbols": symbols})
        batches = window(source, source.start, 12 * HOUR)
        closes = []
        for symbol in (0, 1):
            block = joined(batches, symbol)
            edges = np.arange(source.start, source.start + 12 * HOUR, MINUTE)
            closes.append(block.price[np.maximum(np.searchsorted(block.time, edges) - 1, 0)].astype(float))
        returns = [np.diff(np.log(close)) for close in closes]
        return float(np.corrcoef(returns[0], returns[1])[0, 1])

    assert correlation(0.95) > 0.6
    assert abs(correlation(0.0)) < 0.2


def test_the_last_trade_of_one_symbol_makes_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks for it of each of a hundred symbols pays for a hundred, not for ten thousand."""
    symbols = [{"symbol": f"S{number}/USD"} for number in range(5)]
    made: list[int] = []
    make = EngineSource._make

    def counted(self: EngineSource, index: int, number: int) -> TickBlock:
        made.append(index)
        return make(self, index, number)

    monkeypatch.setattr(EngineSource, "_make", counted)
    source = EngineSource(scenario_from({"name": "any", "symbols": symbols}, "test"))
    assert source.last_trade(3, source.start + HOUR) is not None
    assert set(made) == {3}
