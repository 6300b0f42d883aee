"""Studies of ticks, against numbers that one can work out by hand, and against each other."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pandas.testing
import pytest

import feed.dataframes.analysis as analysis
from feed.data.ticks import batches_between
from feed.dataframes.ticks import TickColumns, generate, source_frame, tick_frame
from feed.engine.source import EngineSource
from feed.errors import UsageError
from feed.scenario.find import find_scenario
from feed.units import MINUTE
from tests.support.sources import BTC

START = 1_736_121_600_000

PRICES = [100_00, 101_00, 101_00, 99_00, 100_00]
SIZES = [100_000, 200_000, 100_000, 400_000, 200_000]
AFTER_MS = [0, 500, 1_000, 61_000, 200_000]


def ticks(sides: str = "bbsss") -> pd.DataFrame:
    """Five ticks over four minutes, sizes of 1 to 4 coins, one of spread."""
    price, size = np.array(PRICES, np.int64), np.array(SIZES, np.int64)
    steps = {
        "price": price,
        "size": size,
        "bid": price - 50,
        "bid_size": size * 3,
        "ask": price + 50,
        "ask_size": size,
        "volume": np.cumsum(size),
    }
    columns = TickColumns(
        timestamp=START + np.array(AFTER_MS, np.int64),
        seq=np.arange(1, 6),
        code=np.zeros(5, np.int64),
        buy=np.array([side == "b" for side in sides]),
        steps=steps,
        trade_id=np.arange(11, 16),
    )
    return tick_frame(columns, [BTC])


@pytest.fixture(scope="module")
def crash() -> pd.DataFrame:
    """Six minutes of a flash crash."""
    return generate("flash-crash", seed=7, until="6m")


def quoted() -> pd.DataFrame:
    """The same ticks, with the quotes before them."""
    frame = ticks()
    frame.attrs["quotes"] = "before"
    return frame


def test_the_quote_before_a_tick() -> None:
    """In a market of ours it is the book's just before the trade, exactly; a recording of a venue has it."""
    source = EngineSource(find_scenario("volatile")[0], 3)
    end = source.start + 2 * MINUTE
    frame = source_frame(source, source.start, end, [0])
    before = analysis.quote_before(frame)
    times = np.concatenate([batch.ticks[0].time for batch in batches_between(source, source.start, end)])
    books = source.books(0).during(source.start, end).quotes
    last = np.searchsorted(books.time, times, side="right") - 1
    # Of several fills in the same moment, the book shows what was before the first and after the last.
    alone = (np.diff(times, prepend=0) > 0) & (np.diff(times, append=times[-1] + 1) > 0)
    assert alone.sum() > 100
    for name, column in (
        ("bid_ticks", "bid"),
        ("bid_lots", "bid_size"),
        ("ask_ticks", "ask"),
        ("ask_lots", "ask_size"),
    ):
        assert before[name].to_numpy()[alone].tolist() == getattr(books, column)[last - 1][alone].tolist()
    assert (before["bid_ticks"] < before["ask_ticks"]).all()
    tick, lot = (float(step) for step in frame.attrs["instruments"][source.instruments[0].symbol])
    assert before["ask"].to_numpy() == pytest.approx(before["ask_ticks"].to_numpy() * tick)
    assert before["ask_size"].to_numpy() == pytest.approx(before["ask_lots"].to_numpy() * lot)
    names = list(before)
    pandas.testing.assert_frame_equal(analysis.quote_before(quoted()), quoted()[names])


def test_spread_and_mid() -> None:
    """In price, in ticks, in basis points of the mid price."""
    frame = quoted()
    assert analysis.mid(frame).tolist() == [price / 100 for price in PRICES]
    assert analysis.spread(frame).tolist() == [1.0] * 5
    assert analysis.spread(frame, "ticks").tolist() == [100] * 5
    assert analysis.spread(frame, "bps").iloc[0] == pytest.approx(100.0)


def test_returns_by_tick_and_by_interval() -> None:
    """A minute without a tick has a return of 0."""
    by_tick = analysis.returns(ticks())
    assert by_tick.tolist() == pytest.approx([math.log(1.01), 0.0, math.log(99 / 101), math.log(100 / 99)])
    by_minute = analysis.returns(ticks(), "1m")
    assert by_minute.tolist() == pytest.approx([math.log(99 / 101), 0.0, math.log(100 / 99)])
    assert by_minute.index[0] == pd.Timestamp("2025-01-06T00:01:00Z")


def test_realised_volatility_of_known_returns() -> None:
    """The root of the sum of squares, scaled by the root of time; a window that is not full is left out."""
    frame = ticks()
    result = analysis.realised_volatility(frame, interval="1m", window="4m", per="4m")
    wanted = math.sqrt(math.log(1.01) ** 2 + math.log(99 / 101) ** 2 + math.log(100 / 99) ** 2)
    assert result.tolist() == pytest.approx([wanted])
    a_day = analysis.realised_volatility(frame, interval="1m", window="4m")
    assert a_day.iloc[0] == pytest.approx(wanted * math.sqrt(360))
    assert len(analysis.realised_volatility(frame, interval="1m", window="5m")) == 0
    with pytest.raises(UsageError, match="whole number"):
        analysis.realised_volatility(frame, interval="40s", window="1m")


def test_imbalances() -> None:
    """Of the queue: 3 to 1. Of the flow: what buyers took less what sellers took, minute by minute."""
    assert analysis.queue_imbalance(quoted()).tolist() == [0.5] * 5
    flow = analysis.flow_imbalance(ticks(), "1m")
    assert flow.tolist() == [0.5, -1.0, -1.0]
    assert analysis.flow_imbalance(ticks("bsbss"), "1m").iloc[0] == 0.0


def test_bars_by_time() -> None:
    """Open, high, low, close, exact volume, and the volume-weighted price."""
    bars = analysis.time_bars(ticks(), "1m")
    first = bars.iloc[0]
    assert (first["open"], first["high"], first["low"], first["close"]) == (100.0, 101.0, 100.0, 101.0)
    assert (first["volume"], first["volume_lots"], first["trades"]) == (4.0, 400_000, 3)
    assert first["vwap"] == pytest.approx(100.75)
    assert [time.minute for time in bars.index] == [0, 1, 3]
    filled = analysis.time_bars(ticks(), "1m", fill=True)
    assert filled["volume"].tolist() == [4.0, 4.0, 0.0, 2.0]
    assert filled.iloc[2][["open", "high", "low", "close", "vwap"]].tolist() == [99.0] * 5
    assert filled.dtypes.drop("symbol").equals(bars.dtypes.drop("symbol"))


def test_bars_by_ticks_and_by_volume() -> None:
    """Each begins at its first tick; a tick is never split."""
    by_tick = analysis.tick_bars(ticks(), 2)
    assert by_tick["trades"].tolist() == [2, 2, 1]
    assert by_tick["close"].tolist() == [101.0, 99.0, 100.0]
    assert (pd.DatetimeIndex(by_tick.index).asi8 - START).tolist() == [0, 1_000, 200_000]
    by_volume = analysis.volume_bars(ticks(), 4.0)
    assert by_volume["volume"].tolist() == [4.0, 4.0, 2.0]
    assert (pd.DatetimeIndex(by_volume.index).asi8 - START).tolist() == [0, 61_000, 200_000]


def test_every_kind_of_bar_keeps_the_volume(crash: pd.DataFrame) -> None:
    """What was traded is in some bar, once, and no bar leaves its extremes."""
    for bars in (
        analysis.time_bars(crash, "7s"),
        analysis.time_bars(crash, "1s", fill=True),
        analysis.tick_bars(crash, 97),
        analysis.volume_bars(crash, 1.5),
    ):
        assert bars["volume_lots"].sum() == crash["size_lots"].sum()
        assert bars["trades"].sum() == len(crash)
        assert (bars["low"] <= bars[["open", "close", "vwap"]].min(axis=1) + 1e-9).all()
        assert (bars["high"] >= bars[["open", "close", "vwap"]].max(axis=1) - 1e-9).all()
        assert bars.index.is_monotonic_increasing


def test_bars_of_several_symbols_do_not_mix() -> None:
    """The bars of all are the bars of each."""
    frame = generate("majors", until="90s")
    bars = analysis.time_bars(frame, "30s", fill=True)
    for symbol in frame["symbol"].cat.categories:
        alone = analysis.time_bars(frame[frame["symbol"] == symbol], "30s", fill=True)
        pandas.testing.assert_frame_equal(bars[bars["symbol"] == symbol], alone)
    with pytest.raises(UsageError, match="one symbol"):
        analysis.returns(frame)


def test_gaps_are_counted() -> None:
    """Numbers that never came, runs of them, and rows that came twice."""
    frame = ticks()
    report = analysis.gap_report(frame).loc["BTC/USD"]
    assert (report["missing"], report["gaps"], report["repeated"]) == (0, 0, 0)
    assert report["longest_silence_ms"] == 139_000
    broken = pd.concat([frame.iloc[[0, 0]], frame.iloc[[2, 4]]])
    report = analysis.gap_report(broken).loc["BTC/USD"]
    assert (report["rows"], report["missing"], report["gaps"], report["repeated"]) == (4, 2, 2, 1)


def test_latency_is_above_the_promptest() -> None:
    """Late by what the schedule does not explain, at the market's speed."""
    frame = ticks()
    late_ms = [3.0, 0.0, 8.0, 1.0, 0.5]
    due = np.array(AFTER_MS) / 10
    frame["received"] = 1_800_000_000_000_000_000 + ((due + late_ms) * 1e6).astype(np.int64)
    assert analysis.latency(frame, speed=10).tolist() == pytest.approx(late_ms)
    report = analysis.latency_report(frame, speed=10)
    assert report["max"] == pytest.approx(8.0)
    assert report["p50"] == pytest.approx(1.0)
    assert report["jitter"] == pytest.approx((3 + 8 + 7 + 0.5) / 4)
    with pytest.raises(UsageError, match="arrivals=True"):
        analysis.latency(ticks())
    with pytest.raises(UsageError, match="speed"):
        analysis.latency(frame, speed=float("inf"))


def test_nothing_is_changed(crash: pd.DataFrame) -> None:
    """Pure: the frame is the same after every study of it."""
    frame = crash.head(2000).copy()
    frame["received"] = frame["timestamp"] * 1_000_000
    before = frame.copy(deep=True)
    for study in (
        analysis.quote_before,
        analysis.mid,
        analysis.spread,
        analysis.returns,
        analysis.realised_volatility,
        analysis.queue_imbalance,
        analysis.flow_imbalance,
        analysis.time_bars,
        analysis.gap_report,
        analysis.latency_report,
    ):
        study(frame)
    analysis.tick_bars(frame, 10)
    analysis.volume_bars(frame, 1.0)
    pandas.testing.assert_frame_equal(frame, before)


def test_no_ticks_no_bars() -> None:
    """An empty frame is a frame."""
    empty = ticks().head(0)
    assert len(analysis.time_bars(empty, fill=True)) == 0
    assert len(analysis.tick_bars(empty, 5)) == 0
    assert len(analysis.volume_bars(empty, 5.0)) == 0
    assert len(analysis.returns(empty, "1m")) == 0
    assert len(analysis.realised_volatility(empty)) == 0
    assert len(analysis.gap_report(empty)) == 0


@pytest.mark.parametrize("interval", ["soon", "0s", "100us"])
def test_bad_intervals_are_named(interval: str) -> None:
    """Whole milliseconds, not none."""
    with pytest.raises(UsageError, match=interval):
        analysis.time_bars(ticks(), interval)
